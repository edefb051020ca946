package gantry.bridge;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import gantry.bridge.codec.Input;
import gantry.bridge.codec.ValueEncoder;
import gantry.plugins.ListSink;
import gantry.plugins.NumberSource;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Connectors through the whole way: a plugin in its jar, called with frames. */
class ConnectorTest {
    private static final long TARGET = 42;

    @TempDir
    Path folder;

    private final Caller caller = new Caller();
    private final FakeRuntime runtime = FakeRuntime.install();
    private int location;

    @BeforeEach
    void install() {
        location = TestPlugins.install(caller, folder);
    }

    private long create(Class<?> connector) {
        return caller.create(10, location, connector, out -> {
            out.i64(TARGET);
            out.str("numbers");
        });
    }

    private void start(long handle, Map<String, String> properties) {
        caller.call(11, handle, out -> out.map(properties));
    }

    @Test
    void lives() {
        long handle = create(NumberSource.class);
        start(handle, Map.of("topic", "t"));
        assertTrue(runtime.events.contains(
                new FakeRuntime.Event(TARGET, 3, NumberSource.class.getName(), "starting with t", null)));

        Input configs = caller.call(12, handle, out -> out.i32(2));
        assertEquals(2, configs.v());
        assertEquals(Map.of("task", "0", "topic", "t", "task.class", "gantry.plugins.NumberTask"), configs.map());
        assertEquals("1", configs.map().get("task"));

        caller.call(13, handle);
        caller.call(7, handle);
        Caller.Failed e = assertThrows(Caller.Failed.class, () -> caller.call(13, handle));
        assertTrue(e.messages.get(0).contains("not open"));
    }

    @Test
    void asksForItsTasksToBeMadeAnew() {
        start(create(NumberSource.class), Map.of("topic", "t", "at.start", "reconfigure"));
        assertEquals(TARGET, runtime.asked(Upcall.RECONFIGURE).get(0).target());
    }

    @Test
    void raisesErrors() {
        start(create(NumberSource.class), Map.of("topic", "t", "at.start", "error"));
        Caller.Failed raised = new Caller.Failed(runtime.asked(Upcall.RAISE_ERROR).get(0).in());
        assertEquals("java.lang.IllegalArgumentException", raised.classes.get(0));
        assertEquals("raised", raised.messages.get(0));
    }

    @Test
    void readsItsOffsets() {
        runtime.answer(Upcall.OFFSETS, (in, out) -> {
            assertEquals(1, in.v());
            out.v(1);
            new ValueEncoder(out).position(Map.of("o", 7));
        });
        start(create(NumberSource.class), Map.of("topic", "t", "at.start", "offsets"));
        assertTrue(runtime.events.stream().anyMatch(event -> event.message().equals("offset {o=7}")));
        runtime.refuse(Upcall.OFFSETS, "store is gone");
        Caller.Failed e = assertThrows(Caller.Failed.class, () ->
                start(create(NumberSource.class), Map.of("topic", "t", "at.start", "offsets")));
        assertEquals("Failed to fetch offsets.", e.messages.get(0));
        assertEquals("store is gone", e.messages.get(1));
    }

    @Test
    void failsWithItsWholeChain() {
        Caller.Failed e = assertThrows(Caller.Failed.class, () ->
                start(create(NumberSource.class), Map.of("topic", "t", "at.start", "fail")));
        assertEquals(0, e.flags);
        assertEquals("[java.lang.IllegalStateException, java.lang.RuntimeException]", e.classes.toString());
        assertEquals("[refused, null]", e.messages.toString());
        assertTrue(e.stack.startsWith(
                "java.lang.IllegalStateException: refused\n\tat gantry.plugins.NumberSource.start"));
        assertTrue(e.stack.contains("Caused by: java.lang.RuntimeException"));
    }

    @Test
    void runsOutOfMemory() {
        Caller.Failed e = assertThrows(Caller.Failed.class, () ->
                start(create(NumberSource.class), Map.of("topic", "t", "at.start", "memory")));
        assertEquals(2, e.flags);
        Caller.Failed last = new Caller.Failed(new Input(Failure.lastResort()));
        assertEquals(2, last.flags);
        assertEquals("java.lang.OutOfMemoryError", last.classes.get(0));
    }

    @Test
    void cannotEndTheProcess() {
        Caller.Failed e = assertThrows(Caller.Failed.class, () ->
                start(create(NumberSource.class), Map.of("topic", "t", "at.start", "exit")));
        assertEquals("gantry.bridge.Contained$ExitError", e.classes.get(0));
        FakeRuntime.Asked exit = runtime.asked(Upcall.EXIT).get(0);
        assertEquals(TARGET, exit.target());
        assertEquals(3, exit.in().i32());
    }

    @Test
    void isInterrupted() throws Exception {
        Channel channel = Bridge.open();
        Caller sleeper = new Caller(Caller.direct(channel));
        long handle = create(NumberSource.class);
        Thread waker = new Thread(() -> {
            while (!runtime.events.stream().anyMatch(event -> event.message().equals("starting with sleepy"))) {
                Thread.onSpinWait();
            }
            Bridge.interrupt(channel);
        });
        waker.start();
        Caller.Failed e = assertThrows(Caller.Failed.class, () -> sleeper.call(11, handle,
                out -> out.map(Map.of("topic", "sleepy", "at.start", "sleep"))));
        waker.join();
        assertEquals(8, e.flags);
        assertFalse(Thread.currentThread().isInterrupted());
        Bridge.interrupt(channel);
        assertFalse(Thread.currentThread().isInterrupted());
    }

    @Test
    void answersAboutExactlyOnce() {
        long source = create(NumberSource.class);
        assertEquals(0, caller.call(14, source, out -> out.map(Map.of())).u8());
        assertEquals(1, caller.call(14, source, out -> out.map(Map.of("a", "b"))).u8());
        assertEquals(2, caller.call(15, source, out -> out.map(Map.of())).u8());
        long sink = create(ListSink.class);
        assertThrows(Caller.Failed.class, () -> caller.call(14, sink, out -> out.map(Map.of())));
    }

    @Test
    void altersOffsets() {
        assertTrue(caller.call(16, create(NumberSource.class), out -> {
            out.map(Map.of());
            out.u8(0);
            out.v(1);
            ValueEncoder values = new ValueEncoder(out);
            values.position(Map.of("p", 1L));
            values.position(Map.of("o", 2L));
        }).bool());
        assertTrue(caller.call(16, create(ListSink.class), out -> {
            out.map(Map.of());
            out.u8(1);
            out.v(2);
            out.str("t");
            out.i32(1);
            out.i64(-1);
            out.str("t");
            out.i32(2);
            out.i64(5);
        }).bool());
    }

    @Test
    void mayBeMissing() {
        Caller.Failed e = assertThrows(Caller.Failed.class, () -> caller.call(10, 0, out -> {
            out.v(location);
            out.str("gantry.plugins.Nowhere");
            out.i64(TARGET);
            out.str("n");
        }));
        assertTrue(e.messages.get(0).contains("which name matches gantry.plugins.Nowhere"));
        e = assertThrows(Caller.Failed.class, () -> create(gantry.plugins.Leaver.class));
        assertTrue(e.messages.get(0).endsWith("does not extend Connector"));
        assertThrows(Caller.Failed.class, () -> caller.call(99, 0));
        assertThrows(Caller.Failed.class, () -> caller.call(-1, 0));
    }
}
