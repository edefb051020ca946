import com.alibaba.fastjson2.JSON;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.client.consumer.PullResult;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.compression.CompressionType;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

/** Writes messages as any Java program does, and reads what others wrote: {@code write|read NAMESRV TOPIC}. */
public class Interop {
    public static void main(String[] args) throws Exception {
        switch (args[0]) {
            case "write" -> write(args[1], args[2]);
            case "read" -> read(args[1], args[2]);
            default -> throw new IllegalArgumentException(args[0]);
        }
        System.exit(0);
    }

    /** Bytes that a test knows, and that shrink when they are compressed. */
    private static byte[] body(int length) {
        byte[] body = new byte[length];
        for (int i = 0; i < length; i++) {
            body[i] = (byte) (i % 251);
        }
        return body;
    }

    private static void write(String nameServer, String topic) throws Exception {
        DefaultMQProducer producer = new DefaultMQProducer("interop");
        producer.setNamesrvAddr(nameServer);
        producer.start();
        MessageQueue queue = producer.fetchPublishMessageQueues(topic).iterator().next();
        producer.send(new Message(topic, "plain".getBytes(StandardCharsets.UTF_8)), queue);

        Message keys = new Message(topic, "tag-a", "a b", "keys".getBytes(StandardCharsets.UTF_8));
        keys.putUserProperty("z", "last");
        keys.putUserProperty("größe", "süß ☃ 🚀");
        keys.putUserProperty("trace-id", "0af7651916cd43dd");
        producer.send(keys, queue);

        Message emptyKey = new Message(topic, "empty key".getBytes(StandardCharsets.UTF_8));
        emptyKey.setKeys("");
        producer.send(emptyKey, queue);

        for (CompressionType type : CompressionType.values()) {
            producer.setCompressType(type);
            Message large = new Message(topic, null, type.name(), body(100_000));
            producer.send(large, queue);
        }

        List<Message> batch = new ArrayList<>();
        for (int i = 0; i < 50; i++) {
            Message one = new Message(topic, "batch", "key-" + i, ("batch-" + i).getBytes(StandardCharsets.UTF_8));
            one.putUserProperty("number", Integer.toString(i));
            batch.add(one);
        }
        producer.send(batch, queue);
        producer.shutdown();
    }

    private static void read(String nameServer, String topic) throws Exception {
        DefaultMQPullConsumer consumer = new DefaultMQPullConsumer("gantry");
        consumer.setNamesrvAddr(nameServer);
        consumer.start();
        MessageQueue queue = consumer.fetchSubscribeMessageQueues(topic).iterator().next();
        long end = consumer.maxOffset(queue);
        long at = 0;
        while (at < end) {
            PullResult pulled = consumer.pull(queue, "*", at, 32);
            if (pulled.getMsgFoundList() == null) {
                throw new IllegalStateException(pulled.toString());
            }
            for (MessageExt message : pulled.getMsgFoundList()) {
                Map<String, Object> told = new LinkedHashMap<>();
                told.put("offset", message.getQueueOffset());
                told.put("body", Base64.getEncoder().encodeToString(message.getBody()));
                told.put("born", message.getBornTimestamp());
                told.put("properties", message.getProperties());
                System.out.println(JSON.toJSONString(told));
            }
            at = pulled.getNextBeginOffset();
        }
        consumer.shutdown();
    }
}
