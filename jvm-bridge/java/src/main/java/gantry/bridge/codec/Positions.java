package gantry.bridge.codec;

import java.util.Map;
import org.apache.kafka.connect.storage.OffsetUtils;

/**
 * What Kafka allows in a source's partitions and offsets: texts as keys, primitive values. The rule and its messages
 * are Kafka's; only the common case is decided here, because Kafka's check looks each class up in a map.
 */
public final class Positions {
    private Positions() {
    }

    public static void check(Map<?, ?> position) {
        if (position == null) {
            return;
        }
        for (Map.Entry<?, ?> entry : position.entrySet()) {
            if (!isPlain(entry)) {
                OffsetUtils.validateFormat(position);
                return;
            }
        }
    }

    /** Allowed for certain; anything else is for Kafka's check to judge. */
    static boolean isPlain(Map.Entry<?, ?> entry) {
        Object value = entry.getValue();
        return entry.getKey() instanceof String
                && (value == null || value instanceof String || value instanceof Long || value instanceof Integer
                        || value instanceof Boolean);
    }
}
