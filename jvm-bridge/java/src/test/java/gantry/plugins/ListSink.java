package gantry.plugins;

import java.util.List;
import java.util.Map;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.Config;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.connect.connector.Task;
import org.apache.kafka.connect.sink.SinkConnector;

/** A sink whose methods return null where they must not. */
public class ListSink extends SinkConnector {
    @Override
    public void start(Map<String, String> properties) {
        // Nothing to prepare.
    }

    @Override
    public Class<? extends Task> taskClass() {
        return ListTask.class;
    }

    @Override
    public List<Map<String, String>> taskConfigs(int max) {
        return List.of(Map.of());
    }

    @Override
    public void stop() {
        // Nothing is open.
    }

    @Override
    public ConfigDef config() {
        return null;
    }

    @Override
    public Config validate(Map<String, String> properties) {
        return null;
    }

    @Override
    public boolean alterOffsets(Map<String, String> properties, Map<TopicPartition, Long> offsets) {
        return offsets.get(new TopicPartition("t", 1)) == null && offsets.get(new TopicPartition("t", 2)) == 5;
    }

    @Override
    public String version() {
        return "2";
    }
}
