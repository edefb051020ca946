package bad;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.connect.connector.Task;
import org.apache.kafka.connect.errors.DataException;
import org.apache.kafka.connect.errors.RetriableException;
import org.apache.kafka.connect.sink.SinkConnector;
import org.apache.kafka.connect.sink.SinkRecord;
import org.apache.kafka.connect.sink.SinkTask;

/** A sink that writes a line for each record and for each thing that it does, and does what `mode` says. */
public class BadSink extends SinkConnector {
    private Map<String, String> properties;

    @Override
    public String version() {
        return Settings.VERSION;
    }

    @Override
    public void start(Map<String, String> given) {
        properties = given;
    }

    @Override
    public Class<? extends Task> taskClass() {
        return BadTask.class;
    }

    @Override
    public List<Map<String, String>> taskConfigs(int maxTasks) {
        return List.of(properties);
    }

    @Override
    public void stop() {}

    @Override
    public ConfigDef config() {
        return Settings.define();
    }

    /** Its task. */
    public static class BadTask extends SinkTask {
        private static final long PAUSE_MS = 1500;
        private Path file;
        private String mode;
        private int left;
        private TopicPartition paused;
        private long resumeAt;

        @Override
        public String version() {
            return Settings.VERSION;
        }

        @Override
        public void start(Map<String, String> given) {
            file = Path.of(given.get(Settings.FILE));
            mode = given.getOrDefault(Settings.MODE, "good");
            left = Settings.count(given);
            write("start");
        }

        @Override
        public void open(Collection<TopicPartition> partitions) {
            partitions.forEach(partition -> write("open " + partition));
            if (mode.equals("rewind-open") && left-- > 0) {
                partitions.forEach(partition -> context.offset(partition, 0));
            }
        }

        @Override
        public void close(Collection<TopicPartition> partitions) {
            partitions.forEach(partition -> write("close " + partition));
        }

        @Override
        public void put(Collection<SinkRecord> records) {
            if (paused != null && System.currentTimeMillis() >= resumeAt) {
                write("resume");
                context.resume(paused);
                paused = null;
            }
            if (records.isEmpty()) {
                return;
            }
            switch (mode) {
                case "retry" -> {
                    if (left-- > 0) {
                        write("retriable");
                        context.timeout(100);
                        throw new RetriableException("not yet");
                    }
                }
                case "throw-put" -> Settings.fail("put");
                case "block-put" -> {
                    write("block");
                    Settings.deaf();
                }
                default -> { }
            }
            for (SinkRecord record : records) {
                write("record " + record.topic() + "-" + record.kafkaPartition() + " " + record.kafkaOffset() + " " + record.value());
                if (mode.equals("errant") && record.kafkaOffset() % 3 == 0) {
                    var report = context.errantRecordReporter().report(record, new DataException("errant " + record.kafkaOffset()));
                    try {
                        report.get();
                    } catch (Exception error) {
                        throw new IllegalStateException(error);
                    }
                }
            }
            SinkRecord last = null;
            for (SinkRecord record : records) {
                last = record;
            }
            var partition = new TopicPartition(last.topic(), last.kafkaPartition());
            if (mode.equals("rewind") && left-- > 0) {
                write("rewind");
                context.offset(Map.of(partition, 0L));
            }
            if (mode.equals("pause") && left-- > 0) {
                write("pause");
                paused = partition;
                resumeAt = System.currentTimeMillis() + PAUSE_MS;
                context.pause(partition);
                context.timeout(100);
            }
            if (mode.equals("request-commit")) {
                context.requestCommit();
            }
        }

        @Override
        public Map<TopicPartition, OffsetAndMetadata> preCommit(Map<TopicPartition, OffsetAndMetadata> offsets) {
            offsets.forEach((partition, offset) -> write("commit " + partition + " " + offset.offset()));
            if (mode.equals("throw-commit")) {
                Settings.fail("preCommit");
            }
            return mode.equals("never-commit") ? Map.of() : offsets;
        }

        @Override
        public void stop() {
            if (mode != null && mode.equals("deaf-stop")) {
                Settings.deaf();
            }
            if (file != null) {
                write("stop");
            }
        }

        private void write(String line) {
            try {
                Files.writeString(file, line + "\n", StandardOpenOption.CREATE, StandardOpenOption.APPEND);
            } catch (IOException error) {
                throw new UncheckedIOException(error);
            }
        }
    }
}
