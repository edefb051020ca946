package gantry.bridge.codec;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Date;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.connect.connector.ConnectRecord;
import org.apache.kafka.connect.data.Decimal;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.SchemaBuilder;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.data.Time;
import org.apache.kafka.connect.data.Timestamp;
import org.apache.kafka.connect.errors.DataException;
import org.apache.kafka.connect.header.ConnectHeaders;
import org.apache.kafka.connect.sink.SinkRecord;
import org.apache.kafka.connect.source.SourceRecord;
import org.junit.jupiter.api.Test;

/** Java to bytes and back, with the memory that both ends keep from one message to the next. */
class CodecTest {
    private final Output out = new Output(64);
    private final Encoder encoder = new Encoder(out);
    private final Input in = new Input();
    private final Decoder decoder = new Decoder(in);

    private byte[] message() {
        encoder.end();
        byte[] bytes = out.toBytes();
        out.clear();
        return bytes;
    }

    private ConnectRecord<?> roundTrip(ConnectRecord<?> record, long offset) {
        encoder.connectRecord(record, offset);
        byte[] bytes = message();
        in.reset(bytes, bytes.length);
        decoder.expect(Item.CONNECT_RECORD);
        ConnectRecord<?> read = decoder.connectRecord();
        decoder.expect(Item.END);
        return read;
    }

    private Object roundTrip(Schema schema, Object value) {
        SourceRecord record = new SourceRecord(null, null, "t", null, null, null, schema, value);
        return roundTrip(record, -1).value();
    }

    private Schema roundTrip(Schema schema) {
        return roundTrip(new SourceRecord(null, null, "t", schema, null), -1).valueSchema();
    }

    @Test
    void valuesOfAllClasses() {
        Map<Object, Object> sorted = new TreeMap<>(Map.of("b", 1L, "a", 2L));
        List<Object> values = Arrays.asList(
                (byte) -3, (short) -300, -70_000, Long.MIN_VALUE, 1.5f, Double.NaN, true, false, "", "text",
                "grün ☃ 🚀", "x".repeat(47), "x".repeat(48), "x".repeat(127), "x".repeat(128), "ü".repeat(47),
                "x".repeat(100_000), new BigDecimal("-12345678901234567890.123"), new BigDecimal("1E+5"), new Date(-1),
                new BigInteger("-123456789012345678901234567890"), List.of(), List.of(1, "2", List.of(3.0)),
                new LinkedHashMap<>(Map.of("k", 1)), new HashMap<>(Map.of(1, "one")), null);
        for (Object value : values) {
            assertEquals(value, roundTrip(null, value));
        }
        assertEquals(HashMap.class, roundTrip(null, new HashMap<>()).getClass());
        assertEquals(List.of("a", "b"), new ArrayList<>(assertInstanceOf(Map.class, roundTrip(null, sorted)).keySet()));
        assertArrayEquals(new byte[] {0, -1}, (byte[]) roundTrip(null, new byte[] {0, -1}));
        ByteBuffer window = ByteBuffer.wrap(new byte[] {9, 1, 2, 9}, 1, 2);
        assertArrayEquals(new byte[] {1, 2}, (byte[]) roundTrip(null, window));
        assertArrayEquals(new byte[] {1, 2}, (byte[]) roundTrip(null, window.slice().asReadOnlyBuffer()));
        assertEquals(2, window.remaining());
    }

    @Test
    void loneSurrogatesBecomeQuestionMarks() {
        assertEquals("a?b", roundTrip(null, "a\ud83db"));
    }

    @Test
    void classesThatNobodyKnowsAreNamed() {
        DataException e = assertThrows(DataException.class, () -> encoder.value(new Object[0]));
        assertTrue(e.getMessage().contains("[Ljava.lang.Object;"));
        Struct struct = new Struct(SchemaBuilder.struct().build());
        assertThrows(DataException.class, () -> new ValueEncoder(out).value(struct));
    }

    @Test
    void schemasOfAllKinds() {
        Schema inner = SchemaBuilder.struct().name("inner").field("x", Schema.INT8_SCHEMA).optional().build();
        Schema outer = SchemaBuilder.struct().name("outer").version(7).doc("ä doc")
                .parameter("p", "1").parameter("q", "")
                .field("inner", inner)
                .field("again", inner)
                .field("list", SchemaBuilder.array(inner).build())
                .field("map", SchemaBuilder.map(Schema.STRING_SCHEMA, Decimal.schema(3)).optional().build())
                .field("text", SchemaBuilder.string().defaultValue("dé").build())
                .field("when", Timestamp.builder().defaultValue(new Date(5)).build())
                .field("money", Decimal.builder(2).defaultValue(new BigDecimal("1.25")).optional().build())
                .field("time", Time.SCHEMA)
                .field("bytes", SchemaBuilder.bytes().defaultValue(new byte[] {1}).build())
                .field("list default", SchemaBuilder.array(Schema.INT32_SCHEMA).defaultValue(List.of(1, 2)).build())
                .build();
        for (Schema schema : List.of(inner, outer, Schema.OPTIONAL_FLOAT64_SCHEMA, Decimal.schema(0))) {
            assertEquals(schema, roundTrip(schema));
        }
        assertSame(Schema.STRING_SCHEMA, roundTrip(SchemaBuilder.string().build()));
        assertSame(Timestamp.SCHEMA, roundTrip(Timestamp.builder().build()));
    }

    @Test
    void structsKeepTheDifferenceBetweenDefaultAndValue() {
        Schema schema = SchemaBuilder.struct()
                .field("unset", SchemaBuilder.string().optional().defaultValue("d").build())
                .field("same", SchemaBuilder.string().optional().defaultValue("d").build())
                .field("nothing", Schema.OPTIONAL_INT64_SCHEMA)
                .build();
        Struct struct = new Struct(schema).put("same", "d");
        Struct read = (Struct) roundTrip(schema, struct);
        assertEquals(struct, read);
        assertNull(read.getWithoutDefault("unset"));
        assertEquals("d", read.getWithoutDefault("same"));
        assertEquals("d", read.get("unset"));
    }

    @Test
    void structsAnywhere() {
        Schema leaf = SchemaBuilder.struct().name("leaf").field("n", Schema.INT32_SCHEMA).build();
        Schema tree = SchemaBuilder.struct().name("tree")
                .field("leaf", leaf)
                .field("leaves", SchemaBuilder.array(leaf).build())
                .field("named", SchemaBuilder.map(Schema.STRING_SCHEMA, leaf).build())
                .build();
        Struct one = new Struct(leaf).put("n", 1);
        Struct value = new Struct(tree)
                .put("leaf", one).put("leaves", List.of(one, one)).put("named", Map.of("a", one));
        assertEquals(value, roundTrip(tree, value));
        assertEquals(Map.of("free", List.of(value)), roundTrip(null, Map.of("free", List.of(value))));
        Struct ofBuilder = new Struct(SchemaBuilder.struct().field("n", Schema.INT32_SCHEMA)).put("n", 3);
        assertEquals(3, ((Struct) roundTrip(null, ofBuilder)).get("n"));
    }

    @Test
    void recordsOfBothKinds() {
        ConnectHeaders headers = new ConnectHeaders();
        headers.addString("h", "v").addLong("n", 5).add("raw", new byte[0], null).addString("h", "twice");
        SourceRecord source = new SourceRecord(Map.of(), Map.of(), "topic", 3, Schema.STRING_SCHEMA, "k",
                Schema.INT64_SCHEMA, 9L, 0L, headers);
        ConnectRecord<?> readSource = roundTrip(source, -1);
        assertInstanceOf(SourceRecord.class, readSource);
        assertEquals(source.headers().size(), readSource.headers().size());
        assertEquals(source.key(), readSource.key());
        assertEquals(source.kafkaPartition(), readSource.kafkaPartition());
        assertEquals(source.timestamp(), readSource.timestamp());

        SinkRecord sink = new SinkRecord("topic", 1, null, null, null, "v", 77, 5L, TimestampType.CREATE_TIME);
        assertEquals(sink, roundTrip(sink, 77));
        assertNull(roundTrip(new SourceRecord(null, null, "t", null, null), -1).timestamp());
        assertNull(roundTrip(new SourceRecord(null, null, null, null, null), -1).topic());
    }

    @Test
    void sinkRecordsKeepWhatTheyWere() {
        SinkRecord record = new SinkRecord("new", 4, Schema.STRING_SCHEMA, "k", null, null, 10, 99L,
                TimestampType.LOG_APPEND_TIME, new ConnectHeaders().addBoolean("b", true), "old", 2, 10);
        Items.sinkRecord(encoder, record);
        byte[] bytes = message();
        in.reset(bytes, bytes.length);
        List<SinkRecord> read = decoder.sinkRecords();
        assertEquals(List.of(record), read);
        assertEquals("old", read.get(0).originalTopic());
        assertEquals(2, read.get(0).originalKafkaPartition());
        assertEquals(10, read.get(0).originalKafkaOffset());
    }

    @Test
    void definitionsAreSentOnce() {
        Schema first = SchemaBuilder.struct().name("s").field("f", Schema.STRING_SCHEMA).build();
        Schema equal = SchemaBuilder.struct().name("s").field("f", Schema.STRING_SCHEMA).build();
        encoder.connectRecord(new SourceRecord(null, null, "t", first, new Struct(first).put("f", "1")), -1);
        int withDefinitions = message().length;
        encoder.connectRecord(new SourceRecord(null, null, "t", equal, new Struct(equal).put("f", "1")), -1);
        int without = message().length;
        assertTrue(withDefinitions > without + 10);
        encoder.clear();
        encoder.connectRecord(new SourceRecord(null, null, "t", first, new Struct(first).put("f", "1")), -1);
        assertEquals(withDefinitions, message().length);
    }

    @Test
    void aNewSchemaForEachRecordIsNoLeak() {
        List<Schema> schemas = new ArrayList<>();
        for (int i = 0; i < 2_500; i++) {
            Schema schema = SchemaBuilder.struct().name("s" + i).field("f" + i, Schema.INT32_SCHEMA).build();
            schemas.add(schema);
            Struct value = new Struct(schema).put("f" + i, i);
            encoder.connectRecord(new SourceRecord(null, null, "topic-" + i, schema, value), -1);
        }
        byte[] bytes = message();
        in.reset(bytes, bytes.length);
        for (int i = 0; i < schemas.size(); i++) {
            decoder.expect(Item.CONNECT_RECORD);
            ConnectRecord<?> read = decoder.connectRecord();
            assertEquals("topic-" + i, read.topic());
            assertEquals(schemas.get(i), read.valueSchema());
            assertEquals(i, ((Struct) read.value()).get("f" + i));
        }
        decoder.expect(Item.END);
    }

    @Test
    void aSchemaThatContainsItselfIsRefused() {
        SchemaBuilder loop = SchemaBuilder.struct().name("loop");
        loop.field("self", new Recursive(loop));
        assertThrows(DataException.class, () -> encoder.datum(null, new Recursive(loop), null));
        encoder.clear();
        out.clear();
        assertEquals("fine", roundTrip(Schema.STRING_SCHEMA, "fine"));
    }

    @Test
    void positionsAreWhatKafkaAllows() {
        SourceRecord wrongOffset = new SourceRecord(Map.of(), Map.of("o", List.of(1)), "t", null, null);
        DataException e = assertThrows(DataException.class, () -> encoder.sourceRecord(wrongOffset, 0));
        assertEquals("Offsets may only contain primitive types as values, but field o contains ARRAY", e.getMessage());
        Map<Object, Object> numbers = Map.of(1, "x");
        e = assertThrows(DataException.class, () -> Positions.check(numbers));
        assertEquals("Offsets may only use String keys", e.getMessage());
        Positions.check(Map.of("a", 1.5, "b", (short) 1, "c", new byte[0]));
    }

    @Test
    void sourcePositionsInAllLengths() {
        Exchange replies = new Exchange();
        Items items = new Items();
        List<SourceRecord> records = new ArrayList<>();
        Map<String, Object> partition = new HashMap<>(Map.of("p", "q".repeat(300)));
        for (int length : new int[] {0, 100, 119, 120, 121, 122, 123, 124, 125, 200, 20_000}) {
            Map<String, String> offset = Map.of("o", "x".repeat(length));
            records.add(new SourceRecord(partition, offset, "t", null, "v" + length));
        }
        records.add(new SourceRecord(null, null, "t", null, "none"));
        records.forEach(record -> encoder.sourceRecord(record, 2));
        byte[] bytes = message();
        replies.begin(bytes, bytes.length);
        List<Items.Polled> read = items.sourceRecords(replies, replies.in());
        assertEquals(records, read.stream().map(Items.Polled::record).toList());
        assertEquals(2, read.get(0).transaction());
    }

    @Test
    void aPartitionThatChangesBetweenBatchesIsAnotherOne() {
        Map<String, Object> mutable = new HashMap<>(Map.of("p", 1L));
        encoder.newBatch();
        encoder.sourceRecord(new SourceRecord(mutable, null, "t", null, null), 0);
        mutable.put("p", 2L);
        encoder.newBatch();
        encoder.sourceRecord(new SourceRecord(mutable, null, "t", null, null), 0);
        mutable.put("p", 1L);
        encoder.newBatch();
        encoder.sourceRecord(new SourceRecord(mutable, null, "t", null, null), 0);
        byte[] bytes = message();
        Exchange replies = new Exchange();
        replies.begin(bytes, bytes.length);
        List<Items.Polled> read = new Items().sourceRecords(replies, replies.in());
        assertEquals(List.of(1L, 2L, 1L), read.stream().map(one -> one.record().sourcePartition().get("p")).toList());
    }

    @Test
    void damagedMessagesAreErrorsAndNotMore() {
        encoder.connectRecord(new SourceRecord(null, null, "t", Schema.STRING_SCHEMA, "text"), -1);
        byte[] bytes = message();
        for (int length = 0; length < bytes.length - 1; length++) {
            Input cut = new Input();
            cut.reset(bytes, length);
            Decoder fresh = new Decoder(cut);
            assertThrows(IllegalStateException.class, () -> {
                fresh.expect(Item.CONNECT_RECORD);
                fresh.connectRecord();
                fresh.expect(Item.END);
            });
        }
        assertThrows(IllegalStateException.class, () -> new Input(new byte[] {-1, -1, -1, -1, -1, 1}).v());
        assertThrows(IllegalStateException.class, () -> new Input(new byte[] {100}).count());
    }
}
