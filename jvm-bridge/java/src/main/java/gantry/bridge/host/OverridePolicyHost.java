package gantry.bridge.host;

import gantry.bridge.codec.Exchange;
import gantry.bridge.codec.Input;
import gantry.bridge.load.PluginRef;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.admin.AdminClientConfig;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.common.config.ConfigValue;
import org.apache.kafka.connect.connector.Connector;
import org.apache.kafka.connect.connector.policy.ConnectorClientConfigOverridePolicy;
import org.apache.kafka.connect.connector.policy.ConnectorClientConfigRequest;
import org.apache.kafka.connect.connector.policy.ConnectorClientConfigRequest.ClientType;
import org.apache.kafka.connect.health.ConnectorType;

/** A policy that says which settings of Kafka clients a connector may override. */
public final class OverridePolicyHost extends Hosted {
    private static final int SINK = 1;

    private final ConnectorClientConfigOverridePolicy policy;

    public OverridePolicyHost(PluginRef plugin, Input request) {
        super(plugin.loader(), Scope.NOBODY);
        try (Scope scope = enter()) {
            policy = plugin.newInstance(ConnectorClientConfigOverridePolicy.class);
            policy.configure(request.map());
            offerMetrics(policy);
        }
    }

    @Override
    Object plugin() {
        return policy;
    }

    public void validate(Exchange exchange) {
        Input in = exchange.in();
        String name = in.str();
        Class<? extends Connector> connector = connectorClass(in.str());
        ConnectorType type = in.u8() == SINK ? ConnectorType.SINK : ConnectorType.SOURCE;
        ClientType client = ClientType.values()[in.u8()];
        Map<String, ConfigDef.ConfigKey> keys = keys(client);
        Map<String, Object> overrides = parsed(in.map(), keys);
        List<ConfigValue> values = policy.validate(
                new ConnectorClientConfigRequest(name, type, connector, overrides, client));
        ConfigFrames.values(values == null ? List.of() : values, keys, exchange.out());
    }

    /** Null if it is not to be found from here: policies look at names, hardly ever at the class. */
    private Class<? extends Connector> connectorClass(String name) {
        try {
            return Class.forName(name, false, loader()).asSubclass(Connector.class);
        } catch (ClassNotFoundException | ClassCastException | LinkageError e) {
            return null;
        }
    }

    private static Map<String, ConfigDef.ConfigKey> keys(ClientType client) {
        return switch (client) {
            case PRODUCER -> ProducerConfig.configDef().configKeys();
            case CONSUMER -> ConsumerConfig.configDef().configKeys();
            case ADMIN -> AdminClientConfig.configDef().configKeys();
        };
    }

    /** Policies compare with values of the client's own types, so a setting that the client knows is parsed. */
    private static Map<String, Object> parsed(Map<String, String> texts, Map<String, ConfigDef.ConfigKey> keys) {
        Map<String, Object> parsed = new HashMap<>();
        texts.forEach((name, text) -> {
            ConfigDef.ConfigKey key = keys.get(name);
            parsed.put(name, key == null ? text : ConfigDef.parseType(name, text, key.type));
        });
        return parsed;
    }
}
