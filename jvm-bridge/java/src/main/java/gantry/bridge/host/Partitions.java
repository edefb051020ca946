package gantry.bridge.host;

import gantry.bridge.codec.Input;
import gantry.bridge.codec.Output;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.apache.kafka.common.TopicPartition;

/** Topics with a partition, on the way in and out. */
public final class Partitions {
    private Partitions() {
    }

    public static TopicPartition read(Input in) {
        String topic = in.str();
        return new TopicPartition(topic, in.i32());
    }

    public static List<TopicPartition> readAll(Input in) {
        int count = in.count();
        List<TopicPartition> partitions = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            partitions.add(read(in));
        }
        return partitions;
    }

    static Set<TopicPartition> readSet(Input in) {
        return new LinkedHashSet<>(readAll(in));
    }

    public static void write(TopicPartition partition, Output out) {
        out.str(partition.topic());
        out.i32(partition.partition());
    }

    public static void writeAll(Collection<TopicPartition> partitions, Output out) {
        out.v(partitions.size());
        for (TopicPartition partition : partitions) {
            write(partition, out);
        }
    }
}
