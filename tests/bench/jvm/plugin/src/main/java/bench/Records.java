package bench;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.Date;
import java.util.List;
import java.util.Map;
import org.apache.kafka.connect.data.Decimal;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.SchemaBuilder;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.data.Timestamp;
import org.apache.kafka.connect.source.SourceRecord;

/** The records: a text of 100 characters, or a struct of ten fields. Each has an offset of its own. */
final class Records {
    private static final int FLAT_LENGTH = 100;
    private static final int BYTES_LENGTH = 16;
    private static final long MOMENT = 1_700_000_000_000L;

    private static final Schema STRUCT = SchemaBuilder.struct().name("bench.Row")
            .field("id", Schema.INT64_SCHEMA)
            .field("name", Schema.STRING_SCHEMA)
            .field("city", Schema.OPTIONAL_STRING_SCHEMA)
            .field("count", Schema.INT32_SCHEMA)
            .field("ratio", Schema.FLOAT64_SCHEMA)
            .field("active", Schema.BOOLEAN_SCHEMA)
            .field("seen", Timestamp.SCHEMA)
            .field("price", Decimal.schema(2))
            .field("note", Schema.OPTIONAL_STRING_SCHEMA)
            .field("raw", Schema.BYTES_SCHEMA)
            .build();

    private Records() {
    }

    static List<SourceRecord> batch(String topic, String kind, int size) {
        boolean flat = kind.equals("flat");
        Map<String, ?> partition = Map.of("source", "bench");
        List<SourceRecord> records = new ArrayList<>(size);
        for (int i = 0; i < size; i++) {
            Map<String, ?> offset = Map.of("position", (long) i);
            records.add(new SourceRecord(partition, offset, topic, flat ? Schema.STRING_SCHEMA : STRUCT, flat ? text(i) : row(i)));
        }
        return records;
    }

    private static String text(int number) {
        String head = "%010d ".formatted(number);
        return head + "x".repeat(FLAT_LENGTH - head.length());
    }

    private static Struct row(int number) {
        byte[] raw = new byte[BYTES_LENGTH];
        raw[0] = (byte) number;
        return new Struct(STRUCT)
                .put("id", 1_000_000_000_000L + number)
                .put("name", "customer " + number)
                .put("city", "Copenhagen")
                .put("count", number)
                .put("ratio", number / 8.0)
                .put("active", number % 2 == 0)
                .put("seen", new Date(MOMENT + number))
                .put("price", BigDecimal.valueOf(1_999 + number, 2))
                .put("note", null)
                .put("raw", raw);
    }
}
