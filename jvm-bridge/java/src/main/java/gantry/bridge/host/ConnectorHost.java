package gantry.bridge.host;

import gantry.bridge.codec.Exchange;
import gantry.bridge.codec.Input;
import gantry.bridge.codec.Output;
import gantry.bridge.codec.ValueDecoder;
import gantry.bridge.load.PluginRef;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.connect.connector.Connector;
import org.apache.kafka.connect.errors.ConnectException;
import org.apache.kafka.connect.runtime.TaskConfig;
import org.apache.kafka.connect.sink.SinkConnector;
import org.apache.kafka.connect.source.SourceConnector;

/** A connector: its life, its tasks' configurations, its say about offsets and transactions. */
public final class ConnectorHost extends Running {
    private static final int OFFSETS_OF_SINK = 1;

    private final String name;
    private final Connector connector;
    private final ConnectorContexts.Base context;
    private volatile boolean initialized;

    public ConnectorHost(PluginRef plugin, Input request) {
        this(plugin, request.i64(), request.str());
    }

    private ConnectorHost(PluginRef plugin, long target, String name) {
        super(plugin.loader(), target);
        this.name = name;
        try (Scope scope = enter()) {
            this.connector = plugin.newInstance(Connector.class);
        }
        this.context = connector instanceof SourceConnector
                ? new ConnectorContexts.Source(this, name)
                : new ConnectorContexts.Sink(this, name);
    }

    @Override
    Object plugin() {
        return connector;
    }

    /** A connector that was paused is started again, but it keeps the context that it has. */
    public void start(Exchange exchange) {
        Map<String, String> properties = exchange.in().map();
        if (!(connector instanceof SourceConnector) && !(connector instanceof SinkConnector)) {
            throw new ConnectException(
                    "Connector implementations must be a subclass of either SourceConnector or SinkConnector");
        }
        if (!initialized) {
            connector.initialize(context);
            initialized = true;
        }
        connector.start(properties);
    }

    public void taskConfigs(Exchange exchange) {
        int max = exchange.in().i32();
        String taskClass = connector.taskClass().getName();
        List<Map<String, String>> configs = connector.taskConfigs(max);
        Output out = exchange.out();
        out.v(configs.size());
        for (Map<String, String> config : configs) {
            Map<String, String> own = new HashMap<>(config);
            own.put(TaskConfig.TASK_CLASS_CONFIG, taskClass);
            out.map(own);
        }
    }

    public void stop(Exchange exchange) {
        connector.stop();
    }

    public void exactlyOnceSupport(Exchange exchange) {
        Enum<?> support = source().exactlyOnceSupport(exchange.in().map());
        exchange.out().u8(answer(support));
    }

    public void transactionBoundaries(Exchange exchange) {
        Enum<?> support = source().canDefineTransactionBoundaries(exchange.in().map());
        exchange.out().u8(answer(support));
    }

    /** Both of Kafka's enumerations have SUPPORTED first and UNSUPPORTED second. */
    private static int answer(Enum<?> support) {
        return support == null ? 0 : support.ordinal() + 1;
    }

    private SourceConnector source() {
        if (connector instanceof SourceConnector source) {
            return source;
        }
        throw new ConnectException("Connector " + name + " is not a source connector");
    }

    public void alterOffsets(Exchange exchange) {
        Input in = exchange.in();
        Map<String, String> properties = in.map();
        boolean done;
        if (in.u8() == OFFSETS_OF_SINK) {
            done = ((SinkConnector) connector).alterOffsets(properties, sinkOffsets(in));
        } else {
            done = source().alterOffsets(properties, sourceOffsets(in));
        }
        exchange.out().bool(done);
    }

    private static Map<TopicPartition, Long> sinkOffsets(Input in) {
        int count = in.count();
        Map<TopicPartition, Long> offsets = new HashMap<>();
        for (int i = 0; i < count; i++) {
            TopicPartition partition = Partitions.read(in);
            long offset = in.i64();
            offsets.put(partition, offset < 0 ? null : offset);
        }
        return offsets;
    }

    private static Map<Map<String, ?>, Map<String, ?>> sourceOffsets(Input in) {
        ValueDecoder decoder = new ValueDecoder(in);
        int count = in.count();
        Map<Map<String, ?>, Map<String, ?>> offsets = new HashMap<>();
        for (int i = 0; i < count; i++) {
            Map<String, Object> partition = decoder.position();
            offsets.put(partition, decoder.position());
        }
        return offsets;
    }

    @Override
    public void close() throws Exception {
        context.close();
        super.close();
    }
}
