package gantry.bridge.host;

import gantry.bridge.codec.Exchange;
import gantry.bridge.codec.Input;
import gantry.bridge.codec.Output;
import gantry.bridge.load.PluginRef;
import java.util.HashMap;
import java.util.Map;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.connect.sink.SinkTask;

/** A sink's task. */
public final class SinkTaskHost extends TaskHost {
    private volatile SinkTask task;

    SinkTaskHost(PluginRef connector, long target, String connectorName) {
        super(connector, target, connectorName);
    }

    @Override
    Object plugin() {
        return task;
    }

    @Override
    void start(Map<String, String> properties, int flags) {
        SinkTask created = newTask(SinkTask.class, properties);
        task = created;
        created.initialize(SinkContext.create(this, properties, (flags & NO_REPORTER) == 0));
        created.start(properties);
    }

    public void open(Exchange exchange) {
        task.open(Partitions.readAll(exchange.in()));
    }

    public void put(Exchange exchange) {
        task.put(exchange.decoder().sinkRecords());
    }

    public void preCommit(Exchange exchange) {
        Input in = exchange.in();
        int count = in.count();
        Map<TopicPartition, OffsetAndMetadata> offsets = new HashMap<>();
        for (int i = 0; i < count; i++) {
            TopicPartition partition = Partitions.read(in);
            offsets.put(partition, new OffsetAndMetadata(in.i64()));
        }
        Map<TopicPartition, OffsetAndMetadata> done = task.preCommit(offsets);
        Output out = exchange.out();
        out.v(done.size());
        for (Map.Entry<TopicPartition, OffsetAndMetadata> entry : done.entrySet()) {
            Partitions.write(entry.getKey(), out);
            out.i64(entry.getValue().offset());
        }
    }

    public void close(Exchange exchange) {
        task.close(Partitions.readAll(exchange.in()));
    }

    @Override
    void stop() {
        task.stop();
    }
}
