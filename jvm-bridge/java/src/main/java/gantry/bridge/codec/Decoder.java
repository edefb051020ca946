package gantry.bridge.codec;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.connect.connector.ConnectRecord;
import org.apache.kafka.connect.data.ConnectSchema;
import org.apache.kafka.connect.data.Field;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.SchemaAndValue;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.header.ConnectHeaders;
import org.apache.kafka.connect.sink.SinkRecord;
import org.apache.kafka.connect.source.SourceRecord;

/** Reads a stream of items, and keeps what the other side defined in this stream and in those before. */
public final class Decoder extends ValueDecoder {
    private static final Schema.Type[] TYPES = Schema.Type.values();
    private static final TimestampType[] TIMESTAMP_TYPES = {
        TimestampType.NO_TIMESTAMP_TYPE, TimestampType.CREATE_TIME, TimestampType.LOG_APPEND_TIME
    };

    private static final VarHandle STRUCT_VALUES = structValues();

    private final List<ConnectSchema> schemas = new ArrayList<>();
    private final List<Field[]> fields = new ArrayList<>();
    private final List<String> texts = new ArrayList<>();

    public Decoder(Input in) {
        super(in);
        clear();
    }

    /** Forgets all definitions, as the other side does when a call failed. */
    public void clear() {
        schemas.clear();
        fields.clear();
        texts.clear();
        schemas.add(null);
        fields.add(null);
        texts.add(null);
    }

    /** Takes definitions in and returns the next item that is none. Its content is to be read next. */
    public int next() {
        while (true) {
            int item = in.u8();
            switch (item) {
                case Item.SCHEMA -> define();
                case Item.TEXT -> put(texts, in.v(), in.str());
                case Item.RESET -> clear();
                default -> {
                    return item;
                }
            }
        }
    }

    /** The next item must be this one. */
    public void expect(int item) {
        int found = next();
        if (found != item) {
            throw new IllegalStateException("item " + found + " where item " + item + " was expected");
        }
    }

    /** The sink records up to the end of the items. */
    public List<SinkRecord> sinkRecords() {
        List<SinkRecord> records = new ArrayList<>();
        int item = next();
        while (item == Item.SINK_RECORD) {
            records.add(sinkRecord());
            item = next();
        }
        if (item != Item.END) {
            throw new IllegalStateException("item " + item + " among sink records");
        }
        return records;
    }

    private SinkRecord sinkRecord() {
        String topic = text();
        int partition = in.i32();
        Long timestamp = timestamp();
        TimestampType timestampType = TIMESTAMP_TYPES[in.u8()];
        Schema keySchema = schema();
        Object key = value();
        Schema valueSchema = schema();
        Object value = value();
        ConnectHeaders headers = headers();
        long offset = in.i64();
        String originalTopic = text();
        int originalPartition = in.i32();
        return new SinkRecord(topic, partition, keySchema, key, valueSchema, value, offset, timestamp, timestampType,
                headers, originalTopic, originalPartition, offset);
    }

    /**
     * A record for a transformation. A source's has no position here: the position stays on the other side, where no
     * transformation can touch it; the maps are empty rather than null for those that look.
     */
    public ConnectRecord<?> connectRecord() {
        String topic = text();
        int partition = in.i32();
        Long timestamp = timestamp();
        Schema keySchema = schema();
        Object key = value();
        Schema valueSchema = schema();
        Object value = value();
        ConnectHeaders headers = headers();
        long offset = in.i64();
        if (offset < 0) {
            return new SourceRecord(new HashMap<>(), new HashMap<>(), topic, partition < 0 ? null : partition,
                    keySchema, key, valueSchema, value, timestamp, headers);
        }
        return new SinkRecord(topic, partition, keySchema, key, valueSchema, value, offset, timestamp,
                timestamp == null ? TimestampType.NO_TIMESTAMP_TYPE : TimestampType.CREATE_TIME, headers);
    }

    /** The schema in front of a datum; null for none. */
    public Schema schema() {
        return get(schemas, in.v());
    }

    /** Null where there are none, which records take for empty. */
    public ConnectHeaders headers() {
        int count = in.count();
        if (count == 0) {
            return null;
        }
        ConnectHeaders headers = new ConnectHeaders();
        for (int i = 0; i < count; i++) {
            String name = text();
            Schema schema = schema();
            headers.add(name, new SchemaAndValue(schema, value()));
        }
        return headers;
    }

    /** A text of the dictionary; null for none. */
    String text() {
        return get(texts, in.v());
    }

    private Long timestamp() {
        long timestamp = in.i64();
        return timestamp == Item.NO_TIMESTAMP ? null : timestamp;
    }

    /**
     * Values are put where {@link Struct#put} would, without its check of each against the schema: the other side has
     * made them by that schema. Where Kafka keeps them elsewhere they are put. Fields that are null are left out:
     * putting null where the schema forbids it is for the plugin to find.
     */
    @Override
    protected Object struct() {
        int id = in.v();
        Struct struct = new Struct(get(schemas, id));
        if (STRUCT_VALUES != null) {
            Object[] values = (Object[]) STRUCT_VALUES.get(struct);
            for (int i = 0; i < values.length; i++) {
                values[i] = value();
            }
            return struct;
        }
        for (Field field : fields.get(id)) {
            Object value = value();
            if (value != null) {
                struct.put(field, value);
            }
        }
        return struct;
    }

    private static VarHandle structValues() {
        try {
            return MethodHandles.privateLookupIn(Struct.class, MethodHandles.lookup()).findVarHandle(Struct.class, "values", Object[].class);
        } catch (ReflectiveOperationException e) {
            return null;
        }
    }

    private void define() {
        int id = in.v();
        Schema.Type type = TYPES[in.u8()];
        int flags = in.u8();
        String name = in.ostr();
        Integer version = (flags & 4) != 0 ? in.i32() : null;
        String doc = in.ostr();
        Map<String, String> parameters = (flags & 8) != 0 ? parameters() : null;
        List<Field> list = null;
        Schema key = null;
        Schema element = null;
        switch (type) {
            case STRUCT -> list = structFields();
            case ARRAY -> element = schema();
            case MAP -> {
                key = schema();
                element = schema();
            }
            default -> { }
        }
        Object defaultValue = (flags & 2) != 0 ? value() : null;
        ConnectSchema schema = new ConnectSchema(
                type, (flags & 1) != 0, defaultValue, name, version, doc, parameters, list, key, element);
        put(schemas, id, WellKnown.instance(schema));
        put(fields, id, list == null ? null : list.toArray(Field[]::new));
    }

    private List<Field> structFields() {
        int count = in.count();
        List<Field> list = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            list.add(new Field(in.str(), i, schema()));
        }
        return list;
    }

    private Map<String, String> parameters() {
        int count = in.count();
        Map<String, String> parameters = new LinkedHashMap<>();
        for (int i = 0; i < count; i++) {
            parameters.put(in.str(), in.str());
        }
        return parameters;
    }

    private static <T> T get(List<T> list, int id) {
        if (id < 0 || id >= list.size()) {
            throw new IllegalStateException("a message refers to definition " + id + " of " + (list.size() - 1));
        }
        return list.get(id);
    }

    private static <T> void put(List<T> list, int id, T entry) {
        if (id != list.size()) {
            throw new IllegalStateException("definition " + id + " where " + list.size() + " was expected");
        }
        list.add(entry);
    }
}
