package gantry.bridge.host;

import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Map;
import org.apache.kafka.common.MetricName;
import org.apache.kafka.common.metrics.MetricValueProvider;
import org.apache.kafka.common.metrics.Metrics;
import org.apache.kafka.common.metrics.PluginMetrics;
import org.apache.kafka.common.metrics.Sensor;
import org.apache.kafka.common.metrics.internals.PluginMetricsImpl;

/** Metrics as plugins expect them: sensors count and can be read by the plugin, and nobody exports them. */
final class HostMetrics implements PluginMetrics, AutoCloseable {
    private final Metrics metrics = new Metrics();
    private final PluginMetricsImpl plugin = new PluginMetricsImpl(metrics, Map.of());

    @Override
    public MetricName metricName(String name, String description, LinkedHashMap<String, String> tags) {
        return plugin.metricName(name, description, tags);
    }

    @Override
    public void addMetric(MetricName name, MetricValueProvider<?> provider) {
        plugin.addMetric(name, provider);
    }

    @Override
    public void removeMetric(MetricName name) {
        plugin.removeMetric(name);
    }

    @Override
    public Sensor addSensor(String name) {
        return plugin.addSensor(name);
    }

    @Override
    public void removeSensor(String name) {
        plugin.removeSensor(name);
    }

    @Override
    public void close() throws IOException {
        plugin.close();
        metrics.close();
    }
}
