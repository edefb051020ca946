package gantry.plugin;

import gantry.bridge.host.HistoryLog;
import io.debezium.config.Configuration;
import io.debezium.config.Field;
import io.debezium.document.DocumentReader;
import io.debezium.relational.history.AbstractSchemaHistory;
import io.debezium.relational.history.HistoryRecord;
import io.debezium.relational.history.HistoryRecordComparator;
import io.debezium.relational.history.SchemaHistory;
import io.debezium.relational.history.SchemaHistoryException;
import io.debezium.relational.history.SchemaHistoryListener;
import java.io.IOException;
import java.util.function.Consumer;
import org.apache.kafka.connect.errors.ConnectException;

/**
 * Debezium's schema history, kept in a topic of our log. It takes the place of all that Debezium's own
 * {@code KafkaSchemaHistory} does with a Kafka client: that class becomes a subclass of this one and keeps nothing but
 * its settings, so that validation stays what the plugin's version makes of it. Debezium is not on our class path;
 * each plugin's loader defines this class for itself.
 */
public abstract class LogSchemaHistory extends AbstractSchemaHistory {
    private static final String TOPIC = SchemaHistory.CONFIGURATION_FIELD_PREFIX_STRING + "kafka.topic";

    private final DocumentReader documents = DocumentReader.defaultReader();
    private String topic;

    @Override
    public void configure(
            Configuration config, HistoryRecordComparator comparator, SchemaHistoryListener listener, boolean catalog) {
        super.configure(config, comparator, listener, catalog);
        if (!config.validateAndRecord(settings(), logger::error)) {
            throw new ConnectException("Error configuring an instance of " + getClass().getSimpleName()
                    + "; check the logs for details");
        }
        topic = config.getString(TOPIC);
    }

    /** The settings that the plugin's own class knows. */
    private Field.Set settings() {
        try {
            return (Field.Set) getClass().getField("ALL_FIELDS").get(null);
        } catch (ReflectiveOperationException e) {
            throw new ConnectException("this version of Debezium's schema history is not supported", e);
        }
    }

    @Override
    protected void storeRecord(HistoryRecord record) throws SchemaHistoryException {
        try {
            HistoryLog.append(topic, record.toString());
        } catch (RuntimeException e) {
            throw new SchemaHistoryException(e);
        }
    }

    @Override
    protected void recoverRecords(Consumer<HistoryRecord> records) throws InterruptedException {
        long next = 0;
        boolean more = true;
        while (more) {
            if (Thread.interrupted()) {
                throw new InterruptedException("Thread was interrupted during schema history recovery");
            }
            HistoryLog.Page page = HistoryLog.read(topic, next);
            for (String text : page.records()) {
                recover(text, records);
            }
            next = page.next();
            more = page.more();
        }
    }

    /** What cannot be read is passed over with a message, as Debezium does. */
    private void recover(String text, Consumer<HistoryRecord> records) {
        HistoryRecord record;
        try {
            record = new HistoryRecord(documents.read(text));
        } catch (IOException e) {
            logger.error("Error while deserializing history record '{}'", text, e);
            return;
        }
        if (record.isValid()) {
            records.accept(record);
        } else {
            logger.warn("Skipping invalid database schema history record '{}'. This is often not an issue, but if it "
                    + "happens repeatedly please check the '{}' topic.", record, topic);
        }
    }

    @Override
    public boolean storageExists() {
        return HistoryLog.exists(topic);
    }

    @Override
    public boolean exists() {
        return storageExists() && !HistoryLog.read(topic, 0).isEmpty();
    }

    @Override
    public void initializeStorage() {
        super.initializeStorage();
        HistoryLog.create(topic);
    }

    @Override
    public String toString() {
        return topic == null ? "Kafka topic" : "Kafka topic " + topic;
    }
}
