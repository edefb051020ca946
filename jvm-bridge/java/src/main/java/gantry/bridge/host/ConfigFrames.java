package gantry.bridge.host;

import gantry.bridge.codec.Output;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.common.config.ConfigDef.ConfigKey;
import org.apache.kafka.common.config.ConfigDef.Type;
import org.apache.kafka.common.config.ConfigValue;

/** Definitions and values of configurations on their way out. */
final class ConfigFrames {
    private ConfigFrames() {
    }

    static void definition(ConfigDef definition, Output out) {
        List<String> groups = definition.groups();
        texts(groups, out);
        Collection<ConfigKey> keys = definition.configKeys().values();
        out.v(keys.size());
        for (ConfigKey key : keys) {
            key(key, out);
        }
    }

    private static void key(ConfigKey key, Output out) {
        out.str(key.name);
        out.str(key.type.name());
        out.bool(key.hasDefault());
        if (key.hasDefault()) {
            out.ostr(ConfigDef.convertToString(key.defaultValue, key.type));
        }
        out.str(key.importance.name());
        out.str(key.documentation == null ? "" : key.documentation);
        out.ostr(key.group);
        out.i32(key.orderInGroup);
        out.str(key.width.name());
        out.ostr(key.displayName);
        texts(key.dependents == null ? List.of() : key.dependents, out);
        out.bool(key.internalConfig);
    }

    /** Values as Kafka's REST interface shows them: by the type of their key, passwords hidden. */
    static void values(Collection<ConfigValue> values, Map<String, ConfigKey> keys, Output out) {
        out.v(values.size());
        for (ConfigValue value : values) {
            ConfigKey key = keys.get(value.name());
            value(value, key == null ? null : key.type, out);
        }
    }

    private static void value(ConfigValue value, Type type, Output out) {
        out.str(value.name());
        out.ostr(ConfigDef.convertToString(value.value(), type));
        Type element = type == Type.LIST ? Type.STRING : type;
        List<Object> recommended = value.recommendedValues();
        out.v(recommended.size());
        for (Object one : recommended) {
            out.str(String.valueOf(ConfigDef.convertToString(one, element)));
        }
        texts(value.errorMessages(), out);
        out.bool(value.visible());
    }

    private static void texts(List<String> texts, Output out) {
        out.v(texts.size());
        for (String text : texts) {
            out.str(String.valueOf(text));
        }
    }
}
