package gantry.bridge;

import gantry.bridge.log.Capture;

/** What the process that we live in calls, and the one method that it gives us to call. */
public final class Bridge {
    static {
        Capture.install();
    }

    private Bridge() {
    }

    public static Channel open() {
        return Channel.direct();
    }

    public static int call(Channel channel, int operation, long handle, int length) {
        return channel.call(operation, handle, length);
    }

    public static void interrupt(Channel channel) {
        channel.interrupt();
    }

    /** Registered by the process; in a child process there is none, and {@link Upcall} goes another way. */
    static native byte[] upcall(int operation, long target, byte[] request);
}
