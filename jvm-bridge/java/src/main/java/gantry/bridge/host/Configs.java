package gantry.bridge.host;

import gantry.bridge.codec.Input;
import gantry.bridge.codec.Output;
import gantry.bridge.load.PluginRef;
import java.util.Map;
import org.apache.kafka.common.config.Config;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.connect.connector.Connector;
import org.apache.kafka.connect.errors.ConnectException;
import org.apache.kafka.connect.runtime.rest.errors.BadRequestException;
import org.apache.kafka.connect.storage.Converter;
import org.apache.kafka.connect.storage.HeaderConverter;
import org.apache.kafka.connect.transforms.Transformation;
import org.apache.kafka.connect.transforms.predicates.Predicate;

/** What plugins say about their configuration. A new instance is asked each time, as in Kafka. */
public final class Configs {
    private Configs() {
    }

    public static void definition(Input request, Output out) throws Exception {
        PluginRef plugin = PluginRef.read(request);
        String kind = request.str();
        try (Scope scope = Scope.enter(plugin.loader(), Scope.NOBODY)) {
            Object instance = plugin.newInstance(type(kind));
            ConfigFrames.definition(definition(instance), out);
            closeOther(instance);
        }
    }

    /** The interface that a plugin of this kind must have; kinds that define no configuration need none. */
    private static Class<?> type(String kind) {
        return switch (kind) {
            case "source", "sink" -> Connector.class;
            case "converter" -> Converter.class;
            case "header_converter" -> HeaderConverter.class;
            case "transformation" -> Transformation.class;
            case "predicate" -> Predicate.class;
            default -> Object.class;
        };
    }

    private static ConfigDef definition(Object plugin) {
        if (plugin instanceof Connector connector) {
            return definition(connector);
        }
        if (plugin instanceof Converter converter) {
            return orEmpty(converter.config());
        }
        if (plugin instanceof HeaderConverter converter) {
            return orEmpty(converter.config());
        }
        if (plugin instanceof Transformation<?> transformation) {
            return notNull(transformation.config(), plugin);
        }
        if (plugin instanceof Predicate<?> predicate) {
            return notNull(predicate.config(), plugin);
        }
        return new ConfigDef();
    }

    private static ConfigDef definition(Connector connector) {
        ConfigDef definition = connector.config();
        if (definition == null) {
            throw new BadRequestException(
                    connector.getClass().getName() + ".config() must return a ConfigDef that is not null.");
        }
        return definition;
    }

    private static ConfigDef orEmpty(ConfigDef definition) {
        return definition == null ? new ConfigDef() : definition;
    }

    private static ConfigDef notNull(ConfigDef definition, Object plugin) {
        if (definition == null) {
            throw new ConnectException(
                    plugin.getClass().getName() + ".config() must return a ConfigDef that is not null.");
        }
        return definition;
    }

    public static void validate(Input request, Output out) throws Exception {
        PluginRef plugin = PluginRef.read(request);
        Map<String, String> properties = request.map();
        try (Scope scope = Scope.enter(plugin.loader(), Scope.NOBODY)) {
            Object instance = plugin.newInstance(Object.class);
            ConfigDef definition = definition(instance);
            if (instance instanceof Connector connector) {
                ConfigFrames.values(validate(connector, properties).configValues(), definition.configKeys(), out);
            } else {
                ConfigFrames.values(definition.validate(properties), definition.configKeys(), out);
                closeOther(instance);
            }
        }
    }

    private static Config validate(Connector connector, Map<String, String> properties) {
        Config config = connector.validate(properties);
        if (config == null) {
            throw new BadRequestException(
                    connector.getClass().getName() + ".validate() must return a Config that is not null.");
        }
        return config;
    }

    /** Connectors have no {@code close}; what else is made only to be asked is closed again. */
    private static void closeOther(Object plugin) throws Exception {
        if (plugin instanceof AutoCloseable closeable) {
            closeable.close();
        }
    }
}
