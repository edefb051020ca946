package gantry.bridge;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Deque;
import java.util.concurrent.ConcurrentLinkedDeque;
import org.apache.kafka.connect.errors.ConnectException;

/**
 * Upcalls over sockets. A thread takes a free connection for the time of its upcall: plugins make and drop threads as
 * they like, and a connection bound to each would outlive it.
 */
final class SocketUpcalls implements Upcall.Route {
    private static final int PURPOSE = 2;
    private static final int NULL = -1;
    private static final int FAILURE = -2;

    private final Path socket;
    private final Deque<Wire> free = new ConcurrentLinkedDeque<>();

    SocketUpcalls(Path socket) {
        this.socket = socket;
    }

    @Override
    public byte[] call(int operation, long target, byte[] request) {
        try {
            Wire wire = free.pollFirst();
            if (wire == null) {
                wire = Wire.connect(socket, PURPOSE);
            }
            return call(wire, operation, target, request);
        } catch (IOException e) {
            throw new ConnectException("the connection to the runtime is lost", e);
        }
    }

    private byte[] call(Wire wire, int operation, long target, byte[] request) throws IOException {
        byte[] reply;
        int length;
        boolean whole = false;
        try {
            wire.i32(operation).i64(target).i32(request.length).write(request, request.length).flush();
            length = wire.i32();
            reply = length == NULL ? null : new byte[length == FAILURE ? wire.i32() : length];
            if (reply != null) {
                wire.read(reply, reply.length);
            }
            whole = true;
        } finally {
            if (whole) {
                free.addFirst(wire);
            } else {
                wire.close();
            }
        }
        if (length == FAILURE) {
            throw new ConnectException(new String(reply, StandardCharsets.UTF_8));
        }
        return reply;
    }
}
