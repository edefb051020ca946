import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Random;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.KGroupedStream;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.kstream.TimeWindows;

/** The windowed count of count_bench.rs in Kafka Streams: BROKER RECORDS KEYS GUARANTEE keyed|shuffle STATE_DIR. */
public class CountBench {
  static final long BEGIN_MS = 1_700_000_000_000L;
  static final int PER_MS = 20;

  public static void main(String[] args) throws Exception {
    Bench bench = new Bench(args[0]);
    int records = Integer.parseInt(args[1]);
    boolean shuffle = args[4].equals("shuffle");
    fill(bench, records, Integer.parseInt(args[2]));
    double seconds = bench.run(topology(bench, shuffle), args[3], args[5], records, shuffle);
    System.out.printf("{\"per_s\":%.0f,\"seconds\":%.3f,\"counted\":%d}%n", records / seconds, seconds, total(bench));
    System.exit(0);
  }

  static void fill(Bench bench, int records, int keys) {
    byte[] value = new byte[100];
    Random random = new Random(7);
    random.nextBytes(value);
    try (KafkaProducer<byte[], byte[]> producer = bench.producer()) {
      for (int i = 0; i < records; i++) {
        byte[] key = ("key-" + random.nextInt(keys)).getBytes(StandardCharsets.UTF_8);
        producer.send(new ProducerRecord<>(bench.in, null, BEGIN_MS + i / PER_MS, key, value));
      }
    }
  }

  static Topology topology(Bench bench, boolean shuffle) {
    StreamsBuilder builder = new StreamsBuilder();
    KStream<String, byte[]> events =
        builder.stream(bench.in, Consumed.with(Serdes.String(), Serdes.ByteArray())).peek((key, value) -> Bench.seen());
    Grouped<String, byte[]> grouped = Grouped.with(Serdes.String(), Serdes.ByteArray());
    KGroupedStream<String, byte[]> groups =
        shuffle ? events.groupBy((key, value) -> key, grouped) : events.groupByKey(grouped);
    groups.windowedBy(TimeWindows.ofSizeAndGrace(Duration.ofSeconds(10), Duration.ofSeconds(5)))
        .count(Materialized.with(Serdes.String(), Serdes.Long()))
        .toStream()
        .map((window, count) -> KeyValue.pair(window.key() + "@" + window.window().start(), count))
        .peek((key, count) -> Bench.told())
        .to(bench.out, Produced.with(Serdes.String(), Serdes.Long()));
    return builder.build();
  }

  /** The sum of the last count of each window. */
  static long total(Bench bench) {
    Map<ByteBuffer, Long> last = new HashMap<>();
    bench.results((key, count) -> last.put(ByteBuffer.wrap(key), ByteBuffer.wrap(count).getLong()));
    return last.values().stream().mapToLong(Long::longValue).sum();
  }
}
