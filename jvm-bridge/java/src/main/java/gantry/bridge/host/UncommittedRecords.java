package gantry.bridge.host;

import java.util.ArrayDeque;
import java.util.Collection;
import java.util.Queue;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.connect.source.SourceRecord;
import org.apache.kafka.connect.source.SourceTask;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The records that were polled and not yet reported to the task as written, in order. They are kept only for tasks
 * that want to know: the others would pay for it with memory.
 */
final class UncommittedRecords {
    private static final Logger LOG = LoggerFactory.getLogger(UncommittedRecords.class);

    /** The log's own positions are not passed on. */
    private static final long NO_OFFSET = -1;
    private static final long NO_TIMESTAMP = -1;

    private final SourceTask task;
    private final boolean wanted;
    private final Queue<SourceRecord> records = new ArrayDeque<>();

    UncommittedRecords(SourceTask task) {
        this.task = task;
        this.wanted = (CommitMethods.of(task.getClass()) & CommitMethods.RECORD) != 0;
    }

    void add(Collection<SourceRecord> polled) {
        if (wanted) {
            synchronized (records) {
                records.addAll(polled);
            }
        }
    }

    /** Reports the next records. A task that fails at one is told of the others all the same, as in Kafka. */
    void commit(int count) {
        for (int i = 0; wanted && i < count; i++) {
            SourceRecord record;
            synchronized (records) {
                record = records.poll();
            }
            if (record == null) {
                throw new IllegalStateException("more records were committed than polled");
            }
            try {
                task.commitRecord(record, metadata(record));
            } catch (Throwable t) {
                LOG.error("Exception thrown while calling task.commitRecord()", t);
            }
        }
    }

    private static RecordMetadata metadata(SourceRecord record) {
        Integer partition = record.kafkaPartition();
        int known = partition == null ? RecordMetadata.UNKNOWN_PARTITION : partition;
        long timestamp = record.timestamp() == null ? NO_TIMESTAMP : record.timestamp();
        return new RecordMetadata(new TopicPartition(record.topic(), known), NO_OFFSET, 0, timestamp, -1, -1);
    }
}
