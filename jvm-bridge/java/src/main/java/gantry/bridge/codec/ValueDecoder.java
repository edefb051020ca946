package gantry.bridge.codec;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Date;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Reads values; the reverse of {@link ValueEncoder}. */
public class ValueDecoder {
    protected final Input in;

    public ValueDecoder(Input in) {
        this.in = in;
    }

    public final Object value() {
        int tag = in.u8();
        return switch (tag) {
            case Tag.BYTE -> in.i8();
            case Tag.SHORT -> in.i16();
            case Tag.INTEGER -> in.i32();
            case Tag.LONG -> in.i64();
            case Tag.FLOAT -> Float.intBitsToFloat(in.i32());
            case Tag.DOUBLE -> Double.longBitsToDouble(in.i64());
            case Tag.BOOLEAN -> in.bool();
            case Tag.STRING -> in.str();
            case Tag.BYTES -> in.bytes();
            case Tag.LIST -> list();
            case Tag.MAP -> map(new LinkedHashMap<>());
            case Tag.STRUCT -> struct();
            case Tag.DECIMAL -> decimal();
            case Tag.DATE -> new Date(in.i64());
            case Tag.BIG_INTEGER -> new BigInteger(in.bytes());
            case Tag.HASH_MAP -> map(new HashMap<>());
            case Tag.NULL -> null;
            default -> throw new IllegalStateException("a value of unknown tag " + tag + " in a message");
        };
    }

    private List<Object> list() {
        int count = in.count();
        List<Object> list = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            list.add(value());
        }
        return list;
    }

    private Map<Object, Object> map(Map<Object, Object> map) {
        int count = in.count();
        for (int i = 0; i < count; i++) {
            Object key = value();
            map.put(key, value());
        }
        return map;
    }

    private BigDecimal decimal() {
        int scale = in.i32();
        int length = in.v();
        if (length >= 1 && length <= Long.BYTES) {
            return BigDecimal.valueOf(in.whole(length), scale);
        }
        return new BigDecimal(new BigInteger(in.bytes(length)), scale);
    }

    /** A source's partition or offset; null if there is none. */
    @SuppressWarnings("unchecked")
    public final Map<String, Object> position() {
        return (Map<String, Object>) value();
    }

    protected Object struct() {
        throw new IllegalStateException("a struct outside of a record in a message");
    }
}
