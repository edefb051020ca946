package gantry.bridge;

import gantry.bridge.codec.Input;
import gantry.bridge.codec.Output;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.BiConsumer;
import org.apache.kafka.connect.errors.ConnectException;

/** The other side of upcalls: it keeps what was asked, and answers as a test says. */
public final class FakeRuntime implements Upcall.Route {
    /** An upcall that came. */
    public record Asked(int operation, long target, byte[] request) {
        public Input in() {
            return new Input(request);
        }
    }

    /** A log event that came. */
    public record Event(long target, int level, String logger, String message, String stack) { }

    public final List<Asked> asked = new CopyOnWriteArrayList<>();
    public final List<Event> events = new CopyOnWriteArrayList<>();
    private final Map<Integer, BiConsumer<Input, Output>> answers = new ConcurrentHashMap<>();

    public static FakeRuntime install() {
        FakeRuntime runtime = new FakeRuntime();
        Upcall.route(runtime);
        return runtime;
    }

    public void answer(int operation, BiConsumer<Input, Output> answer) {
        answers.put(operation, answer);
    }

    public void refuse(int operation, String text) {
        answer(operation, (in, out) -> {
            throw new ConnectException(text);
        });
    }

    public List<Asked> asked(int operation) {
        return asked.stream().filter(one -> one.operation() == operation).toList();
    }

    @Override
    public byte[] call(int operation, long target, byte[] request) {
        if (operation == Upcall.LOG) {
            Input in = new Input(request);
            int level = in.u8();
            String logger = in.str();
            in.str();
            events.add(new Event(target, level, logger, in.str(), in.ostr()));
            return null;
        }
        asked.add(new Asked(operation, target, request));
        BiConsumer<Input, Output> answer = answers.get(operation);
        if (answer == null) {
            return null;
        }
        Output reply = new Output(64);
        answer.accept(new Input(request), reply);
        return reply.toBytes();
    }
}
