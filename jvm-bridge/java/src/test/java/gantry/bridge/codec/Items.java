package gantry.bridge.codec;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.header.ConnectHeaders;
import org.apache.kafka.connect.sink.SinkRecord;
import org.apache.kafka.connect.source.SourceRecord;

/** The other side's half of the record formats that cross in one direction only. */
public final class Items {
    /** A source's record with what stands beside it. */
    public record Polled(SourceRecord record, int transaction) { }

    /** The partitions defined so far. */
    private final Map<Integer, Map<String, Object>> partitions = new HashMap<>();

    public static void sinkRecord(Encoder encoder, SinkRecord record) {
        encoder.begin(Item.SINK_RECORD);
        Output out = encoder.out();
        out.v(encoder.text(record.topic()));
        out.i32(record.kafkaPartition());
        out.i64(record.timestamp() == null ? Item.NO_TIMESTAMP : record.timestamp());
        out.u8(record.timestampType().id + 1);
        encoder.datum(record.keySchema(), record.key());
        encoder.datum(record.valueSchema(), record.value());
        encoder.headers(record.headers());
        out.i64(record.kafkaOffset());
        out.v(encoder.text(record.originalTopic()));
        out.i32(record.originalKafkaPartition());
        encoder.finish();
    }

    /** All records up to the end of the items. */
    public List<Polled> sourceRecords(Exchange replies, Input in) {
        Decoder decoder = replies.decoder();
        List<Polled> records = new ArrayList<>();
        while (true) {
            int item = decoder.next();
            switch (item) {
                case Item.PARTITION -> {
                    int id = in.v();
                    in.v();
                    partitions.put(id, decoder.position());
                }
                case Item.SOURCE_RECORD -> records.add(sourceRecord(decoder, in));
                case Item.END -> {
                    return records;
                }
                default -> throw new IllegalStateException("item " + item);
            }
        }
    }

    private Polled sourceRecord(Decoder decoder, Input in) {
        String topic = decoder.text();
        int partition = in.i32();
        long timestamp = in.i64();
        Schema keySchema = decoder.schema();
        Object key = decoder.value();
        Schema valueSchema = decoder.schema();
        Object value = decoder.value();
        ConnectHeaders headers = decoder.headers();
        Map<String, Object> position = partitions.get(in.v());
        in.v();
        Map<String, Object> offset = decoder.position();
        SourceRecord record = new SourceRecord(position, offset, topic, partition < 0 ? null : partition, keySchema,
                key, valueSchema, value, timestamp == Item.NO_TIMESTAMP ? null : timestamp, headers);
        return new Polled(record, in.u8());
    }
}
