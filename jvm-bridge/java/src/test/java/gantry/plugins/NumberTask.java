package gantry.plugins;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.errors.RetriableException;
import org.apache.kafka.connect.source.SourceRecord;
import org.apache.kafka.connect.source.SourceTask;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Polls three numbers, then nothing, then null, then fails. */
public class NumberTask extends SourceTask {
    private static final Logger LOG = LoggerFactory.getLogger(NumberTask.class);

    private Map<String, String> properties;
    private int polls;

    @Override
    public void start(Map<String, String> properties) {
        this.properties = properties;
        LOG.info("metrics {}", context.pluginMetrics().addSensor("s").name());
    }

    @Override
    public List<SourceRecord> poll() {
        switch (polls++) {
            case 0 -> {
                List<SourceRecord> records = numbers();
                if (context.transactionContext() != null) {
                    context.transactionContext().commitTransaction(records.get(1));
                    context.transactionContext().abortTransaction();
                }
                return records;
            }
            case 1 -> {
                return List.of();
            }
            case 2 -> {
                return null;
            }
            default -> throw new RetriableException("try again");
        }
    }

    private List<SourceRecord> numbers() {
        List<SourceRecord> records = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            records.add(new SourceRecord(Map.of("p", 1L), Map.of("o", (long) i), properties.get("topic"), null,
                    Schema.INT32_SCHEMA, i));
        }
        return records;
    }

    @Override
    public void commitRecord(SourceRecord record, RecordMetadata metadata) {
        LOG.info("committed {} at {}", record.value(), metadata.offset());
        if (record.value().equals(0)) {
            throw new IllegalStateException("not this one");
        }
    }

    @Override
    public void commit() {
        LOG.info("commit");
    }

    @Override
    public void stop() {
        LOG.info("stop");
    }

    @Override
    public String version() {
        return "1";
    }
}
