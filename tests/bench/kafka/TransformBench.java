// One benchmark case in a JVM of its own: `java TransformBench.java <cases.json> <transformations|chains> <name> <schemas> <seconds>`.
// Prints the nanoseconds per record of each of several windows, once the loop has run warm, and a sum of what it made.

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.File;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.SchemaAndValue;
import org.apache.kafka.connect.header.ConnectHeaders;
import org.apache.kafka.connect.json.JsonConverter;
import org.apache.kafka.connect.sink.SinkRecord;
import org.apache.kafka.connect.transforms.Transformation;
import org.apache.kafka.connect.transforms.predicates.Predicate;

public class TransformBench {
    static final int WINDOWS = 7;
    static final double WARM_CHAIN_S = 5;

    record Step(Transformation<SinkRecord> transformation, Predicate<SinkRecord> predicate) {
        SinkRecord apply(SinkRecord record) {
            return predicate == null || predicate.test(record) ? transformation.apply(record) : record;
        }
    }

    final JsonNode cases;
    final boolean chain;
    final List<Step> steps = new ArrayList<>();
    final JsonConverter converter = new JsonConverter();
    final byte[][] keys;
    final byte[][] values;
    final SinkRecord[] records;
    final SinkRecord[] made;
    final byte[][] written;

    TransformBench(JsonNode cases, String kind, String name, boolean schemas) throws Exception {
        this.cases = cases;
        chain = kind.equals("chains");
        for (JsonNode step : cases.get(kind).get(name)) {
            steps.add(new Step(make(step), step.has("predicate") ? make(step.get("predicate")) : null));
        }
        converter.configure(Map.of("schemas.enable", String.valueOf(schemas)), false);
        int batch = cases.get("batch").asInt();
        keys = new byte[batch][];
        values = new byte[batch][];
        records = new SinkRecord[batch];
        made = new SinkRecord[batch];
        written = new byte[batch][];
        for (int i = 0; i < batch; i++) {
            keys[i] = json("key", i, schemas);
            values[i] = json("value", i, schemas);
            records[i] = record(i);
        }
    }

    @SuppressWarnings("unchecked")
    static <T extends org.apache.kafka.common.Configurable> T make(JsonNode step) throws Exception {
        T made = (T) Class.forName(step.get("type").asText()).getDeclaredConstructor().newInstance();
        Map<String, String> config = new HashMap<>();
        step.fields().forEachRemaining(field -> {
            if (field.getValue().isTextual() && !field.getKey().equals("type")) config.put(field.getKey(), field.getValue().asText());
        });
        made.configure(config);
        return made;
    }

    byte[] json(String part, int number, boolean schemas) {
        JsonNode node = schemas ? cases.get(part) : cases.get(part).get("payload");
        String text = node.toString().replace("\"#\"", String.valueOf(number)).replace("#", String.valueOf(number));
        return text.getBytes(StandardCharsets.UTF_8);
    }

    SinkRecord record(int i) {
        String topic = cases.get("topic").asText();
        SchemaAndValue key = converter.toConnectData(topic, keys[i]);
        SchemaAndValue value = converter.toConnectData(topic, values[i]);
        ConnectHeaders headers = new ConnectHeaders();
        cases.get("headers").fields().forEachRemaining(h -> headers.add(h.getKey(), h.getValue().asText(), Schema.STRING_SCHEMA));
        return new SinkRecord(topic, cases.get("partition").asInt(), key.schema(), key.value(), value.schema(), value.value(), i,
            cases.get("timestamp_ms").asLong(), TimestampType.CREATE_TIME, headers);
    }

    /** Transformations only: the records are made beforehand, and Java's transformations leave them as they are. */
    void transformOnce() {
        for (int i = 0; i < records.length; i++) made[i] = apply(records[i]);
    }

    /** From bytes to bytes: value converter, the chain, value converter. */
    void chainOnce() {
        for (int i = 0; i < records.length; i++) {
            SinkRecord before = records[i];
            SchemaAndValue value = converter.toConnectData(before.topic(), values[i]);
            SinkRecord record = apply(before.newRecord(before.topic(), before.kafkaPartition(), before.keySchema(), before.key(),
                value.schema(), value.value(), before.timestamp(), before.headers()));
            made[i] = record;
            written[i] = record == null ? null : converter.fromConnectData(record.topic(), record.valueSchema(), record.value());
        }
    }

    SinkRecord apply(SinkRecord record) {
        for (Step step : steps) {
            record = step.apply(record);
            if (record == null) return null;
        }
        return record;
    }

    /** Nanoseconds per record over `seconds`. */
    double window(double seconds) {
        long began = System.nanoTime();
        long until = began + (long) (seconds * 1e9);
        long batches = 0;
        long now;
        do {
            if (chain) chainOnce(); else transformOnce();
            batches++;
            now = System.nanoTime();
        } while (now < until);
        return (double) (now - began) / batches / records.length;
    }

    static long sum(byte[][] texts) {
        long bytes = 0;
        for (byte[] text : texts) bytes += text == null ? 0 : text.length;
        return bytes;
    }

    public static void main(String[] args) throws Exception {
        TransformBench bench = new TransformBench(new ObjectMapper().readTree(new File(args[0])), args[1], args[2], Boolean.parseBoolean(args[3]));
        double seconds = Double.parseDouble(args[4]);
        // The compiler is done with one transformation at once; with converters around it takes seconds.
        bench.window(bench.chain ? Math.max(seconds, WARM_CHAIN_S) : seconds);
        StringBuilder out = new StringBuilder("[");
        for (int i = 0; i < WINDOWS; i++) {
            out.append(i == 0 ? "" : ",").append(String.format(Locale.ROOT, "%.2f", bench.window(seconds / WINDOWS)));
        }
        System.out.println("{\"ns\":" + out + "],\"read\":" + sum(bench.values) + ",\"bytes\":" + sum(bench.written) + "}");
    }
}
