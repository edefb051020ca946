package gantry.bridge.codec;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;

/** Bytes being read, little endian. Reading past the end is an error of whoever wrote them, and is reported as such. */
public final class Input {
    private static final VarHandle SHORT = MethodHandles.byteArrayViewVarHandle(short[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle INT = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

    private byte[] bytes;
    private int at;
    private int end;

    public Input() {
        this(new byte[0]);
    }

    public Input(byte[] bytes) {
        reset(bytes, bytes.length);
    }

    public void reset(byte[] bytes, int length) {
        this.bytes = bytes;
        this.at = 0;
        this.end = length;
    }

    public int u8() {
        return i8() & 0xff;
    }

    public byte i8() {
        return bytes[advance(1)];
    }

    public boolean bool() {
        return i8() != 0;
    }

    public short i16() {
        return (short) SHORT.get(bytes, advance(Short.BYTES));
    }

    public int i32() {
        return (int) INT.get(bytes, advance(Integer.BYTES));
    }

    public long i64() {
        return (long) LONG.get(bytes, advance(Long.BYTES));
    }

    /** Unsigned LEB128. */
    public int v() {
        byte first = i8();
        return first >= 0 ? first : more(first & 0x7f);
    }

    private int more(int low) {
        int value = low;
        for (int shift = 7; shift < 35; shift += 7) {
            byte next = i8();
            value |= (next & 0x7f) << shift;
            if (next >= 0) {
                return value;
            }
        }
        throw new IllegalStateException("a number of more than 32 bits in a message");
    }

    /** A count of things of at least one byte each: a damaged message must not make us allocate without limit. */
    public int count() {
        int count = v();
        if (count < 0 || count > end - at) {
            throw tooShort(count);
        }
        return count;
    }

    public String str() {
        return text(v());
    }

    public String ostr() {
        int length = v();
        return length == 0 ? null : text(length - 1);
    }

    private String text(int length) {
        return new String(bytes, advance(length), length, StandardCharsets.UTF_8);
    }

    /** A whole number of at most eight bytes, the highest first. */
    long whole(int length) {
        int from = advance(length);
        long value = bytes[from];
        for (int i = 1; i < length; i++) {
            value = value << 8 | bytes[from + i] & 0xff;
        }
        return value;
    }

    public byte[] bytes() {
        return bytes(v());
    }

    byte[] bytes(int length) {
        int from = advance(length);
        return Arrays.copyOfRange(bytes, from, from + length);
    }

    public Map<String, String> map() {
        int count = count();
        Map<String, String> properties = new HashMap<>(count * 2);
        for (int i = 0; i < count; i++) {
            properties.put(str(), ostr());
        }
        return properties;
    }

    private int advance(int length) {
        int from = at;
        if (length < 0 || length > end - from) {
            throw tooShort(length);
        }
        at = from + length;
        return from;
    }

    private IllegalStateException tooShort(int length) {
        return new IllegalStateException(
                "a message of " + end + " bytes has no " + Integer.toUnsignedString(length) + " more at " + at);
    }
}
