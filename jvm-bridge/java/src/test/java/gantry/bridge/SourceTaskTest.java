package gantry.bridge;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import gantry.bridge.codec.Input;
import gantry.bridge.codec.Items;
import gantry.plugins.NumberSource;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A source's task: what it polls, and what it hears of its records. */
class SourceTaskTest {
    private static final long TARGET = 7;
    private static final Map<String, String> PROPERTIES = Map.of("topic", "numbers");

    @TempDir
    Path folder;

    private final Caller caller = new Caller();
    private final Caller committer = new Caller();
    private final FakeRuntime runtime = FakeRuntime.install();
    private final Items items = new Items();
    private long task;

    @BeforeEach
    void create() {
        int location = TestPlugins.install(caller, folder);
        Input reply = caller.call(20, 0, out -> {
            out.v(location);
            out.str(NumberSource.class.getName());
            out.i64(TARGET);
            out.str("numbers");
            out.i32(0);
        });
        task = reply.i64();
        assertTrue(reply.bool());
        assertEquals(3, reply.u8());
    }

    private void start(int transactions) {
        Input reply = caller.call(21, task, out -> {
            out.map(PROPERTIES);
            out.u8(transactions);
        });
        assertEquals(3, reply.u8());
    }

    private List<String> messages() {
        return runtime.events.stream().map(FakeRuntime.Event::message).toList();
    }

    @Test
    void pollsAndHearsOfCommits() {
        start(0);
        Input reply = caller.call(22, task);
        assertEquals(0, reply.u8());
        List<Items.Polled> polled = items.sourceRecords(caller.replies(), reply);
        assertEquals(List.of(0, 1, 2), polled.stream().map(one -> one.record().value()).toList());
        assertEquals(Map.of("p", 1L), polled.get(2).record().sourcePartition());
        assertEquals(Map.of("o", 2L), polled.get(2).record().sourceOffset());
        assertEquals("numbers", polled.get(0).record().topic());

        committer.call(23, task, out -> out.v(2));
        committer.call(24, task);
        committer.call(23, task, out -> out.v(1));
        assertEquals(List.of("metrics s", "committed 0 at -1", "Exception thrown while calling task.commitRecord()",
                "committed 1 at -1", "commit", "committed 2 at -1"), messages());
        assertTrue(runtime.events.stream().allMatch(event -> event.target() == TARGET));
        assertThrows(Caller.Failed.class, () -> committer.call(23, task, out -> out.v(1)));
    }

    @Test
    void hasNothingNowAndThen() {
        start(0);
        items.sourceRecords(caller.replies(), skip(caller.call(22, task)));
        assertEquals(List.of(), items.sourceRecords(caller.replies(), skip(caller.call(22, task))));
        assertEquals(List.of(), items.sourceRecords(caller.replies(), skip(caller.call(22, task))));
        Caller.Failed e = assertThrows(Caller.Failed.class, () -> caller.call(22, task));
        assertEquals(1, e.flags);
        caller.call(25, task);
        assertTrue(messages().contains("stop"));
        caller.call(7, task);
    }

    private static Input skip(Input reply) {
        reply.u8();
        return reply;
    }

    @Test
    void drawsItsTransactions() {
        start(1);
        Input reply = caller.call(22, task);
        assertEquals(2, reply.u8());
        List<Items.Polled> polled = items.sourceRecords(caller.replies(), reply);
        assertEquals(List.of(0, 1, 0), polled.stream().map(Items.Polled::transaction).toList());
        assertEquals(0, caller.call(22, task).u8());
    }

    @Test
    void mayStopBeforeItStarts() {
        caller.call(25, task);
        caller.call(7, task);
        assertEquals(List.of(), messages());
    }
}
