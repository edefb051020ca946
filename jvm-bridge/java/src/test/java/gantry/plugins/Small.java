package gantry.plugins;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.apache.kafka.common.config.ConfigData;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.common.config.ConfigValue;
import org.apache.kafka.common.config.provider.ConfigProvider;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.connect.connector.ConnectRecord;
import org.apache.kafka.connect.connector.policy.ConnectorClientConfigOverridePolicy;
import org.apache.kafka.connect.connector.policy.ConnectorClientConfigRequest;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.SchemaAndValue;
import org.apache.kafka.connect.storage.Converter;
import org.apache.kafka.connect.storage.HeaderConverter;
import org.apache.kafka.connect.transforms.Transformation;
import org.apache.kafka.connect.transforms.predicates.Predicate;

/** One of each of the smaller kinds of plugins. */
public final class Small {
    private Small() {
    }

    /** Text with a prefix; it marks what it wrote with a header. */
    public static class TextConverter implements Converter {
        private String prefix;

        @Override
        public void configure(Map<String, ?> configs, boolean isKey) {
            prefix = configs.get("prefix") + (isKey ? "k:" : "v:");
        }

        @Override
        public byte[] fromConnectData(String topic, Schema schema, Object value) {
            return value == null ? null : (prefix + value).getBytes(StandardCharsets.UTF_8);
        }

        @Override
        public byte[] fromConnectData(String topic, Headers headers, Schema schema, Object value) {
            if ("mark".equals(value)) {
                headers.add("marked", new byte[] {1});
            }
            return fromConnectData(topic, schema, value);
        }

        @Override
        public SchemaAndValue toConnectData(String topic, byte[] value) {
            return value == null ? SchemaAndValue.NULL
                    : new SchemaAndValue(Schema.STRING_SCHEMA, new String(value, StandardCharsets.UTF_8));
        }
    }

    /** Says which type it was configured with. */
    public static class TypeHeaderConverter implements HeaderConverter {
        private Object type;

        @Override
        public void configure(Map<String, ?> configs) {
            type = configs.get("converter.type");
        }

        @Override
        public SchemaAndValue toConnectHeader(String topic, String key, byte[] value) {
            return new SchemaAndValue(Schema.STRING_SCHEMA, type + key);
        }

        @Override
        public byte[] fromConnectHeader(String topic, String key, Schema schema, Object value) {
            return value == null ? null : value.toString().getBytes(StandardCharsets.UTF_8);
        }

        @Override
        public ConfigDef config() {
            return null;
        }

        @Override
        public void close() {
            // Nothing is open.
        }
    }

    /** Moves to another topic; drops what has no value. */
    public static class Move<R extends ConnectRecord<R>> implements Transformation<R> {
        private String topic;

        @Override
        public void configure(Map<String, ?> configs) {
            topic = (String) configs.get("topic");
        }

        @Override
        public R apply(R record) {
            return record.value() == null ? null
                    : record.newRecord(topic, record.kafkaPartition(), record.keySchema(), record.key(),
                            record.valueSchema(), record.value(), record.timestamp());
        }

        @Override
        public ConfigDef config() {
            return new ConfigDef().define("topic", ConfigDef.Type.STRING, ConfigDef.NO_DEFAULT_VALUE,
                    new ConfigDef.NonEmptyString(), ConfigDef.Importance.HIGH, "where to");
        }

        @Override
        public void close() {
            // Nothing is open.
        }
    }

    /** Whether there is a key. */
    public static class HasKey<R extends ConnectRecord<R>> implements Predicate<R> {
        @Override
        public ConfigDef config() {
            return null;
        }

        @Override
        public boolean test(R record) {
            return record.key() != null;
        }

        @Override
        public void close() {
            // Nothing is open.
        }

        @Override
        public void configure(Map<String, ?> configs) {
            // Nothing to configure.
        }
    }

    /** Answers with what was asked. */
    public static class EchoProvider implements ConfigProvider {
        @Override
        public ConfigData get(String path) {
            return new ConfigData(Map.of("all", path));
        }

        @Override
        public ConfigData get(String path, Set<String> keys) {
            Map<String, String> data = new TreeMap<>();
            keys.forEach(key -> data.put(key, path + "/" + key));
            return new ConfigData(data);
        }

        @Override
        public void configure(Map<String, ?> configs) {
            // Nothing to configure.
        }

        @Override
        public void close() {
            // Nothing is open.
        }
    }

    /** Allows nothing. */
    public static class NoPolicy implements ConnectorClientConfigOverridePolicy {
        @Override
        public List<ConfigValue> validate(ConnectorClientConfigRequest request) {
            return request.clientProps().entrySet().stream()
                    .map(entry -> new ConfigValue(entry.getKey(), entry.getValue(), List.of(),
                            List.of(entry.getValue().getClass().getSimpleName() + " of " + request.clientType())))
                    .toList();
        }

        @Override
        public void configure(Map<String, ?> configs) {
            // Nothing to configure.
        }

        @Override
        public void close() {
            // Nothing is open.
        }
    }
}
