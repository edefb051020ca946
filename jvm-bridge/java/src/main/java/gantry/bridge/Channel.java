package gantry.bridge;

import gantry.bridge.codec.Exchange;
import gantry.bridge.codec.Output;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * One caller's line to us. Calls on it come one after the other; the reply of the last one stays until the next. In
 * the process it owns a direct buffer, in a child process the socket takes the reply from {@link #reply()}.
 */
public final class Channel {
    private static final int INITIAL = 64 * 1024;

    /** What one extraordinary message made the arrays grow to is given back above this. */
    private static final int KEEP = 8 * 1024 * 1024;

    /** Made, and the classes that describe failures loaded, while there is memory for it. */
    private static final byte[] LAST_RESORT = Failure.lastResort();

    private final Exchange exchange = new Exchange();
    private ByteBuffer buffer;
    private byte[] request = new byte[INITIAL];
    private byte[] reply = request;
    private Thread running;

    /** A channel without a direct buffer, for {@link #run} alone. */
    Channel() {
    }

    /** A channel whose requests and replies cross in a direct buffer. */
    static Channel direct() {
        Channel channel = new Channel();
        channel.buffer = allocate(INITIAL);
        channel.buffer.put(0, LAST_RESORT);
        return channel;
    }

    public ByteBuffer buffer() {
        return buffer;
    }

    /** Makes the buffer at least this large; what it held is gone then. */
    public void reserve(int bytes) {
        if (buffer.capacity() < bytes) {
            int doubled = (int) Math.min(Integer.MAX_VALUE - 8L, 2L * buffer.capacity());
            buffer = allocate(Math.max(bytes, doubled));
        }
    }

    private static ByteBuffer allocate(int bytes) {
        return ByteBuffer.allocateDirect(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    /** A call through the direct buffer. It never throws: whatever happens becomes a failure in the buffer. */
    int call(int operation, long handle, int length) {
        try {
            byte[] request = request(length);
            buffer.get(0, request, 0, length);
            int result = run(operation, handle, length);
            int size = Math.abs(result);
            reserve(size);
            buffer.put(0, reply, 0, size);
            trim();
            return result;
        } catch (Throwable t) {
            // Only memory can be lacking here, and the first buffer is larger than this failure.
            forget();
            buffer.put(0, LAST_RESORT);
            return -LAST_RESORT.length;
        }
    }

    /** The array for the next request, of at least this length. */
    byte[] request(int length) {
        if (request.length < length) {
            request = new byte[length];
        }
        return request;
    }

    /** The array whose first bytes are the reply, as many as {@link #run} said. */
    byte[] reply() {
        return reply;
    }

    /** Runs one operation on the request in {@link #request(int)}: the length of the reply, negative for a failure. */
    int run(int operation, long handle, int length) {
        setRunning(Thread.currentThread());
        try {
            exchange.begin(request, length);
            Dispatcher.run(operation, handle, exchange);
            reply = exchange.out().array();
            return exchange.out().size();
        } catch (Throwable t) {
            return -fail(t);
        } finally {
            setRunning(null);
        }
    }

    private int fail(Throwable thrown) {
        forget();
        try {
            Output out = exchange.out();
            Failure.write(thrown, out);
            reply = out.array();
            return out.size();
        } catch (Throwable t) {
            reply = LAST_RESORT;
            return reply.length;
        }
    }

    private void forget() {
        try {
            exchange.fail();
        } catch (OutOfMemoryError e) {
            // Forgetting comes first there and takes no memory; only giving back a buffer does.
        }
    }

    /** After the reply was taken. */
    void trim() {
        exchange.out().shrink(KEEP);
        if (request.length > KEEP) {
            request = new byte[INITIAL];
        }
    }

    /** An interrupt belongs to the call that it was meant for: the next one on this thread begins without it. */
    private synchronized void setRunning(Thread thread) {
        running = thread;
        if (thread == null) {
            Thread.interrupted();
        }
    }

    synchronized void interrupt() {
        if (running != null) {
            running.interrupt();
        }
    }
}
