package gantry.bridge.host;

import gantry.bridge.codec.Encoder;
import gantry.bridge.codec.Exchange;
import gantry.bridge.load.PluginRef;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.apache.kafka.connect.source.SourceRecord;
import org.apache.kafka.connect.source.SourceTask;

/** A source's task. Polls come from one channel, commits from another, at the same time. */
public final class SourceTaskHost extends TaskHost {
    private volatile SourceTask task;
    private volatile UncommittedRecords uncommitted;
    private volatile Transactions transactions;

    SourceTaskHost(PluginRef connector, long target, String connectorName) {
        super(connector, target, connectorName);
    }

    @Override
    Object plugin() {
        return task;
    }

    @Override
    void start(Map<String, String> properties, int flags) {
        SourceTask created = newTask(SourceTask.class, properties);
        task = created;
        uncommitted = new UncommittedRecords(created);
        transactions = (flags & TRANSACTIONS) != 0 ? new Transactions() : null;
        OffsetReader offsets = new OffsetReader(target(), connectorName());
        created.initialize(new SourceContext(this, properties, offsets, transactions));
        created.start(properties);
    }

    /** No records, as null or as an empty list, is a batch without records. */
    public void poll(Exchange exchange) throws InterruptedException {
        List<SourceRecord> records = withoutNulls(task.poll());
        Transactions boundaries = transactions;
        // Behind no records there is nothing to say it of: it is said behind the next ones.
        boolean empty = records == null || records.isEmpty();
        exchange.out().u8(boundaries == null || empty ? Transactions.NOTHING : boundaries.ofBatch());
        Encoder encoder = exchange.encoder();
        encoder.newBatch();
        if (records != null) {
            for (SourceRecord record : records) {
                encoder.sourceRecord(record, boundaries == null ? Transactions.NOTHING : boundaries.of(record));
            }
            uncommitted.add(records);
        }
        encoder.end();
    }

    /** Kafka passes over a null among the records. */
    private static List<SourceRecord> withoutNulls(List<SourceRecord> records) {
        if (records == null || !hasNull(records)) {
            return records;
        }
        return records.stream().filter(Objects::nonNull).toList();
    }

    /** Not by {@code contains(null)}, which some lists refuse. */
    private static boolean hasNull(List<SourceRecord> records) {
        for (SourceRecord record : records) {
            if (record == null) {
                return true;
            }
        }
        return false;
    }

    public void committed(Exchange exchange) {
        uncommitted.commit(exchange.in().v());
    }

    public void commit(Exchange exchange) throws InterruptedException {
        task.commit();
    }

    @Override
    void stop() {
        task.stop();
    }
}
