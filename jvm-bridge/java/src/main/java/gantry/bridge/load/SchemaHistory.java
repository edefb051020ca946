package gantry.bridge.load;

import java.io.IOException;
import java.io.InputStream;
import org.objectweb.asm.ClassReader;
import org.objectweb.asm.ClassVisitor;
import org.objectweb.asm.ClassWriter;
import org.objectweb.asm.MethodVisitor;
import org.objectweb.asm.Opcodes;

/**
 * Debezium's connectors keep the history of their schemas in a Kafka topic, and reach it with a Kafka client of their
 * own, for which there is no broker here. So the class that does it is changed while it is loaded: it gets our
 * {@code LogSchemaHistory} as its superclass and loses its methods. What is left are its settings and their
 * validation, which therefore fit the plugin's version, whichever that is.
 */
final class SchemaHistory {
    private static final String ORIGINAL = "io.debezium.storage.kafka.history.KafkaSchemaHistory";
    private static final String OURS = "gantry.plugin.LogSchemaHistory";
    private static final String OURS_INTERNAL = OURS.replace('.', '/');
    private static final String CONSTRUCTOR = "<init>";

    private SchemaHistory() {
    }

    static boolean isOriginal(String className) {
        return className.equals(ORIGINAL);
    }

    /** Our class extends the plugin's, so the plugin's loader has to define it. */
    static boolean isOurs(String className) {
        return className.equals(OURS);
    }

    static byte[] ours() throws IOException {
        try (InputStream in = SchemaHistory.class.getResourceAsStream("/" + OURS_INTERNAL + ".class")) {
            if (in == null) {
                throw new IOException(OURS + " is missing");
            }
            return in.readAllBytes();
        }
    }

    static byte[] rewrite(byte[] original) {
        ClassReader reader = new ClassReader(original);
        ClassWriter writer = new ClassWriter(reader, 0);
        reader.accept(new Stripped(writer, reader.getSuperName()), 0);
        return writer.toByteArray();
    }

    private static final class Stripped extends ClassVisitor {
        private final String superclass;

        Stripped(ClassVisitor next, String superclass) {
            super(Opcodes.ASM9, next);
            this.superclass = superclass;
        }

        @Override
        public void visit(int version, int access, String name, String signature, String parent, String[] interfaces) {
            super.visit(version, access, name, null, OURS_INTERNAL, interfaces);
        }

        @Override
        public MethodVisitor visitMethod(
                int access, String name, String descriptor, String signature, String[] exceptions) {
            if (name.equals(CONSTRUCTOR)) {
                return new Constructor(super.visitMethod(access, name, descriptor, signature, exceptions), superclass);
            }
            boolean kept = (access & Opcodes.ACC_STATIC) != 0;
            return kept ? super.visitMethod(access, name, descriptor, signature, exceptions) : null;
        }
    }

    /** Calls the constructor of the new superclass. */
    private static final class Constructor extends MethodVisitor {
        private final String superclass;

        Constructor(MethodVisitor next, String superclass) {
            super(Opcodes.ASM9, next);
            this.superclass = superclass;
        }

        @Override
        public void visitMethodInsn(int opcode, String owner, String name, String descriptor, boolean isInterface) {
            boolean toSuper = name.equals(CONSTRUCTOR) && owner.equals(superclass);
            super.visitMethodInsn(opcode, toSuper ? OURS_INTERNAL : owner, name, descriptor, isInterface);
        }
    }
}
