package gantry.bridge;

import gantry.bridge.log.Capture;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import sun.misc.Signal;
import sun.misc.SignalHandler;

/**
 * The main class of a child process, {@code java ... gantry.bridge.Child SOCKET}: the same channels as in the process,
 * each a connection with a thread of its own. The first connection is the control connection; it tells when to open
 * others, and its end is ours.
 */
public final class Child {
    private static final int CONTROL = 0;
    private static final int CHANNEL = 1;

    private static final int OPEN = 1;
    private static final int INTERRUPT = 2;

    /** Plugins recurse over deep documents; this is what the threads of the process get as well. */
    private static final long STACK = 8L * 1024 * 1024;

    private final Path socket;
    private final Map<Long, Channel> channels = new ConcurrentHashMap<>();
    private long opened;

    private Child(Path socket) {
        this.socket = socket;
    }

    public static void main(String[] arguments) {
        if (arguments.length != 1) {
            throw new IllegalArgumentException("usage: gantry.bridge.Child SOCKET");
        }
        ignoreSignals();
        Child child = new Child(Path.of(arguments[0]));
        Upcall.route(new SocketUpcalls(child.socket));
        Capture.install();
        try (Wire control = Wire.connect(child.socket, CONTROL)) {
            child.obey(control);
        } catch (IOException e) {
            // The other process is gone, or leaves: either way there is nothing left to do.
        } finally {
            Runtime.getRuntime().halt(0);
        }
    }

    /**
     * A service manager tells every process of a service to end at once. Our tasks end when the worker says so, and we
     * with the control connection.
     */
    private static void ignoreSignals() {
        for (String name : new String[] {"TERM", "INT", "HUP"}) {
            try {
                Signal.handle(new Signal(name), SignalHandler.SIG_IGN);
            } catch (IllegalArgumentException e) {
                // An option of the user's has taken it: then it does what that says.
            }
        }
    }

    private void obey(Wire control) throws IOException {
        while (true) {
            int order = control.u8();
            switch (order) {
                case OPEN -> open();
                case INTERRUPT -> interrupt(control.i64());
                default -> throw new IOException("unknown order " + order);
            }
        }
    }

    private void interrupt(long number) {
        Channel channel = channels.get(number);
        if (channel != null) {
            channel.interrupt();
        }
    }

    /** Connects here, in the order of the orders, because the number of a channel is its place in that order. */
    private void open() throws IOException {
        long number = opened++;
        Wire wire = Wire.connect(socket, CHANNEL);
        channels.put(number, new Channel());
        Thread thread = new Thread(null, () -> serve(number, wire), "channel-" + number, STACK);
        thread.setDaemon(true);
        thread.start();
    }

    private void serve(long number, Wire wire) {
        Channel channel = channels.get(number);
        try (wire) {
            while (true) {
                int operation = wire.i32();
                long handle = wire.i64();
                int length = wire.i32();
                wire.read(channel.request(length), length);
                int result = channel.run(operation, handle, length);
                wire.i32(result).write(channel.reply(), Math.abs(result)).flush();
                channel.trim();
            }
        } catch (IOException e) {
            // The other side closed the channel.
        } finally {
            channels.remove(number);
        }
    }
}
