package bad;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.connect.connector.Task;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.source.SourceConnector;
import org.apache.kafka.connect.source.SourceRecord;
import org.apache.kafka.connect.source.SourceTask;

/** A source that gives `count` records, then does what `mode` says. */
public class BadSource extends SourceConnector {
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
    public static class BadTask extends SourceTask {
        private static final List<byte[]> HOARD = new ArrayList<>();
        private Map<String, String> properties;
        private String mode;
        private long next;

        @Override
        public String version() {
            return Settings.VERSION;
        }

        @Override
        public void start(Map<String, String> given) {
            properties = given;
            mode = given.getOrDefault(Settings.MODE, "good");
            var offset = context.offsetStorageReader().offset(partition());
            next = offset == null ? 0 : ((Number) offset.get("next")).longValue();
            switch (mode) {
                case "throw-start" -> Settings.fail("start");
                case "block-start" -> Settings.deaf();
                case "thread" -> new Thread(Settings::deaf, "left-behind").start();
                default -> { }
            }
        }

        @Override
        public List<SourceRecord> poll() throws InterruptedException {
            if (next < Settings.count(properties)) {
                next++;
                return List.of(new SourceRecord(partition(), Map.of("next", next), properties.get(Settings.TOPIC), null, null, Schema.STRING_SCHEMA,
                        "record " + next));
            }
            switch (mode) {
                case "block-poll" -> Settings.block();
                case "deaf-poll" -> Settings.deaf();
                case "throw-poll" -> Settings.fail("poll");
                case "error-poll" -> throw new NoClassDefFoundError("org/example/Missing");
                case "exit" -> System.exit(3);
                case "halt" -> Runtime.getRuntime().halt(4);
                case "exit-thread" -> {
                    Thread other = new Thread(() -> System.exit(5), "leaver");
                    other.start();
                    other.join();
                }
                case "memory" -> {
                    while (true) {
                        HOARD.add(new byte[1 << 20]);
                    }
                }
                case "stack" -> deeper(1);
                case "null-record" -> {
                    var one = new ArrayList<SourceRecord>();
                    one.add(null);
                    return one;
                }
                case "bad-schema" -> {
                    return List.of(new SourceRecord(partition(), Map.of("next", next), properties.get(Settings.TOPIC), Schema.INT32_SCHEMA, "no number"));
                }
                case "log" -> {
                    Loggers.all(next++);
                    Thread.sleep(200);
                }
                default -> Thread.sleep(100);
            }
            return null;
        }

        @Override
        public void stop() {
            HOARD.clear();
            switch (mode == null ? "" : mode) {
                case "deaf-stop" -> Settings.deaf();
                case "throw-stop" -> Settings.fail("stop");
                default -> { }
            }
        }

        private Map<String, String> partition() {
            return Map.of("source", "bad");
        }

        private static int deeper(int depth) {
            return depth == 0 ? 0 : deeper(depth + 1) + 1;
        }
    }
}
