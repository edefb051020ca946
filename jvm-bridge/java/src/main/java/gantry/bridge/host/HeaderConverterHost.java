package gantry.bridge.host;

import gantry.bridge.codec.Exchange;
import gantry.bridge.codec.Input;
import gantry.bridge.codec.Item;
import gantry.bridge.load.PluginRef;
import java.util.HashMap;
import java.util.Map;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.SchemaAndValue;
import org.apache.kafka.connect.storage.ConverterConfig;
import org.apache.kafka.connect.storage.ConverterType;
import org.apache.kafka.connect.storage.HeaderConverter;

/** A converter of headers. */
public final class HeaderConverterHost extends Hosted {
    private final HeaderConverter converter;

    public HeaderConverterHost(PluginRef plugin, Input request) {
        super(plugin.loader(), Scope.NOBODY);
        Map<String, Object> properties = new HashMap<>(request.map());
        properties.put(ConverterConfig.TYPE_CONFIG, ConverterType.HEADER.getName());
        try (Scope scope = enter()) {
            converter = plugin.newInstance(HeaderConverter.class);
            converter.configure(properties);
            offerMetrics(converter);
        }
    }

    @Override
    Object plugin() {
        return converter;
    }

    public void fromConnect(Exchange exchange) {
        String topic = exchange.in().str();
        String key = exchange.in().str();
        exchange.decoder().expect(Item.DATUM);
        exchange.decoder().headers();
        Schema schema = exchange.decoder().schema();
        Object value = exchange.decoder().value();
        WireHeaders.nullable(converter.fromConnectHeader(topic, key, schema, value), exchange.out());
    }

    public void toConnect(Exchange exchange) {
        String topic = exchange.in().str();
        String key = exchange.in().str();
        byte[] bytes = WireHeaders.nullable(exchange.in());
        SchemaAndValue datum = converter.toConnectHeader(topic, key, bytes);
        exchange.encoder().datum(null, datum.schema(), datum.value());
        exchange.encoder().end();
    }
}
