package gantry.bridge.clients;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ConsumerGroupDescription;
import org.apache.kafka.clients.admin.DescribeConsumerGroupsResult;
import org.apache.kafka.clients.admin.MemberAssignment;
import org.apache.kafka.clients.admin.MemberDescription;
import org.apache.kafka.common.GroupState;
import org.apache.kafka.common.GroupType;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.GroupIdNotFoundException;
import org.apache.kafka.common.internals.KafkaFutureImpl;

/** A Kafka admin client of a connector: it sees the connector's own tasks as a consumer group. */
final class LogAdmin {
    private final LogCalls log;

    private LogAdmin(LogCalls log) {
        this.log = log;
    }

    static Admin create(LogCalls log) {
        return Partial.of(Admin.class, new LogAdmin(log));
    }

    DescribeConsumerGroupsResult describeConsumerGroups(Collection<String> groups) {
        LogCalls.Members members = log.members();
        Map<String, KafkaFuture<ConsumerGroupDescription>> described = new HashMap<>();
        for (String group : groups) {
            KafkaFutureImpl<ConsumerGroupDescription> future = new KafkaFutureImpl<>();
            if (group.equals(members.group())) {
                future.complete(describe(members));
            } else {
                future.completeExceptionally(new GroupIdNotFoundException("Group " + group + " not found: a connector"
                        + " sees the group of its own tasks only, which is " + members.group()));
            }
            described.put(group, future);
        }
        return new DescribeConsumerGroupsResult(described);
    }

    private static ConsumerGroupDescription describe(LogCalls.Members members) {
        List<MemberDescription> descriptions = new ArrayList<>();
        for (List<TopicPartition> partitions : members.partitions()) {
            String id = members.group() + "-" + descriptions.size();
            descriptions.add(new MemberDescription(id, id, "", new MemberAssignment(new HashSet<>(partitions))));
        }
        return new ConsumerGroupDescription(members.group(), false, descriptions, "range", GroupType.CLASSIC,
                GroupState.STABLE, Node.noNode(), Set.of(), Optional.empty(), Optional.empty());
    }

    void close() {
    }

    void close(Duration timeout) {
    }

    @Override
    public String toString() {
        return "LogAdmin";
    }
}
