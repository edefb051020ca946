package gantry.bridge.codec;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.util.Collection;
import java.util.Date;
import java.util.HashMap;
import java.util.Map;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.errors.DataException;

/**
 * Writes values by their Java class, whatever schema they are said to have: a connector may put anything into a
 * record, and it is for the converter to judge it, not for the bridge.
 */
public class ValueEncoder {
    /** Where values go. */
    protected Output out;

    public ValueEncoder(Output out) {
        this.out = out;
    }

    public final Output out() {
        return out;
    }

    /** The classes are tried in the order of their frequency in change events. */
    public final void value(Object value) {
        if (value == null) {
            out.u8(Tag.NULL);
        } else if (value instanceof String text) {
            out.u8(Tag.STRING);
            out.str(text);
        } else if (value instanceof Long number) {
            out.tagged(Tag.LONG, number.longValue());
        } else if (value instanceof Integer number) {
            out.tagged(Tag.INTEGER, number.intValue());
        } else if (value instanceof Struct struct) {
            struct(struct);
        } else if (value instanceof Double number) {
            out.tagged(Tag.DOUBLE, Double.doubleToRawLongBits(number));
        } else if (value instanceof Boolean flag) {
            out.u8(Tag.BOOLEAN);
            out.bool(flag);
        } else if (value instanceof byte[] bytes) {
            out.u8(Tag.BYTES);
            out.bytes(bytes);
        } else {
            rarer(value);
        }
    }

    private void rarer(Object value) {
        if (value instanceof Date date) {
            out.tagged(Tag.DATE, date.getTime());
        } else if (value instanceof BigDecimal decimal) {
            out.tagged(Tag.DECIMAL, decimal.scale());
            out.bytes(decimal.unscaledValue().toByteArray());
        } else if (value instanceof Map<?, ?> map) {
            map(map, map.getClass() == HashMap.class ? Tag.HASH_MAP : Tag.MAP);
        } else if (value instanceof Collection<?> list) {
            out.u8(Tag.LIST);
            out.v(list.size());
            list.forEach(this::value);
        } else if (value instanceof Float number) {
            out.tagged(Tag.FLOAT, Float.floatToRawIntBits(number));
        } else if (value instanceof Short number) {
            out.u8(Tag.SHORT);
            out.i16(number);
        } else if (value instanceof Byte number) {
            out.u8(Tag.BYTE);
            out.u8(number);
        } else if (value instanceof ByteBuffer buffer) {
            out.u8(Tag.BYTES);
            buffer(buffer);
        } else if (value instanceof BigInteger number) {
            out.u8(Tag.BIG_INTEGER);
            out.bytes(number.toByteArray());
        } else {
            throw new DataException("a value of class " + value.getClass().getName() + " cannot be passed on");
        }
    }

    /** A map under the tag wanted: positions are always {@link Tag#MAP}, whatever their class. */
    protected final void map(Map<?, ?> map, int tag) {
        out.u8(tag);
        out.v(map.size());
        for (Map.Entry<?, ?> entry : map.entrySet()) {
            value(entry.getKey());
            value(entry.getValue());
        }
    }

    /** A source's partition or offset: a map, or null. */
    public final void position(Map<?, ?> position) {
        if (position == null) {
            out.u8(Tag.NULL);
        } else {
            map(position, Tag.MAP);
        }
    }

    private void buffer(ByteBuffer buffer) {
        int length = buffer.remaining();
        if (buffer.hasArray()) {
            out.v(length);
            out.raw(buffer.array(), buffer.arrayOffset() + buffer.position(), length);
        } else {
            byte[] bytes = new byte[length];
            buffer.duplicate().get(bytes);
            out.bytes(bytes);
        }
    }

    /** A struct names its schema, so it needs a dictionary, which only a stream of items has. */
    protected void struct(Struct struct) {
        throw new DataException("a struct cannot stand outside of a record");
    }
}
