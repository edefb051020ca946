package gantry.bridge.clients;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerGroupMetadata;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.InterruptException;
import org.apache.kafka.common.errors.WakeupException;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.record.TimestampType;

/**
 * A Kafka consumer of a connector, on the log: the only one of its group, of topics by name, with texts as keys and
 * bytes as values, and of what is committed only.
 */
final class LogConsumer {
    /** One wait within the log: after it, whoever wants the thread back is heard. */
    private static final long SLICE_MS = 1_000;
    /** How often it looks for new queues of its topics. */
    private static final long REFRESH_MS = 30_000;

    private final LogCalls log;
    private final String group;
    private final boolean fromEarliest;
    private final Map<TopicPartition, Long> positions = new LinkedHashMap<>();
    private Set<String> topics = Set.of();
    private long refreshAtMs;
    private volatile boolean woken;

    private LogConsumer(LogCalls log, String group, boolean fromEarliest) {
        this.log = log;
        this.group = group;
        this.fromEarliest = fromEarliest;
    }

    @SuppressWarnings("unchecked")
    static Consumer<String, byte[]> create(LogCalls log, String group, boolean fromEarliest) {
        return Partial.of(Consumer.class, new LogConsumer(log, group, fromEarliest));
    }

    void subscribe(Collection<String> wanted) {
        topics = Set.copyOf(wanted);
        positions.keySet().removeIf(partition -> !topics.contains(partition.topic()));
        refreshAtMs = 0;
    }

    Set<String> subscription() {
        return topics;
    }

    Set<TopicPartition> assignment() {
        return Set.copyOf(positions.keySet());
    }

    ConsumerRecords<String, byte[]> poll(Duration timeout) {
        long until = System.currentTimeMillis() + timeout.toMillis();
        refresh();
        while (true) {
            if (woken) {
                woken = false;
                throw new WakeupException();
            }
            if (Thread.interrupted()) {
                throw new InterruptException(new InterruptedException());
            }
            long leftMs = Math.max(0, until - System.currentTimeMillis());
            ConsumerRecords<String, byte[]> records = read(Math.min(leftMs, SLICE_MS));
            if (!records.isEmpty() || leftMs <= SLICE_MS) {
                return records;
            }
        }
    }

    private void refresh() {
        long now = System.currentTimeMillis();
        if (now < refreshAtMs) {
            return;
        }
        boolean first = refreshAtMs == 0;
        List<TopicPartition> found = new ArrayList<>();
        for (String topic : topics) {
            int partitions = log.partitions(topic);
            for (int partition = 0; partition < partitions; partition++) {
                found.add(new TopicPartition(topic, partition));
            }
        }
        found.removeAll(positions.keySet());
        if (!found.isEmpty()) {
            Map<TopicPartition, Long> committed = log.committed(group, found);
            for (TopicPartition partition : found) {
                // A queue that was made since has nothing that is not new.
                positions.put(partition, begin(committed.get(partition), log.range(partition), !first));
            }
        }
        refreshAtMs = now + REFRESH_MS;
    }

    private long begin(Long committed, LogCalls.Range range, boolean isNew) {
        if (committed != null && committed >= range.earliest() && committed <= range.next()) {
            return committed;
        }
        return fromEarliest || isNew ? range.earliest() : range.next();
    }

    private ConsumerRecords<String, byte[]> read(long waitMs) {
        Map<TopicPartition, List<ConsumerRecord<String, byte[]>>> records = new LinkedHashMap<>();
        for (LogCalls.Read read : log.read(positions, waitMs)) {
            positions.put(read.from(), read.next());
            for (LogCalls.Stored stored : read.records()) {
                records.computeIfAbsent(read.from(), from -> new ArrayList<>()).add(record(read.from(), stored));
            }
        }
        Map<TopicPartition, OffsetAndMetadata> next = new HashMap<>();
        records.keySet().forEach(partition -> next.put(partition, new OffsetAndMetadata(positions.get(partition))));
        return new ConsumerRecords<>(records, next);
    }

    private static ConsumerRecord<String, byte[]> record(TopicPartition from, LogCalls.Stored stored) {
        RecordHeaders headers = new RecordHeaders();
        stored.headers().forEach(header -> headers.add(header.getKey(), header.getValue()));
        String key = stored.key() == null ? null : new String(stored.key(), StandardCharsets.UTF_8);
        return new ConsumerRecord<>(from.topic(), from.partition(), stored.offset(), stored.timestampMs(),
                TimestampType.CREATE_TIME, length(stored.key()), length(stored.value()), key, stored.value(), headers,
                Optional.empty());
    }

    private static int length(byte[] bytes) {
        return bytes == null ? ConsumerRecord.NULL_SIZE : bytes.length;
    }

    long position(TopicPartition partition) {
        Long position = positions.get(partition);
        if (position == null) {
            throw new IllegalStateException("You can only check the position for partitions assigned to this consumer.");
        }
        return position;
    }

    void seek(TopicPartition partition, long offset) {
        position(partition);
        positions.put(partition, offset);
    }

    Map<TopicPartition, OffsetAndMetadata> committed(Set<TopicPartition> of) {
        return TaskConsumer.withoutMetadata(of, log.committed(group, of));
    }

    void commitSync() {
        log.commit(group, positions);
    }

    void commitSync(Map<TopicPartition, OffsetAndMetadata> offsets) {
        Map<TopicPartition, Long> plain = new HashMap<>();
        offsets.forEach((partition, offset) -> plain.put(partition, offset.offset()));
        log.commit(group, plain);
    }

    ConsumerGroupMetadata groupMetadata() {
        return new ConsumerGroupMetadata(group);
    }

    void wakeup() {
        woken = true;
    }

    void close() {
        positions.clear();
    }

    void close(Duration timeout) {
        close();
    }

    @Override
    public String toString() {
        return "LogConsumer{" + group + "}";
    }
}
