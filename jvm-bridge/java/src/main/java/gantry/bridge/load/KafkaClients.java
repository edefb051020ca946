package gantry.bridge.load;

import java.util.Set;
import org.objectweb.asm.ClassReader;
import org.objectweb.asm.ClassVisitor;
import org.objectweb.asm.ClassWriter;
import org.objectweb.asm.MethodVisitor;
import org.objectweb.asm.Opcodes;

/**
 * Iceberg's sink lets its tasks agree on commits through a topic, which it reaches with Kafka clients of its own, for
 * which there is no broker here. So the class that makes them is changed while it is loaded: its methods that give a
 * client give one of {@link gantry.bridge.clients.LogClients}. Nothing else of the connector is touched.
 */
final class KafkaClients {
    /** Iceberg's, and that of the connector that Iceberg's began as. */
    private static final Set<String> FACTORIES = Set.of(
            "org.apache.iceberg.connect.channel.KafkaClientFactory",
            "io.tabular.iceberg.connect.channel.KafkaClientFactory");
    private static final String OURS = "gantry/bridge/clients/LogClients";
    private static final String PROPERTIES = "kafkaProps";
    private static final String MAP = "Ljava/util/Map;";
    private static final String TEXT = "Ljava/lang/String;";

    private KafkaClients() {
    }

    static boolean isFactory(String className) {
        return FACTORIES.contains(className);
    }

    static byte[] rewrite(byte[] original) {
        ClassReader reader = new ClassReader(original);
        ClassWriter writer = new ClassWriter(ClassWriter.COMPUTE_MAXS);
        reader.accept(new Factory(writer, reader.getClassName()), 0);
        return writer.toByteArray();
    }

    private static final class Factory extends ClassVisitor {
        private final String self;

        Factory(ClassVisitor next, String self) {
            super(Opcodes.ASM9, next);
            this.self = self;
        }

        @Override
        public MethodVisitor visitMethod(
                int access, String name, String descriptor, String signature, String[] exceptions) {
            MethodVisitor method = super.visitMethod(access, name, descriptor, signature, exceptions);
            String ours = switch (name) {
                case "createProducer" -> "producer";
                case "createConsumer" -> "consumer";
                case "createAdmin" -> "admin";
                default -> null;
            };
            if (ours == null) {
                return method;
            }
            boolean named = descriptor.startsWith("(" + TEXT + ")");
            String result = descriptor.substring(descriptor.indexOf(')'));
            method.visitCode();
            method.visitVarInsn(Opcodes.ALOAD, 0);
            method.visitFieldInsn(Opcodes.GETFIELD, self, PROPERTIES, MAP);
            if (named) {
                method.visitVarInsn(Opcodes.ALOAD, 1);
            }
            method.visitMethodInsn(Opcodes.INVOKESTATIC, OURS, ours, "(" + MAP + (named ? TEXT : "") + result, false);
            method.visitInsn(Opcodes.ARETURN);
            method.visitMaxs(0, 0);
            method.visitEnd();
            return null;
        }
    }
}
