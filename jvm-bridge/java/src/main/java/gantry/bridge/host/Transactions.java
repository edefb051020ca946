package gantry.bridge.host;

import java.util.HashSet;
import java.util.Objects;
import java.util.Set;
import org.apache.kafka.connect.source.SourceRecord;
import org.apache.kafka.connect.source.TransactionContext;

/** Where a task says that its transactions end; collected by the poll that follows. The rules are Kafka's. */
final class Transactions implements TransactionContext {
    static final int NOTHING = 0;
    static final int COMMIT = 1;
    static final int ABORT = 2;

    private final Set<SourceRecord> commits = new HashSet<>();
    private final Set<SourceRecord> aborts = new HashSet<>();
    private boolean commitBatch;
    private boolean abortBatch;

    @Override
    public synchronized void commitTransaction() {
        commitBatch = true;
    }

    @Override
    public synchronized void commitTransaction(SourceRecord record) {
        commits.add(checked(record));
    }

    @Override
    public synchronized void abortTransaction() {
        abortBatch = true;
    }

    @Override
    public synchronized void abortTransaction(SourceRecord record) {
        aborts.add(checked(record));
    }

    private static SourceRecord checked(SourceRecord record) {
        return Objects.requireNonNull(record, "Source record used to define transaction boundaries may not be null");
    }

    synchronized int ofBatch() {
        if (commitBatch && abortBatch) {
            throw new IllegalStateException("Connector requested both commit and abort of same transaction");
        }
        int wanted = commitBatch ? COMMIT : abortBatch ? ABORT : NOTHING;
        commitBatch = false;
        abortBatch = false;
        return wanted;
    }

    /** Hashing a record is expensive, so it is done only while a task waits for an answer. */
    synchronized int of(SourceRecord record) {
        boolean commit = !commits.isEmpty() && commits.remove(record);
        boolean abort = !aborts.isEmpty() && aborts.remove(record);
        if (commit && abort) {
            throw new IllegalStateException(String.format(
                    "Connector requested both commit and abort of same record against topic/partition %s/%s",
                    record.topic(), record.kafkaPartition()));
        }
        return commit ? COMMIT : abort ? ABORT : NOTHING;
    }
}
