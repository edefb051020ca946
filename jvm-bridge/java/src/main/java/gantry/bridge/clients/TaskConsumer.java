package gantry.bridge.clients;

import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerGroupMetadata;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.connect.sink.SinkTaskContext;

/**
 * The consumer behind a sink's task. In Kafka Connect it stands in a private field of the task's context, and some
 * connectors take it from there to commit offsets themselves.
 */
public final class TaskConsumer {
    private final LogCalls log;
    /** Set once there is one: the context is made with its consumer. */
    private SinkTaskContext context;

    private TaskConsumer(LogCalls log) {
        this.log = log;
    }

    /** A consumer, and where the context is to be told to it. */
    public record Made(Consumer<byte[], byte[]> consumer, TaskConsumer behind) { }

    @SuppressWarnings("unchecked")
    public static Made create(long target) {
        TaskConsumer behind = new TaskConsumer(new LogCalls(target));
        return new Made(Partial.of(Consumer.class, behind), behind);
    }

    public void belongsTo(SinkTaskContext owner) {
        context = owner;
    }

    Set<TopicPartition> assignment() {
        return context.assignment();
    }

    Map<TopicPartition, OffsetAndMetadata> committed(Set<TopicPartition> of) {
        return withoutMetadata(of, log.committed(null, of));
    }

    /** As Kafka gives them: null for what was never committed. */
    static Map<TopicPartition, OffsetAndMetadata> withoutMetadata(
            Set<TopicPartition> of, Map<TopicPartition, Long> committed) {
        Map<TopicPartition, OffsetAndMetadata> given = new HashMap<>();
        for (TopicPartition partition : of) {
            Long offset = committed.get(partition);
            given.put(partition, offset == null ? null : new OffsetAndMetadata(offset));
        }
        return given;
    }

    void seek(TopicPartition partition, long offset) {
        context.offset(partition, offset);
    }

    void seek(TopicPartition partition, OffsetAndMetadata offset) {
        context.offset(partition, offset.offset());
    }

    ConsumerGroupMetadata groupMetadata() {
        return new ConsumerGroupMetadata(log.members().group());
    }

    @Override
    public String toString() {
        return "TaskConsumer";
    }
}
