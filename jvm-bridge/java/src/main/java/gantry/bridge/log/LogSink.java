package gantry.bridge.log;

import gantry.bridge.Failure;
import gantry.bridge.Upcall;
import gantry.bridge.codec.Output;
import gantry.bridge.host.Scope;

/** The way of an event to the other side. Logging never fails for the one who logs: what cannot be sent is dropped. */
final class LogSink {
    private static final int USUAL = 512;

    /** Set while an event of this thread is on its way: what the sending itself might log must not be sent. */
    private static final ThreadLocal<Boolean> SENDING = new ThreadLocal<>();

    private LogSink() {
    }

    static void write(int level, String logger, String message, Throwable thrown) {
        if (SENDING.get() != null) {
            return;
        }
        SENDING.set(Boolean.TRUE);
        try {
            Output request = new Output(USUAL);
            request.u8(level);
            request.str(logger);
            request.str(Thread.currentThread().getName());
            request.str(message == null ? "null" : message);
            request.ostr(thrown == null ? null : Failure.stackTrace(thrown));
            Upcall.call(Upcall.LOG, Scope.target(), request);
        } catch (RuntimeException | LinkageError e) {
            // Before the other side has registered its method, and when it is going down.
        } finally {
            SENDING.remove();
        }
    }
}
