package gantry.bridge.host;

import gantry.bridge.Upcall;
import gantry.bridge.codec.Input;
import gantry.bridge.codec.Output;
import gantry.bridge.codec.Positions;
import gantry.bridge.codec.ValueDecoder;
import gantry.bridge.codec.ValueEncoder;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.connect.errors.ConnectException;
import org.apache.kafka.connect.errors.DataException;
import org.apache.kafka.connect.storage.OffsetStorageReader;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What a source is told of its own earlier positions. */
final class OffsetReader implements OffsetStorageReader {
    private static final Logger LOG = LoggerFactory.getLogger(OffsetReader.class);

    private final long target;
    private final String connector;

    OffsetReader(long target, String connector) {
        this.target = target;
        this.connector = connector;
    }

    @Override
    public <T> Map<String, Object> offset(Map<String, T> partition) {
        return offsets(List.of(partition)).get(partition);
    }

    /** A partition that Kafka could not write is left out with a message, as Kafka does. */
    @Override
    public <T> Map<Map<String, T>, Map<String, Object>> offsets(Collection<Map<String, T>> partitions) {
        List<Map<String, T>> asked = new ArrayList<>();
        for (Map<String, T> partition : partitions) {
            try {
                Positions.check(partition);
                asked.add(partition);
            } catch (DataException e) {
                LOG.error("CRITICAL: Failed to serialize partition key when getting offsets for task with "
                        + "namespace {}. No value for this data will be returned, which may break the "
                        + "task or cause it to skip some data.", connector, e);
            }
        }
        try {
            return read(asked);
        } catch (Exception e) {
            throw new ConnectException("Failed to fetch offsets.", e);
        }
    }

    private <T> Map<Map<String, T>, Map<String, Object>> read(List<Map<String, T>> partitions) {
        Output request = new Output(256);
        ValueEncoder encoder = new ValueEncoder(request);
        request.v(partitions.size());
        partitions.forEach(encoder::position);
        Input reply = new Input(Upcall.call(Upcall.OFFSETS, target, request));
        ValueDecoder decoder = new ValueDecoder(reply);
        int count = reply.count();
        Map<Map<String, T>, Map<String, Object>> offsets = new HashMap<>();
        for (int i = 0; i < count; i++) {
            offsets.put(partitions.get(i), asRead(decoder.position()));
        }
        return offsets;
    }

    /** Kafka keeps offsets as JSON, and connectors rely on what it makes of their values when they come back. */
    private static Map<String, Object> asRead(Map<String, Object> offset) {
        if (offset == null) {
            return null;
        }
        Map<String, Object> read = new LinkedHashMap<>();
        offset.forEach((key, value) -> read.put(key, asRead(value)));
        return read;
    }

    private static Object asRead(Object value) {
        if (value instanceof Integer || value instanceof Short || value instanceof Byte) {
            return ((Number) value).longValue();
        }
        if (value instanceof Float number) {
            return Double.valueOf(number.toString());
        }
        if (value instanceof byte[] bytes) {
            return Base64.getEncoder().encodeToString(bytes);
        }
        return value;
    }
}
