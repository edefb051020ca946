package gantry.bridge.host;

import java.util.Map;
import org.apache.kafka.common.metrics.PluginMetrics;
import org.apache.kafka.connect.source.SourceTaskContext;
import org.apache.kafka.connect.source.TransactionContext;
import org.apache.kafka.connect.storage.OffsetStorageReader;

/** What a source's task may ask of its runtime. */
record SourceContext(
        Hosted host, Map<String, String> configs, OffsetStorageReader offsetStorageReader,
        TransactionContext transactionContext) implements SourceTaskContext {

    @Override
    public PluginMetrics pluginMetrics() {
        return host.metrics();
    }
}
