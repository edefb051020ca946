import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BiConsumer;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.Topology;

/** One run of Kafka Streams on a real broker: a topic that is filled, a job, a topic of results that is read. */
final class Bench {
  static final int QUEUES = 2;
  private static final AtomicLong SEEN = new AtomicLong();
  private static final AtomicLong FIRST = new AtomicLong();
  private static final AtomicLong LAST = new AtomicLong();

  final String in = "in-" + System.nanoTime();
  final String out = in + "-out";
  private final Properties common = new Properties();

  Bench(String broker) throws Exception {
    common.put("bootstrap.servers", broker);
    try (Admin admin = Admin.create(common)) {
      // The records' times are of years ago: a broker that keeps its records for a week takes them away meanwhile.
      Map<String, String> kept = Map.of("retention.ms", "-1");
      List<NewTopic> topics = List.of(new NewTopic(in, QUEUES, (short) 1), new NewTopic(out, QUEUES, (short) 1));
      topics.forEach(topic -> topic.configs(kept));
      admin.createTopics(topics).all().get();
    }
  }

  /** A record came to the job. */
  static void seen() {
    if (SEEN.getAndIncrement() == 0) FIRST.set(System.nanoTime());
  }

  /** The job told a result. */
  static void told() {
    LAST.set(System.nanoTime());
  }

  KafkaProducer<byte[], byte[]> producer() {
    Properties settings = new Properties();
    settings.putAll(common);
    settings.put("batch.size", "262144");
    settings.put("linger.ms", "20");
    ByteArraySerializer bytes = new ByteArraySerializer();
    return new KafkaProducer<>(settings, bytes, bytes);
  }

  /** Runs the job until it has taken all records; gives the seconds from the first one on. */
  double run(Topology topology, String guarantee, String stateDir, long records, boolean shuffle) throws Exception {
    Properties settings = new Properties();
    settings.putAll(common);
    settings.put("application.id", "bench-" + in);
    settings.put("num.stream.threads", "1");
    settings.put("auto.offset.reset", "earliest");
    settings.put("state.dir", stateDir);
    settings.put("replication.factor", "1");
    settings.put("processing.guarantee", guarantee);
    // Larger reads than the defaults: they help.
    settings.put("max.poll.records", "5000");
    settings.put("consumer.fetch.max.bytes", "52428800");
    settings.put("consumer.max.partition.fetch.bytes", "8388608");
    KafkaStreams streams = new KafkaStreams(topology, settings);
    streams.start();
    while (SEEN.get() < records) {
      if (streams.state().hasCompletedShutdown()) throw new IllegalStateException("the job stopped");
      Thread.sleep(5);
    }
    long done = System.nanoTime();
    // Behind a shuffle, records still wait to be taken; results come with each commit.
    if (shuffle) {
      try (Admin admin = Admin.create(common)) {
        do {
          done = LAST.get();
          Thread.sleep(2000);
        } while (LAST.get() != done || done == 0 || isBehind(admin, settings.getProperty("application.id")));
      }
    }
    double seconds = (done - FIRST.get()) / 1e9;
    streams.close(Duration.ofSeconds(20));
    return seconds;
  }

  /** Whether the job has records to take yet, also of its own topics. Behind the last one there may be the mark of its transaction. */
  private static boolean isBehind(Admin admin, String group) throws Exception {
    Map<TopicPartition, OffsetAndMetadata> taken = admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get();
    Map<TopicPartition, OffsetSpec> ask = new HashMap<>();
    taken.keySet().forEach(queue -> ask.put(queue, OffsetSpec.latest()));
    var ends = admin.listOffsets(ask).all().get();
    return taken.entrySet().stream().anyMatch(one -> ends.get(one.getKey()).offset() - one.getValue().offset() > 1);
  }

  /** Reads all results, each queue in its order. */
  void results(BiConsumer<byte[], byte[]> each) {
    Properties settings = new Properties();
    settings.putAll(common);
    settings.put("isolation.level", "read_committed");
    ByteArrayDeserializer bytes = new ByteArrayDeserializer();
    try (KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(settings, bytes, bytes)) {
      List<TopicPartition> queues = List.of(new TopicPartition(out, 0), new TopicPartition(out, 1));
      consumer.assign(queues);
      consumer.seekToBeginning(queues);
      Map<TopicPartition, Long> ends = consumer.endOffsets(queues);
      while (queues.stream().anyMatch(queue -> consumer.position(queue) < ends.get(queue))) {
        for (ConsumerRecord<byte[], byte[]> one : consumer.poll(Duration.ofMillis(200))) each.accept(one.key(), one.value());
      }
    }
  }
}
