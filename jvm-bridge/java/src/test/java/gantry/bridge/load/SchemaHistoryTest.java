package gantry.bridge.load;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import gantry.bridge.FakeRuntime;
import gantry.bridge.Upcall;
import io.debezium.config.Configuration;
import io.debezium.relational.history.HistoryRecord;
import io.debezium.relational.history.SchemaHistory;
import io.debezium.relational.history.SchemaHistoryListener;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.net.URL;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.apache.kafka.connect.errors.ConnectException;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Debezium's own class for its history in Kafka, loaded as a plugin loads it, over a log that is a list here. */
class SchemaHistoryTest {
    private static final String NAME = "io.debezium.storage.kafka.history.KafkaSchemaHistory";
    private static final String PREFIX = "schema.history.internal.";

    private final FakeRuntime runtime = FakeRuntime.install();
    private final List<String> log = new ArrayList<>();
    private boolean created;
    private SchemaHistory history;

    @BeforeEach
    void load() throws Exception {
        URL storage = Class.forName(NAME, false, getClass().getClassLoader())
                .getProtectionDomain().getCodeSource().getLocation();
        PluginLoader loader = new PluginLoader("debezium", new URL[] {storage}, getClass().getClassLoader());
        history = (SchemaHistory) loader.loadClass(NAME).getDeclaredConstructor().newInstance();
        assertSame(loader, history.getClass().getClassLoader());
        assertEquals("gantry.plugin.LogSchemaHistory", history.getClass().getSuperclass().getName());
        assertSame(loader, history.getClass().getSuperclass().getClassLoader());
        runtime.answer(Upcall.HISTORY_EXISTS, (in, out) -> {
            assertEquals("history", in.str());
            created |= in.bool();
            out.bool(created);
        });
        runtime.answer(Upcall.HISTORY_APPEND, (in, out) -> {
            in.str();
            log.add(in.str());
        });
        runtime.answer(Upcall.HISTORY_READ, (in, out) -> {
            in.str();
            int from = (int) in.i64();
            boolean one = from < log.size();
            out.i64(from + (one ? 1 : 0));
            out.bool(from + 1 < log.size());
            out.v(one ? 1 : 0);
            if (one) {
                out.str(log.get(from));
            }
        });
    }

    private void configure(Map<String, String> settings) {
        history.configure(Configuration.from(settings), null, SchemaHistoryListener.NOOP, true);
    }

    private static Map<String, String> settings() {
        return Map.of("schema.history.internal", NAME, PREFIX + "kafka.topic", "history",
                PREFIX + "kafka.bootstrap.servers", "nowhere:9092", PREFIX + "kafka.recovery.poll.interval.ms", "7",
                PREFIX + "producer.acks", "all", PREFIX + "consumer.fetch.min.bytes", "1");
    }

    private Object invoke(String name, Class<?> parameter, Object argument) throws Exception {
        Method method = history.getClass().getSuperclass().getDeclaredMethod(name, parameter);
        method.setAccessible(true);
        try {
            return method.invoke(history, argument);
        } catch (InvocationTargetException e) {
            throw (Exception) e.getCause();
        }
    }

    @Test
    void keepsRecordsInTheLog() throws Exception {
        configure(settings());
        history.start();
        assertFalse(history.storageExists());
        assertFalse(history.exists());
        history.initializeStorage();
        assertTrue(history.storageExists());
        assertFalse(history.exists());
        for (int i = 0; i < 3; i++) {
            HistoryRecord record = new HistoryRecord(Map.of("server", "s"), Map.of("pos", i), "db", "public",
                    "CREATE TABLE t" + i, null, null);
            invoke("storeRecord", HistoryRecord.class, record);
        }
        log.add(1, "no json");
        assertTrue(history.exists());
        List<HistoryRecord> recovered = new ArrayList<>();
        Consumer<HistoryRecord> consumer = recovered::add;
        invoke("recoverRecords", Consumer.class, consumer);
        assertEquals(3, recovered.size());
        assertTrue(recovered.get(2).toString().contains("CREATE TABLE t2"));
        history.stop();
        assertEquals("Kafka topic history", history.toString());
    }

    @Test
    void failsWhenTheLogFails() {
        configure(settings());
        runtime.refuse(Upcall.HISTORY_APPEND, "log is full");
        HistoryRecord record = new HistoryRecord(Map.of(), Map.of(), "db", null, "DDL", null, null);
        Exception e = assertThrows(Exception.class, () -> invoke("storeRecord", HistoryRecord.class, record));
        assertInstanceOf(ConnectException.class, e.getCause());
    }

    @Test
    void validatesAsItsVersionDoes() {
        assertThrows(ConnectException.class, () -> configure(Map.of("schema.history.internal", NAME)));
        configure(settings());
    }
}
