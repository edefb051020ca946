package bad;

import java.util.Map;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.common.config.ConfigDef.Importance;
import org.apache.kafka.common.config.ConfigDef.Type;

/** What all connectors here share: their keys, and ways to hang. */
final class Settings {
    static final String MODE = "mode";
    static final String TOPIC = "topic";
    static final String FILE = "file";
    static final String COUNT = "count";
    static final String VERSION = "1.0-bad";

    private Settings() {}

    static ConfigDef define() {
        return new ConfigDef()
                .define(MODE, Type.STRING, "good", Importance.HIGH, "What goes wrong.")
                .define(TOPIC, Type.STRING, "bad", Importance.MEDIUM, "Where a source writes.")
                .define(FILE, Type.STRING, "", Importance.MEDIUM, "Where a sink writes.")
                .define(COUNT, Type.INT, 3, ConfigDef.Range.atLeast(0), Importance.LOW, "How often.");
    }

    static int count(Map<String, String> properties) {
        return Integer.parseInt(properties.getOrDefault(COUNT, "3"));
    }

    /** Waits until it is interrupted. */
    static void block() throws InterruptedException {
        new CountDownLatch(1).await();
    }

    /** Waits for ever, whatever happens. */
    static void deaf() {
        while (true) {
            try {
                Thread.sleep(1000);
            } catch (InterruptedException ignored) {
                // That is the misbehaviour.
            }
        }
    }

    /** Throws with two causes. */
    static void fail(String where) {
        var root = new java.io.IOException("the root in " + where);
        throw new org.apache.kafka.connect.errors.ConnectException("thrown in " + where, new IllegalStateException("the middle", root));
    }
}
