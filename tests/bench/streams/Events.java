import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.function.Function;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;

/** Nexmark's events and results with the bytes that the example's events.rs gives them. */
final class Events {
  static final byte PERSON = 0;
  static final byte AUCTION = 1;
  static final byte BID = 2;

  /** Somebody's offer. */
  record Bid(long auction, long bidder, long price, long time, String extra) {
    static final Comparator<Bid> ORDER = Comparator.comparingLong(Bid::auction).thenComparingLong(Bid::bidder)
        .thenComparingLong(Bid::price).thenComparingLong(Bid::time).thenComparing(Bid::extra);
    static final Serde<Bid> SERDE = serde(Bid::bytes, Bid::read);

    static Bid read(ByteBuffer from) {
      return new Bid(from.getLong(), from.getLong(), from.getLong(), from.getLong(), text(from));
    }

    byte[] bytes() {
      byte[] text = extra.getBytes(StandardCharsets.UTF_8);
      ByteBuffer to = ByteBuffer.allocate(36 + text.length);
      return to.putLong(auction).putLong(bidder).putLong(price).putLong(time).putInt(text.length).put(text).array();
    }
  }

  /** What q8 wants of a person. */
  record Person(long id, String name, long time) {
    static Person read(ByteBuffer from) {
      long id = from.getLong();
      String name = text(from);
      for (int skipped = 0; skipped < 4; skipped++) text(from);
      return new Person(id, name, from.getLong());
    }
  }

  /** What q8 wants of an auction. */
  record Auction(long seller, long time) {
    static Auction read(ByteBuffer from) {
      from.getLong();
      text(from);
      text(from);
      from.getLong();
      from.getLong();
      long time = from.getLong();
      from.getLong();
      return new Auction(from.getLong(), time);
    }
  }

  /** A person in a window, as the pair of numbers that the job's shuffle topics and results have for a key. */
  record Seller(long id, long start) {
    static final Serde<Seller> SERDE = serde(Seller::bytes, Seller::read);

    static Seller read(ByteBuffer from) {
      from.getInt();
      return new Seller(from.getLong(), from.getLong());
    }

    byte[] bytes() {
      return ByteBuffer.allocate(20).putInt(8).putLong(id).putLong(start).array();
    }
  }

  /** Somebody who came and sold something in one window. */
  record NewSeller(String name, long came) {
    static final Serde<NewSeller> SERDE = serde(NewSeller::bytes, from -> new NewSeller(text(from), from.getLong()));

    byte[] bytes() {
      byte[] text = name.getBytes(StandardCharsets.UTF_8);
      return ByteBuffer.allocate(12 + text.length).putInt(text.length).put(text).putLong(came).array();
    }
  }

  /** The auctions with the most bids of a window. */
  record HotItems(long bids, List<Long> auctions) {
    static final Serde<HotItems> SERDE = serde(HotItems::bytes, HotItems::read);

    static HotItems read(ByteBuffer from) {
      long bids = from.getLong();
      List<Long> auctions = new ArrayList<>();
      for (int left = from.getInt(); left > 0; left--) auctions.add(from.getLong());
      return new HotItems(bids, auctions);
    }

    byte[] bytes() {
      ByteBuffer to = ByteBuffer.allocate(12 + 8 * auctions.size()).putLong(bids).putInt(auctions.size());
      auctions.forEach(to::putLong);
      return to.array();
    }
  }

  /** The bids of the highest price of a window. */
  record HighestBids(List<Bid> bids) {
    static final Serde<HighestBids> SERDE = serde(HighestBids::bytes, HighestBids::read);

    static HighestBids read(ByteBuffer from) {
      List<Bid> bids = new ArrayList<>();
      for (int left = from.getInt(); left > 0; left--) bids.add(Bid.read(from));
      return new HighestBids(bids);
    }

    byte[] bytes() {
      List<byte[]> parts = bids.stream().map(Bid::bytes).toList();
      ByteBuffer to = ByteBuffer.allocate(4 + parts.stream().mapToInt(part -> part.length).sum()).putInt(parts.size());
      parts.forEach(to::put);
      return to.array();
    }
  }

  static <T> Serde<T> serde(Function<T, byte[]> write, Function<ByteBuffer, T> read) {
    return Serdes.serdeFrom(
        (topic, value) -> value == null ? null : write.apply(value),
        (topic, bytes) -> bytes == null ? null : read.apply(ByteBuffer.wrap(bytes)));
  }

  private static String text(ByteBuffer from) {
    int length = from.getInt();
    String text = new String(from.array(), from.arrayOffset() + from.position(), length, StandardCharsets.UTF_8);
    from.position(from.position() + length);
    return text;
  }
}
