import java.time.Duration;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/** Prints a topic of a Kafka broker as `gantry topic dump` does: a JSON object a line, bytes as hexadecimal digits. */
public final class TopicDump {
    private TopicDump() {}

    public static void main(String[] args) {
        Map<String, Object> config = Map.of(ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG, args[0], "allow.auto.create.topics", "false",
                ConsumerConfig.ISOLATION_LEVEL_CONFIG, "read_committed");
        try (var consumer = new KafkaConsumer<>(config, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            var about = consumer.listTopics().get(args[1]);
            if (about == null) {
                System.out.println("{\"missing\":true}");
                return;
            }
            List<TopicPartition> partitions = IntStream.range(0, about.size()).mapToObj(p -> new TopicPartition(args[1], p)).toList();
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
            System.out.println("{\"partitions\":" + partitions.size() + "}");
            while (partitions.stream().anyMatch(p -> consumer.position(p) < ends.get(p))) {
                for (var record : consumer.poll(Duration.ofMillis(500))) {
                    StringBuilder headers = new StringBuilder();
                    for (var header : record.headers()) {
                        headers.append(headers.isEmpty() ? "" : ",").append("[\"").append(header.key()).append("\",").append(hex(header.value()))
                                .append(']');
                    }
                    System.out.println("{\"partition\":" + record.partition() + ",\"offset\":" + record.offset() + ",\"timestamp\":"
                            + record.timestamp() + ",\"key\":" + hex(record.key()) + ",\"value\":" + hex(record.value()) + ",\"headers\":["
                            + headers + "]}");
                }
            }
        }
    }

    private static String hex(byte[] bytes) {
        return bytes == null ? "null" : '"' + HexFormat.of().formatHex(bytes) + '"';
    }
}
