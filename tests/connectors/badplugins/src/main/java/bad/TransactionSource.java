package bad;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.kafka.connect.connector.Task;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.source.ConnectorTransactionBoundaries;
import org.apache.kafka.connect.source.ExactlyOnceSupport;
import org.apache.kafka.connect.source.SourceRecord;
import org.apache.kafka.connect.source.SourceTask;

/**
 * An exactly-once source that sets the bounds of its transactions itself: numbers from 0 up to 10 × `count`, ten in a transaction; the third of each
 * four is aborted, and its numbers are not given again.
 */
public class TransactionSource extends BadSource {
    private static final int SIZE = 10;

    @Override
    public Class<? extends Task> taskClass() {
        return TransactionTask.class;
    }

    @Override
    public ExactlyOnceSupport exactlyOnceSupport(Map<String, String> given) {
        return "unsupported".equals(given.get(Settings.MODE)) ? ExactlyOnceSupport.UNSUPPORTED : ExactlyOnceSupport.SUPPORTED;
    }

    @Override
    public ConnectorTransactionBoundaries canDefineTransactionBoundaries(Map<String, String> given) {
        return "no-bounds".equals(given.get(Settings.MODE)) ? ConnectorTransactionBoundaries.UNSUPPORTED : ConnectorTransactionBoundaries.SUPPORTED;
    }

    /** Its task; a transaction comes in two polls. */
    public static class TransactionTask extends SourceTask {
        private final Map<String, String> partition = Map.of("source", "numbers");
        private Map<String, String> properties;
        private long next;

        @Override
        public String version() {
            return Settings.VERSION;
        }

        @Override
        public void start(Map<String, String> given) {
            properties = given;
            var offset = context.offsetStorageReader().offset(partition);
            next = offset == null ? 0 : ((Number) offset.get("next")).longValue();
        }

        @Override
        public List<SourceRecord> poll() throws InterruptedException {
            Thread.sleep(20);
            if (next >= (long) SIZE * Settings.count(properties)) {
                return null;
            }
            var records = new ArrayList<SourceRecord>();
            for (int i = 0; i < SIZE / 2; i++) {
                next++;
                records.add(new SourceRecord(partition, Map.of("next", next), properties.get(Settings.TOPIC), null, null, Schema.INT64_SCHEMA, next - 1));
            }
            var transactions = context.transactionContext();
            if (transactions != null && next % SIZE == 0) {
                var last = records.get(records.size() - 1);
                if ((next / SIZE - 1) % 4 == 2) {
                    transactions.abortTransaction(last);
                } else {
                    transactions.commitTransaction(last);
                }
            }
            return records;
        }

        @Override
        public void stop() {}
    }
}
