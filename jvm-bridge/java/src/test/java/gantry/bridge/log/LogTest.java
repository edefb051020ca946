package gantry.bridge.log;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import gantry.bridge.Caller;
import gantry.bridge.FakeRuntime;
import gantry.bridge.Upcall;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.MDC;

/** Every way of saying something ends on the other side, at the level that the other side set. */
class LogTest {
    private final Caller caller = new Caller();
    private final FakeRuntime runtime = FakeRuntime.install();

    private void levels(Map<String, Integer> levels) {
        caller.call(6, 0, out -> {
            out.v(levels.size());
            levels.forEach((name, level) -> {
                out.str(name);
                out.u8(level);
            });
        });
    }

    @AfterEach
    void reset() {
        levels(Map.of());
    }

    private List<String> messages() {
        return runtime.events.stream().map(event -> event.level() + event.logger() + ":" + event.message()).toList();
    }

    @Test
    void levelsAreInherited() {
        Logger before = LoggerFactory.getLogger("a.b.c");
        levels(Map.of("", 2, "a.b", 5, "a.b.quiet", 0));
        Logger after = LoggerFactory.getLogger("a.b.d");
        assertTrue(before.isTraceEnabled());
        assertTrue(after.isTraceEnabled());
        assertFalse(LoggerFactory.getLogger("a.bc").isInfoEnabled());
        assertFalse(LoggerFactory.getLogger("a.b.quiet.x").isErrorEnabled());
        levels(Map.of("a", 3));
        assertFalse(before.isDebugEnabled());
        assertTrue(before.isInfoEnabled());
        assertTrue(LoggerFactory.getLogger("z").isInfoEnabled());
    }

    @Test
    void eventsKeepTheirParts() {
        Logger log = LoggerFactory.getLogger("parts");
        log.info("{} and {}", 1, "two");
        log.debug("not wanted");
        log.error("failed {}", "here", new IllegalStateException("why"));
        log.atWarn().addArgument(5).log("fluent {}");
        assertEquals(List.of("3parts:1 and two", "1parts:failed here", "2parts:fluent 5"), messages());
        assertTrue(runtime.events.get(1).stack().startsWith("java.lang.IllegalStateException: why\n\tat "));
    }

    @Test
    void bridgesLeadHere() {
        levels(Map.of("jul.fine", 4));
        java.util.logging.Logger.getLogger("jul").warning("old");
        java.util.logging.Logger.getLogger("jul.fine").log(java.util.logging.Level.FINE, "{0} more", "one");
        java.util.logging.Logger.getLogger("jul").fine("not wanted");
        System.out.println("printed\r");
        System.err.print("in two");
        System.err.println(" parts ü");
        assertEquals(List.of("2jul:old", "4jul.fine:one more", "3stdout:printed", "2stderr:in two parts ü"),
                messages());
    }

    @Test
    void loggingNeverFails() {
        Upcall.route((operation, target, request) -> {
            LoggerFactory.getLogger("inner").error("again");
            throw new IllegalStateException("nobody there");
        });
        LoggerFactory.getLogger("outer").error("lost");
    }

    @Test
    void contextIsKept() {
        MDC.put("k", "v");
        assertEquals("v", MDC.get("k"));
        MDC.clear();
    }
}
