package gantry.bridge.host;

import gantry.bridge.codec.Exchange;
import gantry.bridge.codec.Input;
import gantry.bridge.codec.Item;
import gantry.bridge.load.PluginRef;
import org.apache.kafka.connect.transforms.predicates.Predicate;

/** A predicate. */
public final class PredicateHost extends Hosted {
    /** Raw: its type parameter is the class of the record, which is now this and now that one. */
    @SuppressWarnings("rawtypes")
    private final Predicate predicate;

    public PredicateHost(PluginRef plugin, Input request) {
        super(plugin.loader(), Scope.NOBODY);
        try (Scope scope = enter()) {
            predicate = plugin.newInstance(Predicate.class);
            predicate.configure(request.map());
            offerMetrics(predicate);
        }
    }

    @Override
    Object plugin() {
        return predicate;
    }

    @SuppressWarnings("unchecked")
    public void test(Exchange exchange) {
        exchange.decoder().expect(Item.CONNECT_RECORD);
        exchange.out().bool(predicate.test(exchange.decoder().connectRecord()));
    }
}
