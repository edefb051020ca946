package gantry.bridge;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import gantry.bridge.codec.Decoder;
import gantry.bridge.codec.Input;
import gantry.bridge.codec.Item;
import gantry.plugins.Small;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.connect.connector.ConnectRecord;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.header.ConnectHeaders;
import org.apache.kafka.connect.sink.SinkRecord;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Converters, transformations, predicates, providers and policies. */
class SmallPluginsTest {
    @TempDir
    Path folder;

    private final Caller caller = new Caller();
    private int location;

    @BeforeEach
    void install() {
        FakeRuntime.install();
        location = TestPlugins.install(caller, folder);
    }

    private static String text(byte[] bytes) {
        return new String(bytes, StandardCharsets.UTF_8);
    }

    @Test
    void converterToBytes() {
        long converter = caller.create(40, location, Small.TextConverter.class, out -> {
            out.map(Map.of("prefix", "p"));
            out.u8(1);
        });
        Input reply = fromConnect(converter, "text");
        assertFalse(reply.bool());
        assertFalse(reply.bool());
        assertEquals("pk:text", text(reply.bytes()));

        reply = fromConnect(converter, null);
        assertFalse(reply.bool());
        assertTrue(reply.bool());

        reply = fromConnect(converter, "mark");
        assertTrue(reply.bool());
        assertFalse(reply.bool());
        assertEquals("pk:mark", text(reply.bytes()));
        Decoder decoder = caller.replies().decoder();
        decoder.expect(Item.DATUM);
        ConnectHeaders headers = decoder.headers();
        assertEquals(2, headers.size());
        assertEquals(1, ((byte[]) headers.lastWithName("marked").value())[0]);
        assertNull(decoder.schema());
        assertNull(decoder.value());
        decoder.expect(Item.END);
    }

    private Input fromConnect(long converter, String value) {
        return caller.call(41, converter, out -> {
            out.str("topic");
            ConnectHeaders headers = new ConnectHeaders();
            headers.add("h", new byte[] {5}, null);
            caller.encoder().datum(headers, Schema.OPTIONAL_STRING_SCHEMA, value);
            caller.encoder().end();
        });
    }

    @Test
    void converterFromBytes() {
        long converter = caller.create(40, location, Small.TextConverter.class, out -> {
            out.map(Map.of());
            out.u8(2);
        });
        caller.call(42, converter, out -> {
            out.str("topic");
            out.bool(false);
            out.bytes("abc".getBytes());
            caller.encoder().datum(new ConnectHeaders(), null, null);
            caller.encoder().end();
        });
        Decoder decoder = caller.replies().decoder();
        decoder.expect(Item.DATUM);
        assertNull(decoder.headers());
        assertSame(Schema.STRING_SCHEMA, decoder.schema());
        assertEquals("abc", decoder.value());
        decoder.expect(Item.END);
    }

    @Test
    void headerConverter() {
        long converter = caller.create(50, location, Small.TypeHeaderConverter.class, out -> out.map(Map.of()));
        Input reply = caller.call(51, converter, out -> {
            out.str("topic");
            out.str("key");
            caller.encoder().datum(null, null, 12L);
            caller.encoder().end();
        });
        assertFalse(reply.bool());
        assertEquals("12", text(reply.bytes()));
        caller.call(52, converter, out -> {
            out.str("topic");
            out.str("key");
            out.bool(true);
        });
        Decoder decoder = caller.replies().decoder();
        decoder.expect(Item.DATUM);
        decoder.headers();
        decoder.schema();
        assertEquals("headerkey", decoder.value());
    }

    @Test
    void transformationAndPredicate() {
        long move = caller.create(60, location, Small.Move.class, out -> out.map(Map.of("topic", "there")));
        long hasKey = caller.create(62, location, Small.HasKey.class, out -> out.map(Map.of()));
        SinkRecord record = new SinkRecord(
                "here", 1, null, null, Schema.STRING_SCHEMA, "v", 5, 6L, TimestampType.CREATE_TIME);
        apply(move, record);
        Decoder decoder = caller.replies().decoder();
        decoder.expect(Item.CONNECT_RECORD);
        ConnectRecord<?> moved = decoder.connectRecord();
        assertEquals("there", moved.topic());
        assertEquals(5, ((SinkRecord) moved).kafkaOffset());
        decoder.expect(Item.END);

        apply(move, new SinkRecord("here", 1, null, null, null, null, 5));
        caller.replies().decoder().expect(Item.END);

        assertFalse(call(63, hasKey, record).bool());
        caller.call(7, move);
        caller.call(7, hasKey);
    }

    private void apply(long transformation, SinkRecord record) {
        call(61, transformation, record);
    }

    private Input call(int operation, long handle, SinkRecord record) {
        return caller.call(operation, handle, out -> {
            caller.encoder().connectRecord(record, record.kafkaOffset());
            caller.encoder().end();
        });
    }

    @Test
    void configProvider() {
        long provider = caller.create(70, location, Small.EchoProvider.class, out -> out.map(Map.of()));
        assertEquals(Map.of("a", "path/a", "b", "path/b"), caller.call(71, provider, out -> {
            out.str("path");
            out.v(2);
            out.str("a");
            out.str("b");
        }).map());
        assertEquals(Map.of("all", "path"), caller.call(71, provider, out -> {
            out.str("path");
            out.v(0);
        }).map());
    }

    @Test
    void overridePolicy() {
        long policy = caller.create(72, location, Small.NoPolicy.class, out -> out.map(Map.of()));
        Input reply = caller.call(73, policy, out -> {
            out.str("connector");
            out.str("gantry.plugins.ListSink");
            out.u8(1);
            out.u8(1);
            out.map(Map.of("max.poll.records", "5"));
        });
        assertEquals(1, reply.v());
        assertEquals("max.poll.records", reply.str());
        assertEquals("5", reply.ostr());
        assertEquals(0, reply.v());
        assertEquals(1, reply.v());
        assertEquals("Integer of CONSUMER", reply.str());
    }
}
