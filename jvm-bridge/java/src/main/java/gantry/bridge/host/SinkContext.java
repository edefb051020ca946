package gantry.bridge.host;

import gantry.bridge.Failure;
import gantry.bridge.Upcall;
import gantry.bridge.clients.TaskConsumer;
import gantry.bridge.codec.Input;
import gantry.bridge.codec.Output;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.metrics.PluginMetrics;
import org.apache.kafka.connect.errors.ConnectException;
import org.apache.kafka.connect.errors.IllegalWorkerStateException;
import org.apache.kafka.connect.runtime.WorkerSinkTaskContext;
import org.apache.kafka.connect.sink.ErrantRecordReporter;
import org.apache.kafka.connect.sink.SinkRecord;

/**
 * What a sink's task may ask of its runtime. It is of Kafka's own class because some connectors take the consumer from
 * a private field of that.
 */
final class SinkContext extends WorkerSinkTaskContext {
    private final Hosted host;
    private final Map<String, String> configs;
    private final ErrantRecordReporter reporter;

    static SinkContext create(Hosted host, Map<String, String> configs, boolean reporter) {
        TaskConsumer.Made made = TaskConsumer.create(host.target());
        SinkContext context = new SinkContext(made.consumer(), host, configs, reporter);
        made.behind().belongsTo(context);
        return context;
    }

    private SinkContext(
            Consumer<byte[], byte[]> consumer, Hosted host, Map<String, String> configs, boolean reporter) {
        super(consumer, null, null);
        this.host = host;
        this.configs = configs;
        this.reporter = reporter ? this::report : null;
    }

    @Override
    public Map<String, String> configs() {
        return configs;
    }

    @Override
    public void offset(Map<TopicPartition, Long> offsets) {
        Output request = new Output(64);
        request.v(offsets.size());
        offsets.forEach((partition, offset) -> {
            Partitions.write(partition, request);
            request.i64(offset);
        });
        call(Upcall.REWIND, request);
    }

    @Override
    public void offset(TopicPartition partition, long offset) {
        offset(Map.of(partition, offset));
    }

    @Override
    public void timeout(long timeoutMs) {
        Output request = new Output(Long.BYTES);
        request.i64(timeoutMs);
        call(Upcall.TIMEOUT, request);
    }

    @Override
    public Set<TopicPartition> assignment() {
        return Partitions.readSet(new Input(call(Upcall.ASSIGNMENT, new Output(0))));
    }

    @Override
    public void pause(TopicPartition... partitions) {
        change(Upcall.PAUSE, "pause", partitions);
    }

    @Override
    public void resume(TopicPartition... partitions) {
        change(Upcall.RESUME, "resume", partitions);
    }

    private void change(int operation, String verb, TopicPartition... partitions) {
        Output request = new Output(64);
        Partitions.writeAll(List.of(partitions), request);
        try {
            call(operation, request);
        } catch (ConnectException e) {
            throw new IllegalWorkerStateException(
                    "SinkTasks may not " + verb + " partitions that are not currently assigned to them.", e);
        }
    }

    @Override
    public void requestCommit() {
        call(Upcall.REQUEST_COMMIT, new Output(0));
    }

    @Override
    public ErrantRecordReporter errantRecordReporter() {
        return reporter;
    }

    /** The record is safe, or the failure thrown, when this returns; so the future has nothing left to wait for. */
    private Future<Void> report(SinkRecord record, Throwable error) {
        Output request = new Output(1024);
        request.str(record.originalTopic());
        request.i32(record.originalKafkaPartition());
        request.i64(record.originalKafkaOffset());
        Failure.write(error, request);
        call(Upcall.ERRANT_RECORD, request);
        return CompletableFuture.completedFuture(null);
    }

    @Override
    public PluginMetrics pluginMetrics() {
        return host.metrics();
    }

    @Override
    public String toString() {
        return "SinkContext";
    }

    private byte[] call(int operation, Output request) {
        return Upcall.call(operation, host.target(), request);
    }
}
