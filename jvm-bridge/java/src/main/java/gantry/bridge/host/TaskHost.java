package gantry.bridge.host;

import gantry.bridge.codec.Exchange;
import gantry.bridge.codec.Input;
import gantry.bridge.load.PluginRef;
import java.util.Map;
import org.apache.kafka.connect.connector.Connector;
import org.apache.kafka.connect.connector.Task;
import org.apache.kafka.connect.errors.ConnectException;
import org.apache.kafka.connect.runtime.TaskConfig;
import org.apache.kafka.connect.source.SourceConnector;

/** A task. The task's own object is made at its start, because only the configuration names its class. */
public abstract class TaskHost extends Running {
    /** In the flags of a start: the task may say where its transactions end. */
    static final int TRANSACTIONS = 1;

    /** In the flags of a start: nothing is done with a sink's errant records, so there is no reporter for them. */
    static final int NO_REPORTER = 2;

    private final PluginRef connectorPlugin;
    private final String connectorName;

    TaskHost(PluginRef connectorPlugin, long target, String connectorName) {
        super(connectorPlugin.loader(), target);
        this.connectorPlugin = connectorPlugin;
        this.connectorName = connectorName;
    }

    public static TaskHost create(Input request) {
        PluginRef connector = PluginRef.read(request);
        long target = request.i64();
        String name = request.str();
        boolean source = SourceConnector.class.isAssignableFrom(connector.load(Connector.class));
        return source ? new SourceTaskHost(connector, target, name) : new SinkTaskHost(connector, target, name);
    }

    /** What the task will do about commits, as far as the connector's class tells. */
    public final int commitMethods() {
        try (Scope scope = enter()) {
            return CommitMethods.of(taskClass());
        } catch (RuntimeException | LinkageError e) {
            // A connector that knows its task only once it is started. The start will tell.
            return CommitMethods.ALL;
        }
    }

    /** Replies what the task does about commits, now that its class is known for certain. */
    public final void start(Exchange exchange) {
        Map<String, String> properties = exchange.in().map();
        start(properties, exchange.in().u8());
        exchange.out().u8(CommitMethods.of(plugin().getClass()));
    }

    abstract void start(Map<String, String> properties, int flags);

    abstract void stop();

    /** A task that was never started has nothing to stop. */
    public final void stop(Exchange exchange) {
        if (plugin() != null) {
            stop();
        }
    }

    final String connectorName() {
        return connectorName;
    }

    /** Kafka's worker finds the class in the task's configuration, where it put what the connector said. */
    final <T extends Task> T newTask(Class<T> type, Map<String, String> properties) {
        String named = properties.get(TaskConfig.TASK_CLASS_CONFIG);
        if (named != null) {
            return new PluginRef(loader(), named).newInstance(type);
        }
        Class<? extends Task> taskClass = taskClass();
        if (!type.isAssignableFrom(taskClass)) {
            throw new ConnectException("task class " + taskClass.getName() + " is not a " + type.getSimpleName());
        }
        return PluginRef.newInstance(loader(), taskClass.asSubclass(type));
    }

    private Class<? extends Task> taskClass() {
        return connectorPlugin.newInstance(Connector.class).taskClass();
    }
}
