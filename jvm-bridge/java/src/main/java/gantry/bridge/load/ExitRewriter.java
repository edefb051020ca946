package gantry.bridge.load;

import org.objectweb.asm.ClassReader;
import org.objectweb.asm.ClassVisitor;
import org.objectweb.asm.ClassWriter;
import org.objectweb.asm.Handle;
import org.objectweb.asm.MethodVisitor;
import org.objectweb.asm.Opcodes;

/**
 * Turns calls of {@code System.exit}, {@code Runtime.exit} and {@code Runtime.halt} into calls of
 * {@link gantry.bridge.Contained}. Newer Java has no security manager that could forbid them. Calls by reflection
 * stay what they are; who wants to be safe from those as well runs the plugin in a child process.
 */
final class ExitRewriter {
    private static final String CONTAINED = "gantry/bridge/Contained";
    private static final String SYSTEM = "java/lang/System";
    private static final String RUNTIME = "java/lang/Runtime";
    private static final String ONE_INT = "(I)V";

    private ExitRewriter() {
    }

    /** The class file itself where there is nothing to change, which is nearly always. */
    static byte[] rewrite(byte[] classFile) {
        if (!ExitScan.mayExit(classFile)) {
            return classFile;
        }
        try {
            ClassReader reader = new ClassReader(classFile);
            ClassWriter writer = new ClassWriter(reader, 0);
            reader.accept(new Classes(writer), 0);
            return writer.toByteArray();
        } catch (IllegalArgumentException e) {
            // Compiled for a newer Java than we can read: better uncontained than not at all.
            return classFile;
        }
    }

    private static boolean isStaticExit(String owner, String name, String descriptor) {
        return owner.equals(SYSTEM) && name.equals("exit") && descriptor.equals(ONE_INT);
    }

    private static boolean isRuntimeExit(String owner, String name, String descriptor) {
        return owner.equals(RUNTIME) && (name.equals("exit") || name.equals("halt")) && descriptor.equals(ONE_INT);
    }

    private static final class Classes extends ClassVisitor {
        Classes(ClassVisitor next) {
            super(Opcodes.ASM9, next);
        }

        @Override
        public MethodVisitor visitMethod(
                int access, String name, String descriptor, String signature, String[] exceptions) {
            return new Methods(super.visitMethod(access, name, descriptor, signature, exceptions));
        }
    }

    private static final class Methods extends MethodVisitor {
        private static final String RECEIVER_AND_INT = "(Ljava/lang/Runtime;I)V";

        Methods(MethodVisitor next) {
            super(Opcodes.ASM9, next);
        }

        @Override
        public void visitMethodInsn(int opcode, String owner, String name, String descriptor, boolean isInterface) {
            if (isStaticExit(owner, name, descriptor)) {
                super.visitMethodInsn(Opcodes.INVOKESTATIC, CONTAINED, "exit", ONE_INT, false);
            } else if (isRuntimeExit(owner, name, descriptor)) {
                super.visitMethodInsn(Opcodes.INVOKESTATIC, CONTAINED, "exit", RECEIVER_AND_INT, false);
            } else {
                super.visitMethodInsn(opcode, owner, name, descriptor, isInterface);
            }
        }

        /** A method reference, {@code System::exit}, is an argument of an invokedynamic. */
        @Override
        public void visitInvokeDynamicInsn(String name, String descriptor, Handle bootstrap, Object... arguments) {
            Object[] changed = arguments.clone();
            for (int i = 0; i < changed.length; i++) {
                if (changed[i] instanceof Handle handle) {
                    changed[i] = contained(handle);
                }
            }
            super.visitInvokeDynamicInsn(name, descriptor, bootstrap, changed);
        }

        private static Handle contained(Handle handle) {
            String owner = handle.getOwner();
            if (isStaticExit(owner, handle.getName(), handle.getDesc())) {
                return new Handle(Opcodes.H_INVOKESTATIC, CONTAINED, "exit", ONE_INT, false);
            }
            if (isRuntimeExit(owner, handle.getName(), handle.getDesc())) {
                return new Handle(Opcodes.H_INVOKESTATIC, CONTAINED, "exit", RECEIVER_AND_INT, false);
            }
            return handle;
        }
    }
}
