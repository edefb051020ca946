package gantry.bridge.codec;

import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import org.apache.kafka.connect.connector.ConnectRecord;
import org.apache.kafka.connect.data.Field;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.header.Header;
import org.apache.kafka.connect.header.Headers;
import org.apache.kafka.connect.source.SourceRecord;

/**
 * Writes a stream of items and remembers, from one stream to the next, what the other side was told: schemas, texts,
 * partitions. An item is written straight to its place; definitions that it turns out to need are gathered aside and
 * put in front of it when it is done, which is rare enough that the move costs nothing.
 */
public final class Encoder extends ValueEncoder {
    private static final int ASIDE = 1024;

    private final Output definitions = new Output(ASIDE);
    private final SchemaDictionary schemas = new SchemaDictionary(this);
    private final Map<String, Integer> texts = new HashMap<>();
    private final Map<Map<String, ?>, Integer> partitions = new HashMap<>();
    private String lastText;
    private int lastTextId;
    private Map<String, ?> lastPartition;
    private int lastPartitionId;
    private int begin;

    public Encoder(Output out) {
        super(out);
    }

    /** Forgets all, as the other side does when a call failed. */
    public void clear() {
        schemas.clear();
        texts.clear();
        partitions.clear();
        lastText = null;
        lastPartition = null;
        definitions.shrink(ASIDE);
    }

    /** Between two batches a connector may change the map that it uses as its partition. */
    public void newBatch() {
        lastPartition = null;
    }

    public void sourceRecord(SourceRecord record, int transaction) {
        begin(Item.SOURCE_RECORD);
        out.v(text(record.topic()));
        content(record);
        out.v(partition(record.sourcePartition()));
        int length = out.beginLength();
        checkedPosition(record.sourceOffset());
        out.endLength(length);
        out.u8(transaction);
        finish();
    }

    public void connectRecord(ConnectRecord<?> record, long offset) {
        begin(Item.CONNECT_RECORD);
        out.v(text(record.topic()));
        content(record);
        out.i64(offset);
        finish();
    }

    /** Headers, which may be null, and one datum. */
    public void datum(Headers headers, Schema schema, Object value) {
        begin(Item.DATUM);
        headers(headers);
        datum(schema, value);
        finish();
    }

    public void end() {
        out.u8(Item.END);
    }

    /** What all records have between their topic and what is special to them. */
    void content(ConnectRecord<?> record) {
        Integer partition = record.kafkaPartition();
        out.i32(partition == null ? -1 : partition);
        Long timestamp = record.timestamp();
        out.i64(timestamp == null ? Item.NO_TIMESTAMP : timestamp);
        datum(record.keySchema(), record.key());
        datum(record.valueSchema(), record.value());
        headers(record.headers());
    }

    /** A position in one pass: what {@link Positions} allows without asking Kafka is written at once. */
    private void checkedPosition(Map<String, ?> position) {
        if (position == null) {
            out.u8(Tag.NULL);
            return;
        }
        out.u8(Tag.MAP);
        out.v(position.size());
        for (Map.Entry<?, ?> entry : position.entrySet()) {
            if (!Positions.isPlain(entry)) {
                Positions.check(position);
            }
            value(entry.getKey());
            value(entry.getValue());
        }
    }

    void headers(Headers headers) {
        if (headers == null || headers.isEmpty()) {
            out.v(0);
            return;
        }
        out.v(headers.size());
        for (Header header : headers) {
            out.v(text(header.key()));
            datum(header.schema(), header.value());
        }
    }

    void datum(Schema schema, Object value) {
        if (schema == null) {
            out.v(0);
            value(value);
            return;
        }
        Plan plan = schemas.plan(schema);
        out.v(plan.id);
        if (value instanceof Struct struct) {
            struct(struct, plan);
        } else {
            value(value);
        }
    }

    @Override
    protected void struct(Struct struct) {
        struct(struct, null);
    }

    private void struct(Struct struct, Plan expected) {
        Schema schema = struct.schema();
        Plan plan = expected != null && expected.schema == schema ? expected : schemas.plan(schema);
        out.u8(Tag.STRUCT);
        out.v(plan.id);
        int count = plan.fields.length;
        for (int i = 0; i < count; i++) {
            Object value = plan.read(struct, i);
            if (value instanceof Struct inner) {
                struct(inner, plan.nested[i]);
            } else {
                value(value);
            }
        }
    }

    void begin(int item) {
        begin = out.size();
        if (schemas.size() >= Item.DICTIONARY_LIMIT
                || texts.size() >= Item.DICTIONARY_LIMIT
                || partitions.size() >= Item.DICTIONARY_LIMIT) {
            clear();
            definitions.u8(Item.RESET);
        }
        out.u8(item);
    }

    void finish() {
        if (definitions.size() > 0) {
            out.insert(begin, definitions);
            definitions.clear();
        }
    }

    int text(String text) {
        if (text == null) {
            return 0;
        }
        if (text.equals(lastText)) {
            return lastTextId;
        }
        Integer id = texts.get(text);
        if (id == null) {
            id = texts.size() + 1;
            texts.put(text, id);
            definitions.u8(Item.TEXT);
            definitions.v(id);
            definitions.str(text);
        }
        lastText = text;
        lastTextId = id;
        return id;
    }

    private int partition(Map<String, ?> partition) {
        if (partition == null) {
            return 0;
        }
        if (partition == lastPartition) {
            return lastPartitionId;
        }
        Integer id = partitions.get(partition);
        if (id == null) {
            Positions.check(partition);
            id = partitions.size() + 1;
            partitions.put(new LinkedHashMap<>(partition), id);
            definitions.u8(Item.PARTITION);
            definitions.v(id);
            int length = definitions.beginLength();
            aside(definitions, () -> position(partition));
            definitions.endLength(length);
        }
        lastPartition = partition;
        lastPartitionId = id;
        return id;
    }

    /** The definition of a schema whose parts are defined already. */
    void define(Plan plan) {
        Schema schema = plan.schema;
        Output defaultValue = null;
        if (schema.defaultValue() != null) {
            // First: a default may itself need definitions, and a definition must not stand inside another one.
            Output buffer = new Output(64);
            aside(buffer, () -> value(schema.defaultValue()));
            defaultValue = buffer;
        }
        Output to = definitions;
        to.u8(Item.SCHEMA);
        to.v(plan.id);
        to.u8(schema.type().ordinal());
        Map<String, String> parameters = schema.parameters();
        to.u8((schema.isOptional() ? 1 : 0)
                | (defaultValue != null ? 2 : 0)
                | (schema.version() != null ? 4 : 0)
                | (parameters != null ? 8 : 0));
        to.ostr(schema.name());
        if (schema.version() != null) {
            to.i32(schema.version());
        }
        to.ostr(schema.doc());
        if (parameters != null) {
            to.v(parameters.size());
            parameters.forEach((key, value) -> {
                to.str(key);
                to.str(value);
            });
        }
        parts(plan, to);
        if (defaultValue != null) {
            to.raw(defaultValue.array(), 0, defaultValue.size());
        }
    }

    private static void parts(Plan plan, Output to) {
        if (plan.schema.type() == Schema.Type.STRUCT) {
            to.v(plan.fields.length);
        }
        if (plan.nested == null) {
            return;
        }
        for (int i = 0; i < plan.nested.length; i++) {
            if (plan.schema.type() == Schema.Type.STRUCT) {
                Field field = plan.fields[i];
                to.str(field.name());
            }
            to.v(plan.nested[i].id);
        }
    }

    private void aside(Output to, Runnable write) {
        Output main = out;
        out = to;
        try {
            write.run();
        } finally {
            out = main;
        }
    }
}
