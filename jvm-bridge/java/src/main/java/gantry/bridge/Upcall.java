package gantry.bridge;

import gantry.bridge.codec.Output;

/** What we ask the other side, from whatever thread. */
public final class Upcall {
    public static final int LOG = 1;
    public static final int OFFSETS = 2;
    public static final int RECONFIGURE = 3;
    public static final int RAISE_ERROR = 4;
    public static final int ERRANT_RECORD = 5;
    public static final int REWIND = 6;
    public static final int PAUSE = 7;
    public static final int RESUME = 8;
    public static final int TIMEOUT = 9;
    public static final int REQUEST_COMMIT = 10;
    public static final int EXIT = 11;
    public static final int ASSIGNMENT = 12;
    public static final int HISTORY_APPEND = 13;
    public static final int HISTORY_READ = 14;
    public static final int HISTORY_EXISTS = 15;
    public static final int LOG_WRITE = 16;
    public static final int LOG_READ = 17;
    public static final int LOG_QUEUES = 18;
    public static final int LOG_RANGE = 19;
    public static final int LOG_MEMBERS = 20;
    public static final int LOG_COMMITTED = 21;
    public static final int LOG_COMMIT = 22;

    /** The way to the other side: a native method, a socket, or a test. */
    @FunctionalInterface
    public interface Route {
        /** The reply, or null if there is none. A failure is a {@code ConnectException}. */
        byte[] call(int operation, long target, byte[] request);
    }

    private static volatile Route route = Bridge::upcall;

    private Upcall() {
    }

    public static void route(Route route) {
        Upcall.route = route;
    }

    public static byte[] call(int operation, long target, Output request) {
        return route.call(operation, target, request.toBytes());
    }
}
