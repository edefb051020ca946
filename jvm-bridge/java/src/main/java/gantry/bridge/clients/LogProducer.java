package gantry.bridge.clients;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;
import org.apache.kafka.clients.consumer.ConsumerGroupMetadata;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;

/**
 * A Kafka producer of a connector, on the log. A transaction is one write; what was sent without one is written at
 * once. The metadata of a record does not say its offset, as that of a producer that awaits no acknowledgement.
 */
final class LogProducer {
    private static final long UNKNOWN = -1;

    private final LogCalls log;
    private final List<ProducerRecord<?, ?>> pending = new ArrayList<>();
    private final Map<TopicPartition, Long> offsets = new HashMap<>();
    private boolean inTransaction;

    private LogProducer(LogCalls log) {
        this.log = log;
    }

    @SuppressWarnings("unchecked")
    static <K, V> Producer<K, V> create(LogCalls log) {
        return Partial.of(Producer.class, new LogProducer(log));
    }

    void initTransactions() {
    }

    synchronized void beginTransaction() {
        if (inTransaction) {
            throw new IllegalStateException("a transaction of this producer has begun already");
        }
        inTransaction = true;
    }

    synchronized Future<RecordMetadata> send(ProducerRecord<?, ?> record) {
        if (inTransaction) {
            pending.add(record);
        } else {
            log.write(List.of(record), Map.of());
        }
        int partition = record.partition() == null ? RecordMetadata.UNKNOWN_PARTITION : record.partition();
        TopicPartition to = new TopicPartition(record.topic(), partition);
        return CompletableFuture.completedFuture(new RecordMetadata(to, UNKNOWN, 0, UNKNOWN, -1, -1));
    }

    synchronized void sendOffsetsToTransaction(
            Map<TopicPartition, OffsetAndMetadata> consumed, ConsumerGroupMetadata group) {
        String own = log.members().group();
        if (!group.groupId().equals(own)) {
            throw new IllegalArgumentException("a task of the group " + own + " commits no offsets of "
                    + group.groupId());
        }
        consumed.forEach((partition, offset) -> offsets.put(partition, offset.offset()));
    }

    synchronized void commitTransaction() {
        // What fails stays pending until the transaction is aborted.
        log.write(pending, offsets);
        abortTransaction();
    }

    synchronized void abortTransaction() {
        pending.clear();
        offsets.clear();
        inTransaction = false;
    }

    void flush() {
    }

    void close() {
        abortTransaction();
    }

    void close(Duration timeout) {
        close();
    }

    @Override
    public String toString() {
        return "LogProducer";
    }
}
