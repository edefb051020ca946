package gantry.bridge.host;

import gantry.bridge.codec.Exchange;
import gantry.bridge.codec.Input;
import gantry.bridge.load.PluginRef;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.common.config.ConfigData;
import org.apache.kafka.common.config.provider.ConfigProvider;

/** A provider of values for configurations. */
public final class ConfigProviderHost extends Hosted {
    private final ConfigProvider provider;

    public ConfigProviderHost(PluginRef plugin, Input request) {
        super(plugin.loader(), Scope.NOBODY);
        try (Scope scope = enter()) {
            provider = plugin.newInstance(ConfigProvider.class);
            provider.configure(request.map());
            offerMetrics(provider);
        }
    }

    @Override
    Object plugin() {
        return provider;
    }

    /** No keys mean all that the path holds. */
    public void get(Exchange exchange) {
        Input in = exchange.in();
        String path = in.str();
        int count = in.count();
        Set<String> keys = new LinkedHashSet<>();
        for (int i = 0; i < count; i++) {
            keys.add(in.str());
        }
        ConfigData data = keys.isEmpty() ? provider.get(path) : provider.get(path, keys);
        exchange.out().map(data == null || data.data() == null ? Map.of() : data.data());
    }
}
