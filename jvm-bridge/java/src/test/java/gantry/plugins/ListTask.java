package gantry.plugins;

import java.util.Collection;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.connect.sink.ErrantRecordReporter;
import org.apache.kafka.connect.sink.SinkRecord;
import org.apache.kafka.connect.sink.SinkTask;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Does with its context what the values of its records say. */
public class ListTask extends SinkTask {
    private static final Logger LOG = LoggerFactory.getLogger(ListTask.class);

    @Override
    public void start(Map<String, String> properties) {
        LOG.info("reporter {} configs {}", context.errantRecordReporter() != null, context.configs().get("k"));
    }

    @Override
    public void open(Collection<TopicPartition> partitions) {
        LOG.info("open {}", partitions);
    }

    @Override
    public void put(Collection<SinkRecord> records) {
        for (SinkRecord record : records) {
            LOG.info("put {} of {}", record.value(), record.topic());
            obey(record);
        }
    }

    private void obey(SinkRecord record) {
        TopicPartition partition = new TopicPartition(record.topic(), record.kafkaPartition());
        switch (record.value().toString()) {
            case "pause" -> context.pause(partition);
            case "resume" -> context.resume(partition);
            case "rewind" -> context.offset(partition, 3);
            case "timeout" -> context.timeout(250);
            case "commit" -> context.requestCommit();
            case "assignment" -> LOG.info("assignment {}", context.assignment());
            case "errant" -> report(context.errantRecordReporter(), record);
            default -> { }
        }
    }

    private static void report(ErrantRecordReporter reporter, SinkRecord record) {
        Future<Void> done = reporter.report(record, new IllegalStateException("bad record"));
        try {
            done.get();
        } catch (InterruptedException | ExecutionException e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    public Map<TopicPartition, OffsetAndMetadata> preCommit(Map<TopicPartition, OffsetAndMetadata> offsets) {
        TopicPartition first = new TopicPartition("t", 0);
        return Map.of(first, new OffsetAndMetadata(offsets.get(first).offset() - 1));
    }

    @Override
    public void close(Collection<TopicPartition> partitions) {
        LOG.info("close {}", partitions);
    }

    @Override
    public void stop() {
        LOG.info("stop");
    }

    @Override
    public String version() {
        return "2";
    }
}
