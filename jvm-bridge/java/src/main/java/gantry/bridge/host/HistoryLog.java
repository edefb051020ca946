package gantry.bridge.host;

import gantry.bridge.Upcall;
import gantry.bridge.codec.Input;
import gantry.bridge.codec.Output;
import java.util.ArrayList;
import java.util.List;

/** A topic of the log that holds one source's history of schemas; records are added, and read from the start. */
public final class HistoryLog {
    private HistoryLog() {
    }

    /** Some records, where to read on, and whether there is more to read. */
    public record Page(long next, boolean more, List<String> records) {
        /** Of the first page: whether nothing was ever written. */
        public boolean isEmpty() {
            return records.isEmpty() && !more;
        }
    }

    /** Returns when the record is durable. */
    public static void append(String topic, String record) {
        Output request = new Output(record.length() + 64);
        request.str(topic);
        request.str(record);
        Upcall.call(Upcall.HISTORY_APPEND, Scope.target(), request);
    }

    public static Page read(String topic, long from) {
        Output request = new Output(64);
        request.str(topic);
        request.i64(from);
        Input reply = new Input(Upcall.call(Upcall.HISTORY_READ, Scope.target(), request));
        long next = reply.i64();
        boolean more = reply.bool();
        int count = reply.count();
        List<String> records = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            records.add(reply.str());
        }
        return new Page(next, more, records);
    }

    public static boolean exists(String topic) {
        return exists(topic, false);
    }

    public static void create(String topic) {
        exists(topic, true);
    }

    private static boolean exists(String topic, boolean create) {
        Output request = new Output(64);
        request.str(topic);
        request.bool(create);
        return new Input(Upcall.call(Upcall.HISTORY_EXISTS, Scope.target(), request)).bool();
    }
}
