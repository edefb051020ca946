package gantry.bridge.host;

import java.util.Set;
import org.apache.kafka.common.metrics.Monitorable;

/** An object of a plugin, alive behind a handle. */
public abstract class Hosted {
    private final ClassLoader loader;
    private final Long target;
    private HostMetrics metrics;

    Hosted(ClassLoader loader, long target) {
        this.loader = loader;
        this.target = target;
    }

    /** To be entered around every call of the plugin. */
    public final Scope enter() {
        return Scope.enter(loader, target, inside());
    }

    /** Where the threads in calls of it are noted; null where nobody asks. */
    Set<Thread> inside() {
        return null;
    }

    final ClassLoader loader() {
        return loader;
    }

    final long target() {
        return target;
    }

    /** Made when a plugin first asks: most never do. */
    final synchronized HostMetrics metrics() {
        if (metrics == null) {
            metrics = new HostMetrics();
        }
        return metrics;
    }

    /** Plugins that have no context get their metrics this way, after they were configured. */
    final void offerMetrics(Object plugin) {
        if (plugin instanceof Monitorable monitorable) {
            monitorable.withPluginMetrics(metrics());
        }
    }

    /** Ends it: the plugin's own {@code close}, where it has one, and its metrics. */
    public void close() throws Exception {
        synchronized (this) {
            if (metrics != null) {
                metrics.close();
            }
        }
        Object plugin = plugin();
        if (plugin instanceof AutoCloseable closeable) {
            closeable.close();
        }
    }

    /** The plugin's object; null if it is not there yet. */
    abstract Object plugin();
}
