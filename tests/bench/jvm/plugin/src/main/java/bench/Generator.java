package bench;

import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.connect.connector.Task;
import org.apache.kafka.connect.source.SourceConnector;
import org.apache.kafka.connect.source.SourceRecord;
import org.apache.kafka.connect.source.SourceTask;

/** Gives {@code total} records of one kind in batches that are made once: what it costs is the runtime's. */
public final class Generator extends SourceConnector {
    static final ConfigDef CONFIG = new ConfigDef()
            .define("topic", ConfigDef.Type.STRING, ConfigDef.Importance.HIGH, "where the records go")
            .define("kind", ConfigDef.Type.STRING, "flat", ConfigDef.ValidString.in("flat", "struct"), ConfigDef.Importance.HIGH, "what a record is")
            .define("batch", ConfigDef.Type.INT, 1000, ConfigDef.Range.atLeast(1), ConfigDef.Importance.HIGH, "records of a poll")
            .define("total", ConfigDef.Type.LONG, Long.MAX_VALUE, ConfigDef.Importance.HIGH, "records in all");

    private Map<String, String> properties;

    @Override
    public String version() {
        return "1";
    }

    @Override
    public void start(Map<String, String> properties) {
        this.properties = properties;
    }

    @Override
    public Class<? extends Task> taskClass() {
        return GeneratorTask.class;
    }

    @Override
    public List<Map<String, String>> taskConfigs(int max) {
        return List.of(properties);
    }

    @Override
    public void stop() {
    }

    @Override
    public ConfigDef config() {
        return CONFIG;
    }

    /** The task. */
    public static final class GeneratorTask extends SourceTask {
        private final CountDownLatch stopped = new CountDownLatch(1);
        private List<SourceRecord> batch;
        private long left;

        @Override
        public String version() {
            return "1";
        }

        @Override
        public void start(Map<String, String> properties) {
            Map<String, Object> parsed = CONFIG.parse(properties);
            batch = Records.batch((String) parsed.get("topic"), (String) parsed.get("kind"), (Integer) parsed.get("batch"));
            left = (Long) parsed.get("total");
        }

        @Override
        public List<SourceRecord> poll() throws InterruptedException {
            if (left >= batch.size()) {
                left -= batch.size();
                return batch;
            }
            if (left == 0) {
                stopped.await(1, TimeUnit.SECONDS);
                return null;
            }
            List<SourceRecord> last = batch.subList(0, (int) left);
            left = 0;
            return last;
        }

        @Override
        public void stop() {
            stopped.countDown();
        }
    }
}
