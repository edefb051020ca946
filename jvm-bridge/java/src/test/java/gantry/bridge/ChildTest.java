package gantry.bridge;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import gantry.bridge.codec.Input;
import gantry.plugins.NumberSource;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.Channels;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A real child process, with this test as the process that owns it. */
@Timeout(20)
class ChildTest {
    @TempDir
    Path folder;

    private final FakeRuntime runtime = new FakeRuntime();
    private ServerSocketChannel server;
    private Process child;
    private SocketChannel control;

    @BeforeEach
    void start() throws IOException {
        Path socket = folder.resolve("socket");
        server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        server.bind(UnixDomainSocketAddress.of(socket));
        child = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-Xshare:auto",
                "-XX:TieredStopAtLevel=1", "-cp", System.getProperty("java.class.path"), "gantry.bridge.Child",
                socket.toString()).inheritIO().start();
        control = accept(0);
    }

    @AfterEach
    void end() throws Exception {
        control.close();
        assertTrue(child.waitFor(10, TimeUnit.SECONDS));
        assertEquals(0, child.exitValue());
        server.close();
    }

    private SocketChannel accept(int purpose) throws IOException {
        SocketChannel connection = server.accept();
        ByteBuffer first = ByteBuffer.allocate(1);
        connection.read(first);
        assertEquals(purpose, first.get(0));
        return connection;
    }

    private SocketChannel open() throws IOException {
        control.write(ByteBuffer.wrap(new byte[] {1}));
        return accept(1);
    }

    private Caller caller() throws IOException {
        return new Caller(carrier(open()));
    }

    private static Caller.Carrier carrier(SocketChannel connection) {
        DataOutputStream out = new DataOutputStream(Channels.newOutputStream(connection));
        DataInputStream in = new DataInputStream(Channels.newInputStream(connection));
        return (operation, handle, request) -> {
            try {
                ByteBuffer frame = little(16 + request.length);
                frame.putInt(operation).putLong(handle).putInt(request.length).put(request);
                out.write(frame.array());
                int length = number(in);
                byte[] reply = in.readNBytes(Math.abs(length));
                if (length < 0) {
                    throw new Caller.Failed(new Input(reply));
                }
                return reply;
            } catch (IOException e) {
                throw new IllegalStateException(e);
            }
        };
    }

    private static ByteBuffer little(int size) {
        return ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
    }

    private static int number(DataInputStream in) throws IOException {
        return Integer.reverseBytes(in.readInt());
    }

    /** Serves the upcalls of one connection until it ends. */
    private void serve(SocketChannel connection) {
        DataInputStream in = new DataInputStream(Channels.newInputStream(connection));
        DataOutputStream out = new DataOutputStream(Channels.newOutputStream(connection));
        try (connection) {
            while (true) {
                int operation = number(in);
                long target = Long.reverseBytes(in.readLong());
                byte[] request = in.readNBytes(number(in));
                answer(out, operation, target, request);
            }
        } catch (IOException e) {
            // The child is gone.
        }
    }

    private void answer(DataOutputStream out, int operation, long target, byte[] request) throws IOException {
        ByteBuffer frame;
        try {
            byte[] reply = runtime.call(operation, target, request);
            frame = reply == null ? little(4).putInt(-1) : little(4 + reply.length).putInt(reply.length).put(reply);
        } catch (RuntimeException e) {
            byte[] text = e.getMessage().getBytes();
            frame = little(8 + text.length).putInt(-2).putInt(text.length).put(text);
        }
        out.write(frame.array());
    }

    private void serveUpcalls() {
        Thread acceptor = new Thread(() -> {
            try {
                while (true) {
                    SocketChannel connection = accept(2);
                    new Thread(() -> serve(connection)).start();
                }
            } catch (IOException e) {
                // The test is over.
            }
        });
        acceptor.setDaemon(true);
        acceptor.start();
    }

    private static void start(Caller caller, long handle, String how) {
        caller.call(11, handle, out -> out.map(Map.of("topic", "t", "at.start", how)));
    }

    @Test
    void doesWhatTheProcessDoes() throws Exception {
        Caller caller = caller();
        SocketChannel second = open();
        serveUpcalls();
        int location = TestPlugins.install(caller, folder);
        long handle = caller.create(10, location, NumberSource.class, out -> {
            out.i64(5);
            out.str("n");
        });
        start(caller, handle, "");
        assertTrue(runtime.events.stream().anyMatch(event -> event.message().equals("starting with t")
                && event.target() == 5));

        runtime.refuse(Upcall.RECONFIGURE, "not now");
        Caller.Failed e = assertThrows(Caller.Failed.class, () -> start(caller, handle, "reconfigure"));
        assertEquals("not now", e.messages.get(0));
        e = assertThrows(Caller.Failed.class, () -> start(caller, handle, "exit"));
        assertEquals(3, runtime.asked(Upcall.EXIT).get(0).in().i32());

        interrupt(handle, second);
        assertTrue(caller.call(8, 0).i64() > 0);
    }

    /** On the second channel, whose number is 1. */
    private void interrupt(long handle, SocketChannel connection) throws Exception {
        int before = runtime.events.size();
        Thread waker = new Thread(() -> {
            try {
                while (runtime.events.size() == before) {
                    Thread.sleep(5);
                }
                ByteBuffer order = little(9).put((byte) 2).putLong(1).flip();
                control.write(order);
            } catch (IOException | InterruptedException e) {
                throw new IllegalStateException(e);
            }
        });
        waker.start();
        Caller sleeper = new Caller(carrier(connection));
        Caller.Failed e = assertThrows(Caller.Failed.class, () -> start(sleeper, handle, "sleep"));
        assertEquals(8, e.flags);
        waker.join();
        assertTrue(sleeper.call(8, 0).i64() > 0);
    }

    @Test
    void carriesLargeMessages() throws Exception {
        Caller caller = caller();
        serveUpcalls();
        int location = TestPlugins.install(caller, folder);
        String text = "x".repeat(3_000_000);
        long handle = caller.create(10, location, NumberSource.class, out -> {
            out.i64(5);
            out.str("n");
        });
        caller.call(11, handle, out -> out.map(Map.of("topic", text)));
        Input configs = caller.call(12, handle, out -> out.i32(2));
        configs.v();
        assertEquals(text, configs.map().get("topic"));
        assertEquals(text, configs.map().get("topic"));
    }
}
