package gantry.bridge;

import gantry.bridge.codec.Encoder;
import gantry.bridge.codec.Exchange;
import gantry.bridge.codec.Input;
import gantry.bridge.codec.Output;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/** The other side of a channel, as the process is it: requests out, replies in, and its half of the dictionaries. */
public final class Caller {
    /** A call that failed, as it crossed. */
    public static final class Failed extends RuntimeException {
        public final int flags;
        public final List<String> classes = new ArrayList<>();
        public final List<String> messages = new ArrayList<>();
        public final String stack;

        Failed(Input failure) {
            flags = failure.u8();
            int count = failure.v();
            for (int i = 0; i < count; i++) {
                classes.add(failure.str());
                messages.add(failure.ostr());
            }
            stack = failure.str();
        }

        @Override
        public String getMessage() {
            return flags + " " + classes + " " + messages + "\n" + stack;
        }
    }

    /** How a request reaches Java and the reply comes back. */
    @FunctionalInterface
    interface Carrier {
        /** The reply; for a failure, a {@link Failed} is thrown. */
        byte[] call(int operation, long handle, byte[] request);
    }

    private final Carrier carrier;
    private final Output request = new Output(1024);
    private final Encoder encoder = new Encoder(request);
    private final Exchange replies = new Exchange();

    public Caller() {
        this(direct(Bridge.open()));
    }

    Caller(Carrier carrier) {
        this.carrier = carrier;
    }

    static Carrier direct(Channel channel) {
        return (operation, handle, request) -> {
            channel.reserve(request.length);
            channel.buffer().put(0, request);
            int length = Bridge.call(channel, operation, handle, request.length);
            ByteBuffer buffer = channel.buffer();
            byte[] reply = new byte[Math.abs(length)];
            buffer.get(0, reply);
            if (length < 0) {
                throw new Failed(new Input(reply));
            }
            return reply;
        };
    }

    /** Items of the request. */
    public Encoder encoder() {
        return encoder;
    }

    /** Items of the last reply. */
    public Exchange replies() {
        return replies;
    }

    public Input call(int operation, long handle, Consumer<Output> write) {
        request.clear();
        write.accept(request);
        try {
            byte[] reply = carrier.call(operation, handle, request.toBytes());
            replies.begin(reply, reply.length);
            return replies.in();
        } catch (Failed e) {
            encoder.clear();
            replies.fail();
            throw e;
        }
    }

    public Input call(int operation, long handle) {
        return call(operation, handle, out -> { });
    }

    /** A new object of a plugin: the location, the class, and what else the operation wants. */
    public long create(int operation, int location, Class<?> plugin, Consumer<Output> rest) {
        return call(operation, 0, out -> {
            out.v(location);
            out.str(plugin.getName());
            rest.accept(out);
        }).i64();
    }
}
