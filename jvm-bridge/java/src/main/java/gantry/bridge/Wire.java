package gantry.bridge;

import java.io.Closeable;
import java.io.EOFException;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;

/**
 * One connection to the other process, used by one thread at a time. It never blocks in the socket itself: a thread
 * that is interrupted there closes the socket, and plugins interrupt threads. It waits with a selector instead, and an
 * interrupt that comes meanwhile is given back to the thread afterwards.
 */
final class Wire implements Closeable {
    private static final int BUFFER = 256 * 1024;

    private final SocketChannel channel;
    private final Selector selector;
    private final SelectionKey key;
    private final ByteBuffer in = allocate();
    private final ByteBuffer out = allocate();

    private Wire(SocketChannel channel) throws IOException {
        this.channel = channel;
        channel.configureBlocking(false);
        selector = Selector.open();
        key = channel.register(selector, 0);
        in.limit(0);
    }

    private static ByteBuffer allocate() {
        return ByteBuffer.allocateDirect(BUFFER).order(ByteOrder.LITTLE_ENDIAN);
    }

    /** Connects and says what the connection is for. */
    static Wire connect(Path socket, int purpose) throws IOException {
        boolean interrupted = Thread.interrupted();
        try {
            Wire wire = new Wire(SocketChannel.open(UnixDomainSocketAddress.of(socket)));
            wire.room(1).put((byte) purpose);
            wire.flush();
            return wire;
        } finally {
            restore(interrupted);
        }
    }

    int u8() throws IOException {
        return filled(1).get() & 0xff;
    }

    int i32() throws IOException {
        return filled(Integer.BYTES).getInt();
    }

    long i64() throws IOException {
        return filled(Long.BYTES).getLong();
    }

    void read(byte[] to, int length) throws IOException {
        int done = 0;
        while (done < length) {
            int part = Math.min(length - done, filled(1).remaining());
            in.get(to, done, part);
            done += part;
        }
    }

    Wire i32(int value) throws IOException {
        room(Integer.BYTES).putInt(value);
        return this;
    }

    Wire i64(long value) throws IOException {
        room(Long.BYTES).putLong(value);
        return this;
    }

    Wire write(byte[] from, int length) throws IOException {
        int done = 0;
        while (done < length) {
            int part = Math.min(length - done, room(1).remaining());
            out.put(from, done, part);
            done += part;
        }
        return this;
    }

    void flush() throws IOException {
        out.flip();
        boolean interrupted = false;
        try {
            while (out.hasRemaining()) {
                if (channel.write(out) == 0) {
                    interrupted |= await(SelectionKey.OP_WRITE);
                }
            }
        } finally {
            out.clear();
            restore(interrupted);
        }
    }

    /** The buffer with at least this much to read in it. */
    private ByteBuffer filled(int least) throws IOException {
        if (in.remaining() >= least) {
            return in;
        }
        in.compact();
        boolean interrupted = false;
        try {
            while (in.position() < least) {
                int read = channel.read(in);
                if (read < 0) {
                    throw new EOFException();
                }
                if (read == 0) {
                    interrupted |= await(SelectionKey.OP_READ);
                }
            }
        } finally {
            in.flip();
            restore(interrupted);
        }
        return in;
    }

    private ByteBuffer room(int least) throws IOException {
        if (out.remaining() < least) {
            flush();
        }
        return out;
    }

    /** Waits until the socket is ready. An interrupted thread would not wait, so the interrupt is taken away first. */
    private boolean await(int operation) throws IOException {
        boolean interrupted = Thread.interrupted();
        key.interestOps(operation);
        selector.select();
        selector.selectedKeys().clear();
        return interrupted | Thread.interrupted();
    }

    private static void restore(boolean interrupted) {
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public void close() throws IOException {
        try {
            channel.close();
        } finally {
            selector.close();
        }
    }
}
