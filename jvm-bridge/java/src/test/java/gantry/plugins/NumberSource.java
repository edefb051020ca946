package gantry.plugins;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.connect.connector.Task;
import org.apache.kafka.connect.source.ConnectorTransactionBoundaries;
import org.apache.kafka.connect.source.ExactlyOnceSupport;
import org.apache.kafka.connect.source.SourceConnector;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A source of numbers; its properties make it misbehave. */
public class NumberSource extends SourceConnector {
    private static final Logger LOG = LoggerFactory.getLogger(NumberSource.class);

    public static final ConfigDef CONFIG = new ConfigDef()
            .define("count", ConfigDef.Type.INT, 3, ConfigDef.Range.atLeast(1), ConfigDef.Importance.HIGH, "how many",
                    "main", 1, ConfigDef.Width.SHORT, "Count", List.of("topic"),
                    new ConfigDef.Recommender() {
                        @Override
                        public List<Object> validValues(String name, Map<String, Object> parsed) {
                            return List.of(1, 2);
                        }

                        @Override
                        public boolean visible(String name, Map<String, Object> parsed) {
                            return false;
                        }
                    })
            .define("topic", ConfigDef.Type.STRING, ConfigDef.Importance.LOW, "where to")
            .define("secret", ConfigDef.Type.PASSWORD, "s3cret", ConfigDef.Importance.LOW, "hidden")
            .define("names", ConfigDef.Type.LIST, "a,b", ConfigDef.Importance.LOW, "some");

    private Map<String, String> properties;

    @Override
    public void start(Map<String, String> properties) {
        this.properties = properties;
        LOG.info("starting with {}", properties.get("topic"));
        switch (properties.getOrDefault("at.start", "")) {
            case "fail" -> throw new IllegalStateException("refused", new RuntimeException((String) null));
            case "exit" -> System.exit(3);
            case "memory" -> throw new OutOfMemoryError("no heap");
            case "sleep" -> sleep();
            case "reconfigure" -> context().requestTaskReconfiguration();
            case "error" -> context().raiseError(new IllegalArgumentException("raised"));
            case "offsets" -> LOG.info("offset {}", context().offsetStorageReader().offset(Map.of("p", 1L)));
            default -> { }
        }
    }

    private static void sleep() {
        try {
            Thread.sleep(60_000);
        } catch (InterruptedException e) {
            throw new IllegalStateException("woken", e);
        }
    }

    @Override
    public Class<? extends Task> taskClass() {
        return NumberTask.class;
    }

    @Override
    public List<Map<String, String>> taskConfigs(int max) {
        List<Map<String, String>> configs = new ArrayList<>();
        for (int i = 0; i < max; i++) {
            configs.add(Map.of("task", Integer.toString(i), "topic", properties.get("topic")));
        }
        return configs;
    }

    @Override
    public void stop() {
        LOG.debug("stopped");
    }

    @Override
    public ConfigDef config() {
        return CONFIG;
    }

    @Override
    public ExactlyOnceSupport exactlyOnceSupport(Map<String, String> properties) {
        return properties.isEmpty() ? null : ExactlyOnceSupport.SUPPORTED;
    }

    @Override
    public ConnectorTransactionBoundaries canDefineTransactionBoundaries(Map<String, String> properties) {
        return ConnectorTransactionBoundaries.UNSUPPORTED;
    }

    @Override
    public boolean alterOffsets(Map<String, String> properties, Map<Map<String, ?>, Map<String, ?>> offsets) {
        return offsets.equals(Map.of(Map.of("p", 1L), Map.of("o", 2L)));
    }

    @Override
    public String version() {
        return "1.2.3";
    }
}
