package gantry.bridge.clients;

import java.util.Map;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.producer.Producer;

/** What a connector gets where it makes Kafka clients of its own for the topics and the group of its tasks. */
public final class LogClients {
    private LogClients() {
    }

    public static Producer<String, byte[]> producer(Map<String, String> properties, String transactionalId) {
        return LogProducer.create(LogCalls.ofThisThread());
    }

    public static Consumer<String, byte[]> consumer(Map<String, String> properties, String group) {
        boolean fromEarliest = "earliest".equals(properties.get("auto.offset.reset"));
        return LogConsumer.create(LogCalls.ofThisThread(), group, fromEarliest);
    }

    public static Admin admin(Map<String, String> properties) {
        return LogAdmin.create(LogCalls.ofThisThread());
    }
}
