package bad;

import java.util.List;
import java.util.Map;
import org.apache.kafka.common.config.Config;
import org.apache.kafka.connect.connector.Task;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.connect.source.SourceConnector;

/** A connector whose own methods go wrong as `mode` says. */
public class BadStart extends SourceConnector {
    private Map<String, String> properties;

    @Override
    public String version() {
        return Settings.VERSION;
    }

    @Override
    public void start(Map<String, String> given) {
        properties = given;
        switch (given.getOrDefault(Settings.MODE, "good")) {
            case "throw-start" -> Settings.fail("the connector's start");
            case "block-start" -> Settings.deaf();
            case "raise" -> new Thread(this::raise, "raiser").start();
            default -> { }
        }
    }

    private void raise() {
        try {
            Thread.sleep(1000);
        } catch (InterruptedException error) {
            return;
        }
        context.raiseError(new IllegalStateException("raised by the connector"));
    }

    @Override
    public Class<? extends Task> taskClass() {
        return BadSource.BadTask.class;
    }

    @Override
    public List<Map<String, String>> taskConfigs(int maxTasks) {
        switch (properties.getOrDefault(Settings.MODE, "good")) {
            case "throw-configs" -> Settings.fail("taskConfigs");
            case "many" -> {
                return List.of(properties, properties, properties);
            }
            default -> { }
        }
        return List.of(Map.of(Settings.MODE, "good", Settings.TOPIC, properties.get(Settings.TOPIC)));
    }

    @Override
    public void stop() {
        switch (properties == null ? "" : properties.getOrDefault(Settings.MODE, "good")) {
            case "deaf-stop" -> Settings.deaf();
            case "throw-stop" -> Settings.fail("the connector's stop");
            default -> { }
        }
    }

    @Override
    public Config validate(Map<String, String> given) {
        if ("throw-validate".equals(given.get(Settings.MODE))) {
            Settings.fail("validate");
        }
        return super.validate(given);
    }

    @Override
    public ConfigDef config() {
        return Settings.define();
    }
}
