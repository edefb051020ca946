package gantry.bridge.host;

import gantry.bridge.codec.Encoder;
import gantry.bridge.codec.Exchange;
import gantry.bridge.codec.Input;
import gantry.bridge.codec.Item;
import gantry.bridge.load.PluginRef;
import org.apache.kafka.connect.connector.ConnectRecord;
import org.apache.kafka.connect.sink.SinkRecord;
import org.apache.kafka.connect.transforms.Transformation;

/** A transformation. */
public final class TransformationHost extends Hosted {
    private static final long NO_OFFSET = -1;

    /** Raw: its type parameter is the class of the record, which is now this and now that one. */
    @SuppressWarnings("rawtypes")
    private final Transformation transformation;

    public TransformationHost(PluginRef plugin, Input request) {
        super(plugin.loader(), Scope.NOBODY);
        try (Scope scope = enter()) {
            transformation = plugin.newInstance(Transformation.class);
            transformation.configure(request.map());
            offerMetrics(transformation);
        }
    }

    @Override
    Object plugin() {
        return transformation;
    }

    @SuppressWarnings("unchecked")
    public void apply(Exchange exchange) {
        exchange.decoder().expect(Item.CONNECT_RECORD);
        ConnectRecord<?> changed = transformation.apply(exchange.decoder().connectRecord());
        Encoder encoder = exchange.encoder();
        if (changed != null) {
            encoder.connectRecord(changed, changed instanceof SinkRecord sink ? sink.kafkaOffset() : NO_OFFSET);
        }
        encoder.end();
    }
}
