import java.io.BufferedInputStream;
import java.io.DataInputStream;
import java.io.FileInputStream;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.JoinWindows;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.kstream.StreamJoined;
import org.apache.kafka.streams.kstream.TimeWindows;

/**
 * Queries of the example nexmark in Kafka Streams, on the events that it wrote into a file: BROKER FILE QUERY GUARANTEE STATE_DIR.
 * Each query is made of the same steps as there.
 */
public class NexmarkBench {
  static final Duration WINDOW = Duration.ofSeconds(10);
  static final Duration HOP = Duration.ofSeconds(2);
  /** Fetches of two queues come one after the other: far apart in event time. */
  static final Duration GRACE = Duration.ofSeconds(60);
  static final byte[] NOTHING = new byte[0];

  public static void main(String[] args) throws Exception {
    Bench bench = new Bench(args[0]);
    String query = args[2];
    long events = fill(bench, args[1]);
    boolean shuffle = !query.equals("q1") && !query.equals("q2");
    double seconds = bench.run(topology(bench, query), args[3], args[4], events, shuffle);
    long[] found = results(bench);
    System.out.printf("{\"per_s\":%.0f,\"seconds\":%.3f,\"events\":%d,\"results\":%d,\"checksum\":\"%016x\"}%n",
        events / seconds, seconds, events, found[0], found[1]);
    System.exit(0);
  }

  static long fill(Bench bench, String file) throws Exception {
    long events = 0;
    try (DataInputStream from = new DataInputStream(new BufferedInputStream(new FileInputStream(file), 1 << 20));
        KafkaProducer<byte[], byte[]> producer = bench.producer()) {
      while (true) {
        // Between two events the file may end.
        from.mark(1);
        if (from.read() < 0) return events;
        from.reset();
        long time = from.readLong();
        byte[] event = from.readNBytes(from.readInt());
        producer.send(new ProducerRecord<>(bench.in, (int) (events % Bench.QUEUES), time, null, event));
        events++;
      }
    }
  }

  static Topology topology(Bench bench, String query) {
    StreamsBuilder builder = new StreamsBuilder();
    KStream<byte[], byte[]> events =
        builder.stream(bench.in, Consumed.with(Serdes.ByteArray(), Serdes.ByteArray())).peek((key, value) -> Bench.seen());
    KStream<byte[], Events.Bid> bids = kind(events, Events.BID).mapValues(value -> Events.Bid.read(body(value)));
    switch (query) {
      case "q1" -> q1(bids, bench.out);
      case "q2" -> q2(bids, bench.out);
      case "q5" -> q5(bids, bench.out);
      case "q7" -> q7(bids, bench.out);
      case "q8" -> q8(events, bench.out);
      default -> throw new IllegalArgumentException("there is no query " + query);
    }
    return builder.build();
  }

  static KStream<byte[], byte[]> kind(KStream<byte[], byte[]> events, byte kind) {
    return events.filter((key, value) -> value[0] == kind);
  }

  /** An event without its kind. */
  static ByteBuffer body(byte[] event) {
    return ByteBuffer.wrap(event, 1, event.length - 1);
  }

  static void q1(KStream<byte[], Events.Bid> bids, String out) {
    bids.mapValues(bid -> new Events.Bid(bid.auction(), bid.bidder(), bid.price() * 908 / 1000, bid.time(), bid.extra()))
        .to(out, Produced.with(Serdes.ByteArray(), Events.Bid.SERDE));
  }

  static void q2(KStream<byte[], Events.Bid> bids, String out) {
    bids.filter((key, bid) -> bid.auction() % 123 == 0)
        .mapValues(bid -> ByteBuffer.allocate(16).putLong(bid.auction()).putLong(bid.price()).array())
        .to(out, Produced.with(Serdes.ByteArray(), Serdes.ByteArray()));
  }

  static void q5(KStream<byte[], Events.Bid> bids, String out) {
    bids.map((key, bid) -> KeyValue.pair(bid.auction(), NOTHING))
        .groupByKey(Grouped.with(Serdes.Long(), Serdes.ByteArray()))
        .windowedBy(TimeWindows.ofSizeAndGrace(WINDOW, GRACE).advanceBy(HOP))
        .count(Materialized.with(Serdes.Long(), Serdes.Long()))
        .toStream()
        .map((place, count) -> KeyValue.pair(place.window().start(), new Events.HotItems(count, List.of(place.key()))))
        .groupByKey(Grouped.with(Serdes.Long(), Events.HotItems.SERDE))
        .reduce(NexmarkBench::hotter, Materialized.with(Serdes.Long(), Events.HotItems.SERDE))
        .toStream()
        .peek((key, value) -> Bench.told())
        .to(out, Produced.with(Serdes.Long(), Events.HotItems.SERDE));
  }

  static Events.HotItems hotter(Events.HotItems kept, Events.HotItems found) {
    if (kept.bids() != found.bids()) return kept.bids() > found.bids() ? kept : found;
    TreeSet<Long> auctions = new TreeSet<>(kept.auctions());
    auctions.addAll(found.auctions());
    return new Events.HotItems(kept.bids(), List.copyOf(auctions));
  }

  static void q7(KStream<byte[], Events.Bid> bids, String out) {
    bids.groupBy((key, bid) -> 0L, Grouped.with(Serdes.Long(), Events.Bid.SERDE))
        .windowedBy(TimeWindows.ofSizeAndGrace(WINDOW, GRACE))
        .aggregate(
            () -> new Events.HighestBids(List.of()),
            (key, bid, highest) -> higher(highest, bid),
            Materialized.with(Serdes.Long(), Events.HighestBids.SERDE))
        .toStream()
        .map((place, highest) -> KeyValue.pair(place.window().start(), highest))
        .peek((key, value) -> Bench.told())
        .to(out, Produced.with(Serdes.Long(), Events.HighestBids.SERDE));
  }

  static Events.HighestBids higher(Events.HighestBids highest, Events.Bid bid) {
    long price = highest.bids().isEmpty() ? 0 : highest.bids().get(0).price();
    if (bid.price() < price) return highest;
    List<Events.Bid> bids = new ArrayList<>(bid.price() > price ? List.of() : highest.bids());
    bids.add(bid);
    bids.sort(Events.Bid.ORDER);
    return new Events.HighestBids(bids);
  }

  static void q8(KStream<byte[], byte[]> events, String out) {
    KStream<Events.Seller, Events.NewSeller> people = kind(events, Events.PERSON)
        .mapValues(value -> Events.Person.read(body(value)))
        .map((key, person) -> KeyValue.pair(seller(person.id(), person.time()), new Events.NewSeller(person.name(), person.time())));
    KStream<Events.Seller, byte[]> sales = kind(events, Events.AUCTION)
        .mapValues(value -> Events.Auction.read(body(value)))
        .map((key, auction) -> KeyValue.pair(seller(auction.seller(), auction.time()), NOTHING));
    people.join(
            sales,
            (person, sale) -> person,
            JoinWindows.ofTimeDifferenceAndGrace(WINDOW, GRACE),
            StreamJoined.with(Events.Seller.SERDE, Events.NewSeller.SERDE, Serdes.ByteArray()))
        .peek((key, value) -> Bench.told())
        .to(out, Produced.with(Events.Seller.SERDE, Events.NewSeller.SERDE));
  }

  static Events.Seller seller(long id, long time) {
    return new Events.Seller(id, time - time % WINDOW.toMillis());
  }

  /** How many results there are, the last one of each key and all without, and a sum over them that does not depend on their order. */
  static long[] results(Bench bench) {
    long[] found = new long[2];
    Map<ByteBuffer, byte[]> last = new HashMap<>();
    bench.results((key, value) -> {
      if (key != null) {
        last.put(ByteBuffer.wrap(key), value);
      } else {
        found[0]++;
        found[1] += hash(NOTHING, value);
      }
    });
    last.forEach((key, value) -> {
      if (value == null) return;
      found[0]++;
      found[1] += hash(key.array(), value);
    });
    return found;
  }

  /** FNV-1a. */
  static long hash(byte[] key, byte[] value) {
    long hash = 0xcbf29ce484222325L;
    for (byte one : key) hash = (hash ^ (one & 0xff)) * 0x100000001b3L;
    for (byte one : value) hash = (hash ^ (one & 0xff)) * 0x100000001b3L;
    return hash;
  }
}
