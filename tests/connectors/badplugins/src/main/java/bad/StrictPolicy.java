package bad;

import java.util.List;
import java.util.Map;
import org.apache.kafka.common.config.ConfigValue;
import org.apache.kafka.connect.connector.policy.ConnectorClientConfigOverridePolicy;
import org.apache.kafka.connect.connector.policy.ConnectorClientConfigRequest;

/** Lets connectors set the batch size of clients, as long as it is small. */
public final class StrictPolicy implements ConnectorClientConfigOverridePolicy {
    private static final int BATCH_MAX = 1000;

    private String owner;

    @Override
    public void configure(Map<String, ?> configs) {
        owner = String.valueOf(configs.get("strict.owner"));
    }

    @Override
    public List<ConfigValue> validate(ConnectorClientConfigRequest request) {
        return request.clientProps().entrySet().stream().map(entry -> judge(request, entry)).toList();
    }

    private ConfigValue judge(ConnectorClientConfigRequest request, Map.Entry<String, Object> entry) {
        ConfigValue value = new ConfigValue(entry.getKey());
        value.value(entry.getValue());
        if (!entry.getKey().equals("batch.size")) {
            value.addErrorMessage(owner + " lets " + request.connectorName() + ", a " + request.connectorType()
                    + ", set no " + entry.getKey() + " of its " + request.clientType());
        } else if ((Integer) entry.getValue() > BATCH_MAX) {
            value.addErrorMessage("too large");
        }
        return value;
    }

    @Override
    public void close() {
    }
}
