package gantry.bridge.load;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * Says quickly whether a class can call one of the methods that end the process: its constant pool must name both the
 * class and the method. The pool is walked once, without building anything.
 */
final class ExitScan {
    private static final byte[] SYSTEM = "java/lang/System".getBytes(StandardCharsets.US_ASCII);
    private static final byte[] RUNTIME = "java/lang/Runtime".getBytes(StandardCharsets.US_ASCII);
    private static final byte[] EXIT = "exit".getBytes(StandardCharsets.US_ASCII);
    private static final byte[] HALT = "halt".getBytes(StandardCharsets.US_ASCII);

    /** Magic number and version stand in front of the number of constants. */
    private static final int COUNT_AT = 8;
    private static final int UTF8 = 1;

    private ExitScan() {
    }

    static boolean mayExit(byte[] file) {
        if (file.length < COUNT_AT + 2) {
            return false;
        }
        int count = u16(file, COUNT_AT);
        int at = COUNT_AT + 2;
        boolean owner = false;
        boolean method = false;
        for (int i = 1; i < count && at + 2 < file.length; i++) {
            int tag = file[at];
            if (tag == UTF8) {
                int length = u16(file, at + 1);
                int from = at + 3;
                owner |= is(SYSTEM, file, from, length) || is(RUNTIME, file, from, length);
                method |= is(EXIT, file, from, length) || is(HALT, file, from, length);
                if (owner && method) {
                    return true;
                }
                at = from + length;
                continue;
            }
            int size = size(tag);
            if (size == 0) {
                // A constant that we do not know: the thorough way will judge.
                return true;
            }
            at += 1 + size;
            if (tag == 5 || tag == 6) {
                // A long or a double takes two numbers.
                i++;
            }
        }
        return false;
    }

    /** The bytes behind the tag of a constant (JVM specification, 4.4); 0 if unknown. */
    private static int size(int tag) {
        return switch (tag) {
            case 7, 8, 16, 19, 20 -> 2;
            case 15 -> 3;
            case 3, 4, 9, 10, 11, 12, 17, 18 -> 4;
            case 5, 6 -> 8;
            default -> 0;
        };
    }

    private static boolean is(byte[] name, byte[] file, int from, int length) {
        return length == name.length && from + length <= file.length
                && Arrays.equals(name, 0, length, file, from, from + length);
    }

    private static int u16(byte[] file, int at) {
        return (file[at] & 0xff) << 8 | file[at + 1] & 0xff;
    }
}
