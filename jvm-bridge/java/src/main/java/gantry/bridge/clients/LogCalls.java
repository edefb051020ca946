package gantry.bridge.clients;

import gantry.bridge.Upcall;
import gantry.bridge.codec.Input;
import gantry.bridge.codec.Output;
import gantry.bridge.host.Partitions;
import gantry.bridge.host.Scope;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.SerializationException;
import org.apache.kafka.common.header.Header;

/** What the clients of one sink's task ask of the log. */
final class LogCalls {
    private static final int NONE = -1;

    /** The task, whichever of its threads calls. */
    private final long target;

    LogCalls(long target) {
        this.target = target;
    }

    /** Of the task that this thread works for. */
    static LogCalls ofThisThread() {
        return new LogCalls(Scope.target());
    }

    /** A record of a queue. */
    record Stored(long offset, long timestampMs, byte[] key, byte[] value, List<Map.Entry<String, byte[]>> headers) { }

    /** What was read of a queue, and where to read on. */
    record Read(TopicPartition from, long next, List<Stored> records) { }

    /** The offsets that a queue has. */
    record Range(long earliest, long next) { }

    /** The connector's tasks, as a consumer group. */
    record Members(String group, List<List<TopicPartition>> partitions) { }

    /** All of it, or nothing. */
    void write(List<ProducerRecord<?, ?>> records, Map<TopicPartition, Long> offsets) {
        Output request = new Output(1024);
        request.v(records.size());
        for (ProducerRecord<?, ?> record : records) {
            request.str(record.topic());
            request.i32(record.partition() == null ? NONE : record.partition());
            request.i64(record.timestamp() == null ? NONE : record.timestamp());
            nullable(bytes(record.key()), request);
            nullable(bytes(record.value()), request);
            Header[] headers = record.headers().toArray();
            request.v(headers.length);
            for (Header header : headers) {
                request.str(header.key());
                nullable(header.value(), request);
            }
        }
        writeOffsets(offsets, request);
        call(Upcall.LOG_WRITE, request);
    }

    List<Read> read(Map<TopicPartition, Long> from, long waitMs) {
        Output request = new Output(256);
        writeOffsets(from, request);
        request.i64(waitMs);
        Input reply = new Input(call(Upcall.LOG_READ, request));
        int count = reply.count();
        List<Read> read = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            TopicPartition partition = Partitions.read(reply);
            long next = reply.i64();
            int size = reply.count();
            List<Stored> records = new ArrayList<>(size);
            for (int r = 0; r < size; r++) {
                records.add(stored(reply));
            }
            read.add(new Read(partition, next, records));
        }
        return read;
    }

    private static Stored stored(Input reply) {
        long offset = reply.i64();
        long timestampMs = reply.i64();
        byte[] key = nullable(reply);
        byte[] value = nullable(reply);
        int count = reply.count();
        List<Map.Entry<String, byte[]>> headers = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            String name = reply.str();
            headers.add(new java.util.AbstractMap.SimpleEntry<>(name, nullable(reply)));
        }
        return new Stored(offset, timestampMs, key, value, headers);
    }

    /** How many queues the topic has, which is made if it is not there. */
    int partitions(String topic) {
        Output request = new Output(64);
        request.str(topic);
        return new Input(call(Upcall.LOG_QUEUES, request)).i32();
    }

    Range range(TopicPartition partition) {
        Output request = new Output(64);
        Partitions.write(partition, request);
        Input reply = new Input(call(Upcall.LOG_RANGE, request));
        long earliest = reply.i64();
        return new Range(earliest, reply.i64());
    }

    Members members() {
        Input reply = new Input(call(Upcall.LOG_MEMBERS, new Output(0)));
        String group = reply.str();
        int count = reply.count();
        List<List<TopicPartition>> members = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            members.add(Partitions.readAll(reply));
        }
        return new Members(group, members);
    }

    /** What a group has committed; null stands for the connector's own. */
    Map<TopicPartition, Long> committed(String group, Collection<TopicPartition> of) {
        Output request = new Output(256);
        request.ostr(group);
        Partitions.writeAll(of, request);
        Input reply = new Input(call(Upcall.LOG_COMMITTED, request));
        int count = reply.count();
        Map<TopicPartition, Long> committed = new HashMap<>();
        for (int i = 0; i < count; i++) {
            TopicPartition partition = Partitions.read(reply);
            committed.put(partition, reply.i64());
        }
        return committed;
    }

    void commit(String group, Map<TopicPartition, Long> offsets) {
        Output request = new Output(256);
        request.str(group);
        writeOffsets(offsets, request);
        call(Upcall.LOG_COMMIT, request);
    }

    private byte[] call(int operation, Output request) {
        return Upcall.call(operation, target, request);
    }

    private static void writeOffsets(Map<TopicPartition, Long> offsets, Output out) {
        out.v(offsets.size());
        offsets.forEach((partition, offset) -> {
            Partitions.write(partition, out);
            out.i64(offset);
        });
    }

    /** As Kafka's serializers of texts and bytes do. */
    private static byte[] bytes(Object value) {
        if (value == null) {
            return null;
        }
        if (value instanceof String text) {
            return text.getBytes(StandardCharsets.UTF_8);
        }
        if (value instanceof byte[] bytes) {
            return bytes;
        }
        throw new SerializationException("A connector's own Kafka client writes texts and bytes here, and no "
                + value.getClass().getName());
    }

    private static void nullable(byte[] value, Output out) {
        out.bool(value == null);
        if (value != null) {
            out.bytes(value);
        }
    }

    private static byte[] nullable(Input in) {
        return in.bool() ? null : in.bytes();
    }
}
