package gantry.bridge.host;

import gantry.bridge.codec.Exchange;
import gantry.bridge.codec.Input;
import gantry.bridge.codec.Item;
import gantry.bridge.codec.Output;
import gantry.bridge.load.PluginRef;
import java.util.Arrays;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.SchemaAndValue;
import org.apache.kafka.connect.storage.Converter;

/** A converter of keys or values. It sees headers as Kafka has them on the wire, and may change them. */
public final class ConverterHost extends Hosted {
    private static final int KEY = 1;

    private final Converter converter;

    public ConverterHost(PluginRef plugin, Input request) {
        super(plugin.loader(), Scope.NOBODY);
        try (Scope scope = enter()) {
            converter = plugin.newInstance(Converter.class);
            converter.configure(request.map(), request.u8() == KEY);
            offerMetrics(converter);
        }
    }

    @Override
    Object plugin() {
        return converter;
    }

    public void fromConnect(Exchange exchange) {
        String topic = exchange.in().str();
        exchange.decoder().expect(Item.DATUM);
        RecordHeaders headers = WireHeaders.read(exchange.decoder());
        Header[] before = headers.toArray();
        Schema schema = exchange.decoder().schema();
        Object value = exchange.decoder().value();

        byte[] bytes = converter.fromConnectData(topic, headers, schema, value);

        boolean changed = !Arrays.equals(before, headers.toArray());
        Output out = exchange.out();
        out.bool(changed);
        WireHeaders.nullable(bytes, out);
        if (changed) {
            exchange.encoder().datum(WireHeaders.toConnect(headers), null, null);
            exchange.encoder().end();
        }
    }

    public void toConnect(Exchange exchange) {
        String topic = exchange.in().str();
        byte[] bytes = WireHeaders.nullable(exchange.in());
        exchange.decoder().expect(Item.DATUM);
        RecordHeaders headers = WireHeaders.read(exchange.decoder());

        SchemaAndValue datum = converter.toConnectData(topic, headers, bytes);

        exchange.encoder().datum(null, datum.schema(), datum.value());
        exchange.encoder().end();
    }
}
