import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Random;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.LongDeserializer;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.streams.KafkaStreams;
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
  static final int QUEUES = 2;
  static final long BEGIN_MS = 1_700_000_000_000L;
  static final int PER_MS = 20;
  static final AtomicLong SEEN = new AtomicLong();
  static final AtomicLong FIRST = new AtomicLong();
  static final AtomicLong LAST = new AtomicLong();

  public static void main(String[] args) throws Exception {
    String broker = args[0];
    int records = Integer.parseInt(args[1]);
    int keys = Integer.parseInt(args[2]);
    String in = "in-" + System.nanoTime();
    String out = in + "-out";
    Properties common = new Properties();
    common.put("bootstrap.servers", broker);
    try (Admin admin = Admin.create(common)) {
      NewTopic input = new NewTopic(in, QUEUES, (short) 1);
      admin.createTopics(List.of(input, new NewTopic(out, QUEUES, (short) 1))).all().get();
    }
    fill(common, in, records, keys);
    Properties settings = new Properties();
    settings.putAll(common);
    settings.put("application.id", "count-" + in);
    settings.put("num.stream.threads", "1");
    settings.put("auto.offset.reset", "earliest");
    settings.put("state.dir", args[5]);
    settings.put("replication.factor", "1");
    settings.put("processing.guarantee", args[3]);
    // Larger reads than the defaults: they help.
    settings.put("max.poll.records", "5000");
    settings.put("consumer.fetch.max.bytes", "52428800");
    settings.put("consumer.max.partition.fetch.bytes", "8388608");
    KafkaStreams streams = new KafkaStreams(topology(in, out, args[4].equals("shuffle")), settings);
    streams.start();
    while (SEEN.get() < records) Thread.sleep(5);
    long done = System.nanoTime();
    // Behind a shuffle, records still wait to be counted; results come with each commit.
    if (args[4].equals("shuffle")) {
      do {
        done = LAST.get();
        Thread.sleep(2000);
      } while (LAST.get() != done || done == 0);
    }
    double seconds = (done - FIRST.get()) / 1e9;
    streams.close(Duration.ofSeconds(20));
    System.out.printf("{\"per_s\":%.0f,\"seconds\":%.3f,\"counted\":%d}%n", records / seconds, seconds, total(common, out));
    System.exit(0);
  }

  static void fill(Properties common, String in, int records, int keys) {
    Properties settings = new Properties();
    settings.putAll(common);
    settings.put("batch.size", "262144");
    settings.put("linger.ms", "20");
    byte[] value = new byte[100];
    Random random = new Random(7);
    random.nextBytes(value);
    ByteArraySerializer bytes = new ByteArraySerializer();
    try (KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(settings, bytes, bytes)) {
      for (int i = 0; i < records; i++) {
        byte[] key = ("key-" + random.nextInt(keys)).getBytes(StandardCharsets.UTF_8);
        producer.send(new ProducerRecord<>(in, null, BEGIN_MS + i / PER_MS, key, value));
      }
    }
  }

  static Topology topology(String in, String out, boolean shuffle) {
    StreamsBuilder builder = new StreamsBuilder();
    KStream<String, byte[]> events = builder.stream(in, Consumed.with(Serdes.String(), Serdes.ByteArray()))
        .peek((key, value) -> {
          if (SEEN.getAndIncrement() == 0) FIRST.set(System.nanoTime());
        });
    Grouped<String, byte[]> grouped = Grouped.with(Serdes.String(), Serdes.ByteArray());
    KGroupedStream<String, byte[]> groups =
        shuffle ? events.groupBy((key, value) -> key, grouped) : events.groupByKey(grouped);
    groups.windowedBy(TimeWindows.ofSizeAndGrace(Duration.ofSeconds(10), Duration.ofSeconds(5)))
        .count(Materialized.with(Serdes.String(), Serdes.Long()))
        .toStream()
        .map((window, count) -> KeyValue.pair(window.key() + "@" + window.window().start(), count))
        .peek((key, count) -> LAST.set(System.nanoTime()))
        .to(out, Produced.with(Serdes.String(), Serdes.Long()));
    return builder.build();
  }

  /** The sum of the last count of each window. */
  static long total(Properties common, String out) {
    Properties settings = new Properties();
    settings.putAll(common);
    settings.put("isolation.level", "read_committed");
    Map<String, Long> last = new HashMap<>();
    try (KafkaConsumer<String, Long> consumer =
        new KafkaConsumer<>(settings, new StringDeserializer(), new LongDeserializer())) {
      List<TopicPartition> queues = List.of(new TopicPartition(out, 0), new TopicPartition(out, 1));
      consumer.assign(queues);
      consumer.seekToBeginning(queues);
      Map<TopicPartition, Long> ends = consumer.endOffsets(queues);
      while (queues.stream().anyMatch(queue -> consumer.position(queue) < ends.get(queue))) {
        for (ConsumerRecord<String, Long> one : consumer.poll(Duration.ofMillis(200))) last.put(one.key(), one.value());
      }
    }
    return last.values().stream().mapToLong(Long::longValue).sum();
  }
}
