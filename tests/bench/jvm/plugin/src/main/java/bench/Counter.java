package bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.connect.connector.Task;
import org.apache.kafka.connect.errors.ConnectException;
import org.apache.kafka.connect.sink.SinkConnector;
import org.apache.kafka.connect.sink.SinkRecord;
import org.apache.kafka.connect.sink.SinkTask;

/** Counts, and says how many came in how long: once {@code total} are there, at each flush and at the stop. */
public final class Counter extends SinkConnector {
    static final ConfigDef CONFIG = new ConfigDef()
            .define("file", ConfigDef.Type.STRING, null, ConfigDef.Importance.HIGH, "count and nanoseconds from the begin of the first put to the end of the last")
            .define("total", ConfigDef.Type.LONG, Long.MAX_VALUE, ConfigDef.Importance.HIGH, "the file is written at once when so many have come");

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
        return CounterTask.class;
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
    public static final class CounterTask extends SinkTask {
        private Path file;
        private long total;
        private long count;
        private long began;
        private long ended;

        @Override
        public String version() {
            return "1";
        }

        @Override
        public void start(Map<String, String> properties) {
            Map<String, Object> parsed = CONFIG.parse(properties);
            file = parsed.get("file") == null ? null : Path.of((String) parsed.get("file"));
            total = (Long) parsed.get("total");
        }

        @Override
        public void put(Collection<SinkRecord> records) {
            if (records.isEmpty()) {
                return;
            }
            if (count == 0) {
                began = System.nanoTime();
            }
            boolean more = count < total;
            count += records.size();
            ended = System.nanoTime();
            if (more && count >= total) {
                write();
            }
        }

        @Override
        public void flush(Map<TopicPartition, OffsetAndMetadata> offsets) {
            write();
        }

        @Override
        public void stop() {
            write();
        }

        private void write() {
            if (file == null) {
                return;
            }
            try {
                Path next = file.resolveSibling(file.getFileName() + ".next");
                Files.writeString(next, count + " " + (ended - began) + "\n");
                Files.move(next, file, StandardCopyOption.ATOMIC_MOVE);
            } catch (IOException e) {
                throw new ConnectException("the count cannot be written to " + file, e);
            }
        }
    }
}
