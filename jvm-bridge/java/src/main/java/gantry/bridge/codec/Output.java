package gantry.bridge.codec;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Map;

/**
 * Bytes being written, little endian, in an array that grows. An array and not the direct buffer itself: the JIT
 * compiles plain array stores into single instructions, and one bulk copy at the end costs less than a bounds check
 * per field of a buffer.
 */
public final class Output {
    private static final VarHandle SHORT = MethodHandles.byteArrayViewVarHandle(short[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle INT = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

    /** Up to this length a loop over the characters beats a call of {@code getBytes}, which allocates. */
    private static final int SHORT_TEXT = 48;

    /** The most bytes that a varint takes. */
    private static final int VARINT = 5;

    private final int initial;
    private byte[] bytes;
    private int size;

    public Output(int initial) {
        this.initial = initial;
        this.bytes = new byte[initial];
    }

    /** The array that holds what was written; another one after a write that made it grow. */
    public byte[] array() {
        return bytes;
    }

    public int size() {
        return size;
    }

    public byte[] toBytes() {
        return Arrays.copyOf(bytes, size);
    }

    public void clear() {
        size = 0;
    }

    /** Forgets what was written behind {@code size}. */
    public void truncate(int size) {
        this.size = size;
    }

    /** Gives back the memory of an extraordinary message; the content is gone. */
    public void shrink(int limit) {
        size = 0;
        if (bytes.length > limit) {
            bytes = new byte[initial];
        }
    }

    public void u8(int value) {
        require(1);
        bytes[size++] = (byte) value;
    }

    public void bool(boolean value) {
        u8(value ? 1 : 0);
    }

    public void i16(short value) {
        require(Short.BYTES);
        SHORT.set(bytes, size, value);
        size += Short.BYTES;
    }

    public void i32(int value) {
        require(Integer.BYTES);
        INT.set(bytes, size, value);
        size += Integer.BYTES;
    }

    public void i64(long value) {
        require(Long.BYTES);
        LONG.set(bytes, size, value);
        size += Long.BYTES;
    }

    /** A tag and 32 bits behind it, with one check of the room. */
    void tagged(int tag, int value) {
        require(1 + Integer.BYTES);
        bytes[size] = (byte) tag;
        INT.set(bytes, size + 1, value);
        size += 1 + Integer.BYTES;
    }

    /** A tag and 64 bits behind it, with one check of the room. */
    void tagged(int tag, long value) {
        require(1 + Long.BYTES);
        bytes[size] = (byte) tag;
        LONG.set(bytes, size + 1, value);
        size += 1 + Long.BYTES;
    }

    /** Unsigned LEB128. */
    public void v(int value) {
        require(VARINT);
        varint(value);
    }

    private void varint(int value) {
        byte[] to = bytes;
        int at = size;
        int rest = value;
        while ((rest & ~0x7f) != 0) {
            to[at++] = (byte) (rest | 0x80);
            rest >>>= 7;
        }
        to[at++] = (byte) rest;
        size = at;
    }

    public void str(String text) {
        text(text, 0);
    }

    /** A text that may be null: 0, else the length plus one. */
    public void ostr(String text) {
        if (text == null) {
            u8(0);
        } else {
            text(text, 1);
        }
    }

    private void text(String text, int plus) {
        int length = text.length();
        if (length > SHORT_TEXT || !ascii(text, length, plus)) {
            byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
            v(utf8.length + plus);
            raw(utf8, 0, utf8.length);
        }
    }

    /** Writes a short text as long as it is ASCII; else it writes nothing and says so. */
    private boolean ascii(String text, int length, int plus) {
        require(1 + length);
        byte[] to = bytes;
        int at = size;
        to[at++] = (byte) (length + plus);
        for (int i = 0; i < length; i++) {
            char c = text.charAt(i);
            if (c >= 0x80) {
                return false;
            }
            to[at + i] = (byte) c;
        }
        size = at + length;
        return true;
    }

    public void bytes(byte[] value) {
        v(value.length);
        raw(value, 0, value.length);
    }

    public void raw(byte[] from, int offset, int length) {
        require(length);
        System.arraycopy(from, offset, bytes, size, length);
        size += length;
    }

    public void map(Map<String, ?> properties) {
        v(properties.size());
        for (Map.Entry<String, ?> entry : properties.entrySet()) {
            str(entry.getKey());
            Object value = entry.getValue();
            ostr(value == null ? null : value.toString());
        }
    }

    /** Keeps one byte for a length that {@link #endLength} writes; the common length is below 128. */
    int beginLength() {
        u8(0);
        return size;
    }

    void endLength(int begin) {
        int length = size - begin;
        if (length < 0x80) {
            bytes[begin - 1] = (byte) length;
            return;
        }
        int more = (31 - Integer.numberOfLeadingZeros(length)) / 7;
        require(more);
        System.arraycopy(bytes, begin, bytes, begin + more, length);
        size = begin - 1;
        varint(length);
        size += length;
    }

    /** Puts all of {@code other} in front of what stands at {@code at}. */
    void insert(int at, Output other) {
        require(other.size);
        System.arraycopy(bytes, at, bytes, at + other.size, size - at);
        System.arraycopy(other.bytes, 0, bytes, at, other.size);
        size += other.size;
    }

    private void require(int more) {
        if (bytes.length - size < more) {
            grow(more);
        }
    }

    private void grow(int more) {
        long needed = (long) size + more;
        if (needed > Integer.MAX_VALUE - 8) {
            throw new OutOfMemoryError("a message of " + needed + " bytes does not fit into an array");
        }
        bytes = Arrays.copyOf(bytes, (int) Math.min(Integer.MAX_VALUE - 8, Math.max(needed, 2L * bytes.length)));
    }
}
