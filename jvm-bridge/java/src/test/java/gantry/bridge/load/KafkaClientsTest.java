package gantry.bridge.load;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import gantry.bridge.FakeRuntime;
import gantry.bridge.Upcall;
import gantry.bridge.codec.Input;
import java.lang.reflect.Constructor;
import java.lang.reflect.Method;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ConsumerGroupDescription;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerGroupMetadata;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.GroupIdNotFoundException;
import org.apache.kafka.common.errors.WakeupException;
import org.apache.kafka.connect.errors.ConnectException;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Iceberg's own class for its Kafka clients, loaded as a plugin loads it, over a topic that is a list here. */
class KafkaClientsTest {
    private static final String NAME = "org.apache.iceberg.connect.channel.KafkaClientFactory";
    private static final TopicPartition CONTROL = new TopicPartition("control", 0);

    private final FakeRuntime runtime = FakeRuntime.install();
    private final List<String> log = new ArrayList<>();
    private Class<?> factory;

    @BeforeEach
    void load() throws Exception {
        URL connector = getClass().getClassLoader().getResource(NAME.replace('.', '/') + ".class");
        URL jar = new URL(connector.getPath().substring(0, connector.getPath().indexOf('!')));
        PluginLoader loader = new PluginLoader("iceberg", new URL[] {jar}, getClass().getClassLoader());
        factory = loader.loadClass(NAME);
        assertSame(loader, factory.getClassLoader());
        runtime.answer(Upcall.LOG_QUEUES, (in, out) -> out.i32(1));
        runtime.answer(Upcall.LOG_RANGE, (in, out) -> {
            out.i64(0);
            out.i64(log.size());
        });
        runtime.answer(Upcall.LOG_COMMITTED, (in, out) -> out.v(0));
        runtime.answer(Upcall.LOG_MEMBERS, (in, out) -> {
            out.str("connect-lake");
            out.v(2);
            for (int task = 0; task < 2; task++) {
                out.v(1);
                out.str("t");
                out.i32(task);
            }
        });
        runtime.answer(Upcall.LOG_READ, (in, out) -> {
            assertEquals(1, in.v());
            in.str();
            in.i32();
            int from = (int) in.i64();
            out.v(1);
            out.str(CONTROL.topic());
            out.i32(0);
            out.i64(log.size());
            out.v(log.size() - from);
            for (int at = from; at < log.size(); at++) {
                out.i64(at);
                out.i64(7);
                out.bool(true);
                out.bool(false);
                out.bytes(log.get(at).getBytes(StandardCharsets.UTF_8));
                out.v(0);
            }
        });
    }

    private <T> T make(Class<T> face, Map<String, String> properties, String method, Object... arguments)
            throws Exception {
        Constructor<?> constructor = factory.getDeclaredConstructor(Map.class);
        constructor.setAccessible(true);
        Object made = constructor.newInstance(properties);
        Class<?>[] types = arguments.length == 0 ? new Class<?>[0] : new Class<?>[] {String.class};
        Method create = factory.getDeclaredMethod(method, types);
        create.setAccessible(true);
        return face.cast(create.invoke(made, arguments));
    }

    @SuppressWarnings("unchecked")
    private Producer<String, byte[]> producer() throws Exception {
        return make(Producer.class, Map.of(), "createProducer", "lake-0");
    }

    @SuppressWarnings("unchecked")
    private Consumer<String, byte[]> consumer(Map<String, String> properties) throws Exception {
        return make(Consumer.class, properties, "createConsumer", "lake-coord");
    }

    private static ProducerRecord<String, byte[]> record(String value) {
        return new ProducerRecord<>("control", "key", value.getBytes(StandardCharsets.UTF_8));
    }

    @Test
    void aTransactionIsOneWriteWithItsOffsets() throws Exception {
        Producer<String, byte[]> producer = producer();
        producer.beginTransaction();
        producer.send(record("a"));
        producer.send(record("b"));
        producer.sendOffsetsToTransaction(
                Map.of(new TopicPartition("t", 3), new OffsetAndMetadata(42)), new ConsumerGroupMetadata("connect-lake"));
        assertTrue(runtime.asked(Upcall.LOG_WRITE).isEmpty());
        producer.commitTransaction();
        Input written = runtime.asked(Upcall.LOG_WRITE).get(0).in();
        assertEquals(2, written.v());
        for (String value : List.of("a", "b")) {
            assertEquals("control", written.str());
            assertEquals(-1, written.i32());
            assertEquals(-1, written.i64());
            assertFalse(written.bool());
            assertArrayEquals("key".getBytes(StandardCharsets.UTF_8), written.bytes());
            assertFalse(written.bool());
            assertArrayEquals(value.getBytes(StandardCharsets.UTF_8), written.bytes());
            assertEquals(0, written.v());
        }
        assertEquals(1, written.v());
        assertEquals("t", written.str());
        assertEquals(3, written.i32());
        assertEquals(42, written.i64());
    }

    @Test
    void whatIsAbortedIsNeverWritten() throws Exception {
        Producer<String, byte[]> producer = producer();
        producer.beginTransaction();
        producer.send(record("a"));
        producer.abortTransaction();
        producer.beginTransaction();
        producer.commitTransaction();
        assertEquals(0, runtime.asked(Upcall.LOG_WRITE).get(0).in().v());
        runtime.refuse(Upcall.LOG_WRITE, "log is full");
        producer.beginTransaction();
        producer.send(record("b"));
        assertThrows(ConnectException.class, producer::commitTransaction);
        assertThrows(IllegalStateException.class, producer::beginTransaction);
        assertThrows(IllegalArgumentException.class, () -> producer.sendOffsetsToTransaction(
                Map.of(), new ConsumerGroupMetadata("another")));
    }

    @Test
    void readsWhatComesAfterItSubscribed() throws Exception {
        log.add("old");
        Consumer<String, byte[]> consumer = consumer(Map.of());
        consumer.subscribe(List.of("control"));
        assertTrue(consumer.poll(Duration.ZERO).isEmpty());
        log.add("new");
        ConsumerRecords<String, byte[]> records = consumer.poll(Duration.ofSeconds(1));
        assertEquals(1, records.count());
        ConsumerRecord<String, byte[]> record = records.iterator().next();
        assertEquals(1, record.offset());
        assertEquals("new", new String(record.value(), StandardCharsets.UTF_8));
        assertEquals(2, consumer.position(CONTROL));
        consumer.commitSync(Map.of(CONTROL, new OffsetAndMetadata(2)));
        Input commit = runtime.asked(Upcall.LOG_COMMIT).get(0).in();
        assertEquals("lake-coord", commit.str());
    }

    @Test
    void beginsWhereItsGroupHasCommitted() throws Exception {
        log.addAll(List.of("a", "b", "c"));
        runtime.answer(Upcall.LOG_COMMITTED, (in, out) -> {
            assertEquals("lake-coord", in.ostr());
            out.v(1);
            out.str("control");
            out.i32(0);
            out.i64(2);
        });
        Consumer<String, byte[]> consumer = consumer(Map.of());
        consumer.subscribe(List.of("control"));
        assertEquals(1, consumer.poll(Duration.ZERO).count());
        assertEquals(new OffsetAndMetadata(2), consumer.committed(Set.of(CONTROL)).get(CONTROL));
    }

    @Test
    void beginsAtTheStartWhereItsSettingsSaySo() throws Exception {
        log.addAll(List.of("a", "b"));
        Consumer<String, byte[]> consumer = consumer(Map.of("auto.offset.reset", "earliest"));
        consumer.subscribe(List.of("control"));
        consumer.wakeup();
        assertThrows(WakeupException.class, () -> consumer.poll(Duration.ZERO));
        assertEquals(2, consumer.poll(Duration.ZERO).count());
    }

    @Test
    void seesTheTasksOfItsConnectorAsAGroup() throws Exception {
        Admin admin = make(Admin.class, Map.of(), "createAdmin");
        var described = admin.describeConsumerGroups(List.of("connect-lake", "another")).describedGroups();
        ConsumerGroupDescription group = described.get("connect-lake").get();
        assertEquals(2, group.members().size());
        assertEquals(Set.of(new TopicPartition("t", 0)),
                group.members().iterator().next().assignment().topicPartitions());
        ExecutionException e = assertThrows(ExecutionException.class, () -> described.get("another").get());
        assertInstanceOf(GroupIdNotFoundException.class, e.getCause());
        UnsupportedOperationException missing =
                assertThrows(UnsupportedOperationException.class, admin::listTopics);
        assertTrue(missing.getMessage().startsWith("Admin.listTopics of a Kafka client"));
        admin.close();
    }
}
