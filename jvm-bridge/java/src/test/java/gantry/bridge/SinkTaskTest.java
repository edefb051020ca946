package gantry.bridge;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import gantry.bridge.codec.Input;
import gantry.bridge.codec.Items;
import gantry.bridge.codec.Output;
import gantry.plugins.ListSink;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.sink.SinkRecord;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A sink's task: records in, and all that it may ask of its runtime. */
class SinkTaskTest {
    private static final long TARGET = 8;

    @TempDir
    Path folder;

    private final Caller caller = new Caller();
    private final FakeRuntime runtime = FakeRuntime.install();
    private long task;

    @BeforeEach
    void create() {
        int location = TestPlugins.install(caller, folder);
        Input reply = caller.call(20, 0, out -> {
            out.v(location);
            out.str(ListSink.class.getName());
            out.i64(TARGET);
            out.str("list");
            out.i32(0);
        });
        task = reply.i64();
        assertFalse(reply.bool());
        assertEquals(0, reply.u8());
    }

    private void start(int flags) {
        caller.call(21, task, out -> {
            out.map(Map.of("k", "v", "task.class", "gantry.plugins.ListTask"));
            out.u8(flags);
        });
    }

    private void put(String... values) {
        caller.call(31, task, out -> {
            for (String value : values) {
                Items.sinkRecord(caller.encoder(), new SinkRecord("t", 1, null, null, Schema.STRING_SCHEMA, value, 9,
                        null, TimestampType.NO_TIMESTAMP_TYPE, null, "original", 5, 9));
            }
            caller.encoder().end();
        });
    }

    private List<String> messages() {
        return runtime.events.stream().map(FakeRuntime.Event::message).toList();
    }

    private static void partition(Output out, String topic, int number) {
        out.str(topic);
        out.i32(number);
    }

    @Test
    void takesRecords() {
        start(0);
        caller.call(30, task, out -> {
            out.v(2);
            partition(out, "t", 0);
            partition(out, "t", 1);
        });
        put("a", "b");
        put();
        put("c");
        caller.call(33, task, out -> {
            out.v(1);
            partition(out, "t", 0);
        });
        caller.call(25, task);
        assertEquals(List.of("reporter true configs v", "open [t-0, t-1]", "put a of t", "put b of t", "put c of t",
                "close [t-0]", "stop"), messages());
    }

    @Test
    void saysWhatItHasDone() {
        start(0);
        Input reply = caller.call(32, task, out -> {
            out.v(1);
            partition(out, "t", 0);
            out.i64(12);
        });
        assertEquals(1, reply.v());
        assertEquals("t", reply.str());
        assertEquals(0, reply.i32());
        assertEquals(11, reply.i64());
    }

    @Test
    void steersItsRuntime() {
        start(0);
        runtime.answer(Upcall.ASSIGNMENT, (in, out) -> {
            out.v(1);
            partition(out, "t", 4);
        });
        put("pause", "resume", "rewind", "timeout", "commit", "assignment");
        assertEquals(List.of(Upcall.PAUSE, Upcall.RESUME, Upcall.REWIND, Upcall.TIMEOUT, Upcall.REQUEST_COMMIT,
                Upcall.ASSIGNMENT), runtime.asked.stream().map(FakeRuntime.Asked::operation).toList());
        assertTrue(runtime.asked.stream().allMatch(one -> one.target() == TARGET));
        Input rewind = runtime.asked(Upcall.REWIND).get(0).in();
        assertEquals(1, rewind.v());
        assertEquals("t", rewind.str());
        assertEquals(1, rewind.i32());
        assertEquals(3, rewind.i64());
        assertEquals(250, runtime.asked(Upcall.TIMEOUT).get(0).in().i64());
        assertTrue(messages().contains("assignment [t-4]"));
    }

    @Test
    void pausesOnlyWhatIsAssigned() {
        start(0);
        runtime.refuse(Upcall.PAUSE, "not assigned");
        Caller.Failed e = assertThrows(Caller.Failed.class, () -> put("pause"));
        assertEquals("org.apache.kafka.connect.errors.IllegalWorkerStateException", e.classes.get(0));
        assertEquals("SinkTasks may not pause partitions that are not currently assigned to them.", e.messages.get(0));
        put("after");
    }

    @Test
    void reportsErrantRecordsByTheirOrigin() {
        start(0);
        put("errant");
        Input errant = runtime.asked(Upcall.ERRANT_RECORD).get(0).in();
        assertEquals("original", errant.str());
        assertEquals(5, errant.i32());
        assertEquals(9, errant.i64());
        assertEquals("bad record", new Caller.Failed(errant).messages.get(0));
        runtime.refuse(Upcall.ERRANT_RECORD, "Tolerance exceeded in error handler");
        Caller.Failed e = assertThrows(Caller.Failed.class, () -> put("errant"));
        assertEquals("Tolerance exceeded in error handler", e.messages.get(0));
    }

    @Test
    void tellsWhereItStands() {
        start(0);
        StringBuilder seen = new StringBuilder();
        runtime.answer(Upcall.ASSIGNMENT, (in, out) -> {
            seen.append(new Caller().call(9, task).str());
            out.v(0);
        });
        put("assignment");
        assertTrue(seen.toString().startsWith(Thread.currentThread().getName() + " RUNNABLE\n\tat "), seen.toString());
        assertTrue(seen.toString().contains("gantry.plugins.ListTask.obey(ListTask.java:"), seen.toString());
        assertEquals("", caller.call(9, task).str());
    }

    @Test
    void mayHaveNoReporter() {
        start(2);
        assertEquals(List.of("reporter false configs v"), messages());
    }
}
