#!/usr/bin/env python3
"""Topics of one RocketMQ cluster copied to another and to an embedded log, while records are produced and the workers are
killed at random: at the end each queue is copied record by record, a group goes on in the copy where it was, and nothing
goes round between two clusters that copy each other.

    tests/native/replicator.py --kills 6 --seed 1
"""

import argparse
import concurrent.futures
import json
import pathlib
import random
import shutil
import struct
import sys
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT / "scripts" / "lib"), str(HERE.parent / "rocketmq")]
from cluster import Cluster, call  # noqa: E402
from worker import Gantry, LabError, Proc, Rest, free_port, gantry_binary, rocketmq_worker, target_dir, wait_for, write_properties  # noqa: E402

SEND, PULL, QUERY_OFFSET, UPDATE_OFFSET, CREATE_TOPIC, MIN_OFFSET, MAX_OFFSET, ALL_TOPICS = 10, 11, 14, 15, 17, 31, 30, 21
CREATE_GROUP = 200
MIRROR = "org.apache.kafka.connect.mirror.Mirror"
IDENTITY = "org.apache.kafka.connect.mirror.IdentityReplicationPolicy"
QUEUES = 4
GROUP = "shop"
LIMIT_S = 60
# Files of the commit log are small, so that the first ones can go before anything is copied.
FILES = {"mappedFileSizeCommitLog": 1 << 20, "mappedFileSizeConsumeQueue": 6000}


BEGUN = time.monotonic()


def say(text):
    print(f"{time.monotonic() - BEGUN:5.1f} s  {text}", flush=True)


def wait(what, check):
    return wait_for(what, check, LIMIT_S, 0.2)


class Broker:
    """What clients of the first broker of a cluster do."""

    def __init__(self, cluster):
        self.cluster = cluster
        self.ask(CREATE_GROUP, body=json.dumps({"groupName": GROUP, "consumeEnable": True, "consumeFromMinEnable": True, "retryQueueNums": 1}).encode())

    def ask(self, code, fields=None, body=b"", allowed=(0,)):
        told, answer = call(self.cluster.broker_port, code, {k: str(v) for k, v in (fields or {}).items()}, body=body, timeout=10)
        if told not in allowed:
            raise LabError(f"request {code} {fields}: code {told} {answer[:300]!r}")
        return told, answer

    def create(self, topic, queues):
        self.ask(CREATE_TOPIC, {"topic": topic, "defaultTopic": "TBW102", "readQueueNums": queues, "writeQueueNums": queues, "perm": 6,
                                "topicFilterType": "SINGLE_TAG", "topicSysFlag": 0, "order": "false"})

    def topics(self):
        return set(json.loads(self.ask(ALL_TOPICS)[1])["topicConfigTable"])

    def send(self, topic, queue, body, properties):
        text = "".join(f"{name}\u0001{value}\u0002" for name, value in properties.items())
        self.ask(SEND, {"producerGroup": "foreign", "topic": topic, "defaultTopic": "TBW102", "defaultTopicQueueNums": 1, "queueId": queue, "sysFlag": 0,
                        "bornTimestamp": int(time.time() * 1000), "flag": 0, "properties": text, "reconsumeTimes": 0, "unitMode": "false", "batch": "false"}, body)

    def pull(self, topic, queue, start):
        """All messages from an offset on: (offset, born time, body, properties)."""
        found, at = [], start
        while True:
            told, answer = self.ask(PULL, {"consumerGroup": GROUP, "topic": topic, "queueId": queue, "queueOffset": at, "maxMsgNums": 32, "sysFlag": 4,
                                           "commitOffset": 0, "suspendTimeoutMillis": 0, "subscription": "*", "subVersion": 0, "expressionType": "TAG"}, allowed=(0, 19, 20, 21))
            if told != 0:
                return found
            while answer:
                size = struct.unpack_from(">i", answer)[0]
                message, answer = answer[:size], answer[size:]
                offset, born = struct.unpack_from(">q", message, 20)[0], struct.unpack_from(">q", message, 40)[0]
                (length,) = struct.unpack_from(">i", message, 84)
                body, rest = message[88:88 + length], message[88 + length:]
                text = rest[1 + rest[0] + 2:].decode()
                properties = dict(pair.split("\u0001", 1) for pair in text.split("\u0002") if pair)
                found.append((offset, born, body, properties))
                at = offset + 1

    def bounds(self, topic, queue):
        return [self.offset(code, {"topic": topic, "queueId": queue}) for code in (MIN_OFFSET, MAX_OFFSET)]

    def offset(self, code, fields):
        header = _header(self.cluster.broker_port, code, fields)
        return int(header["offset"]) if header and "offset" in header else None

    def commit(self, topic, queue, offset):
        self.ask(UPDATE_OFFSET, {"consumerGroup": GROUP, "topic": topic, "queueId": queue, "commitOffset": offset})

    def committed(self, topic, queue):
        return self.offset(QUERY_OFFSET, {"consumerGroup": GROUP, "topic": topic, "queueId": queue, "setZeroIfNotFound": "false"})


def _header(port, code, fields):
    """The fields of an answer, None unless it is a success."""
    import socket
    header = json.dumps({"code": code, "language": "JAVA", "version": 475, "opaque": 1, "flag": 0, "extFields": {k: str(v) for k, v in fields.items()}}).encode()
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        connection.sendall(struct.pack(">ii", len(header) + 4, len(header)) + header)
        stream = connection.makefile("rb")
        answer = stream.read(struct.unpack(">i", stream.read(4))[0])
    told = json.loads(answer[4:4 + (struct.unpack(">i", answer[:4])[0] & 0xFFFFFF)])
    return told.get("extFields") if told["code"] == 0 else None


class Producer(threading.Thread):
    """Another client, which does not know of copies."""

    def __init__(self, broker, seed):
        super().__init__(daemon=True)
        self.broker, self.chance, self.ended, self.made, self.error = broker, random.Random(seed), threading.Event(), 0, None

    def make(self, count, size):
        for _ in range(count):
            number, chance = self.made, self.chance
            body = number.to_bytes(4, "big") + chance.randbytes(chance.randrange(1, size))
            properties = {"UNIQ_KEY": f"{number:032x}"}
            if chance.random() < 0.7:
                properties["KEYS"] = f"k{number} other"
            if chance.random() < 0.5:
                properties["TAGS"] = chance.choice(("red", "green"))
            properties.update({f"p{at}": f"v\u00e4{number}" for at in range(chance.randrange(3))})
            self.broker.send("orders", number % QUEUES, body, properties)
            self.made += 1

    def run(self):
        try:
            while not self.ended.is_set():
                self.make(20, 200)
                time.sleep(0.02)
        except Exception as error:  # noqa: BLE001: told at the end
            self.error = error

    def end(self):
        self.ended.set()
        self.join()
        if self.error:
            raise self.error


class OnRocketmq(Proc):
    """A worker of a cluster of workers: it is the only one, and comes back."""

    def __init__(self, home, name, cluster):
        self.port = free_port()
        more = {"exactly.once.source.support": "enabled", "offset.flush.interval.ms": 300, "gantry.data.dir": home / "copies"}
        props = rocketmq_worker(name, cluster.name_server, self.port, 2000, 400, more)
        super().__init__([gantry_binary(), "distributed", write_properties(home / f"{name}.properties", props)], home / f"{name}.log")
        self.rest = Rest(f"http://127.0.0.1:{self.port}")
        try:
            wait(f"{name} is not ready", lambda: self.rest.is_ready() or not self.alive())
        except LabError as error:
            self.kill()
            raise LabError(f"{error}: {self.tail()}") from None


def mirror(kind, source, target, cluster, **more):
    config = {"connector.class": f"{MIRROR}{kind}Connector", "source.cluster.alias": source, "target.cluster.alias": target}
    if cluster:
        config["source.cluster.gantry.rocketmq.namesrv.addr"] = cluster.name_server
    return {**config, **{key.replace("_", "."): value for key, value in more.items()}}


def begin(cluster, seed):
    """A cluster with a topic whose head is gone, as when retention has taken it."""
    cluster.start()
    broker = Broker(cluster)
    broker.create("orders", QUEUES)
    producer = Producer(broker, seed)
    producer.make(900, 4_000)
    cluster.kill("broker")
    sorted((cluster.directory / "store" / "commitlog").iterdir())[0].unlink()
    cluster.start_broker()
    wait("the broker does not notice that its first file is gone", lambda: all(broker.bounds("orders", queue)[0] for queue in range(QUEUES)))
    return broker, producer, [broker.bounds("orders", queue)[0] for queue in range(QUEUES)]


def originals(broker, first):
    """What was produced, by queue: offset, time, key, body and headers as Connect has them."""
    def one(message):
        offset, born, body, properties = message
        own = {name: value for name, value in properties.items() if name in ("TAGS",) or name[0] == "p"}
        headers = [[name, value.encode().hex()] for name, value in sorted(own.items())]
        return offset, born, properties["KEYS"].encode().hex() if "KEYS" in properties else None, body.hex(), headers
    return [[one(message) for message in broker.pull("orders", queue, first[queue])] for queue in range(QUEUES)]


def copies(rest, topic):
    """The records of a topic of a worker, by queue, in the same form."""
    status, _, data = rest.send("GET", f"/gantry/topics/{topic}/records?from=earliest")
    if status != 200:
        return None
    found = [[] for _ in range(QUEUES)]
    for line in data.decode().splitlines()[1:]:
        record = json.loads(line)
        found[record["partition"]].append((record["offset"], record["timestamp"], record["key"], record["value"], record["headers"]))
    return found


def lengths(found):
    return [len(queue) for queue in found] if found else None


def compare(what, wanted, found, offsets):
    for queue in range(QUEUES):
        cut = (lambda record: record) if offsets else (lambda record: record[1:])
        for one, other in zip(wanted[queue], found[queue]):
            if cut(one) != cut(other):
                raise LabError(f"{what}, queue {queue}: {one} was copied as {other}")
        if len(wanted[queue]) != len(found[queue]):
            raise LabError(f"{what}, queue {queue}: {len(wanted[queue])} records, {len(found[queue])} copies")


def check_group(a, b, wanted):
    """From where the group goes on in the copy, all that it has not had comes, and nothing that it has had."""
    copy = "a%2Eorders"
    offsets = [records[len(records) // 2][0] for records in wanted]
    for queue, offset in enumerate(offsets):
        a.commit("orders", queue, offset)

    def first_missing():
        for queue, offset in enumerate(offsets):
            at = b.committed(copy, queue)
            if at is None:
                return f"queue {queue}: nothing is committed"
            bodies = {message[2].hex() for message in b.pull(copy, queue, at)}
            behind = {record[3] for record in wanted[queue] if record[0] >= offset}
            before = {record[3] for record in wanted[queue] if record[0] < offset}
            if behind - bodies:
                raise LabError(f"the group misses {len(behind - bodies)} records of queue {queue}: {offset} became {at}")
            if bodies & before:
                return f"queue {queue}: {offset} became {at}, {len(bodies & before)} records come again"
        return None

    last = [None]

    def goes_on():
        last[0] = first_missing()
        return last[0] is None
    try:
        wait_for("the group does not follow", goes_on, 20, 0.5)
    except LabError as error:
        raise LabError(f"{error}: {last[0]}") from None


def check_shared(a, b, made):
    """Each record of either side is once on the other, and stays alone."""
    def bodies(broker):
        return sorted(message[2] for message in broker.pull("shared", 0, 0))
    wait("not all records of the shared topic came to a", lambda: set(bodies(a)) >= made)
    wait("not all records of the shared topic came to b", lambda: set(bodies(b)) >= made)
    before = len(bodies(b))
    time.sleep(1)
    if bodies(a) != sorted(made) or len(bodies(b)) != before:
        raise LabError(f"records go round: {len(made)} made, {len(bodies(a))} on a, {before} and then {len(bodies(b))} on b")


def run(work, kills, seed, begun, other):
    chance = random.Random(seed)
    (a, producer, first), b = begun, Broker(other)
    one = a.cluster
    for broker in (a, b):
        broker.create("shared", 1)
    say(f"queues begin at {first}")
    fast = {"refresh_topics_interval_seconds": 1, "tasks_max": 2}
    embedded_files = []
    for name, config in {
        "from-a": mirror("Source", "a", "c", one, topics="orders", **fast),
        # Of what exactly-once copies only those that count.
        "from-b": mirror("Source", "b", "c", other, topics="a\\.orders", **fast),
    }.items():
        path = work / f"{name}.json"
        path.write_text(json.dumps({"name": name, "config": config}))
        embedded_files.append(path)

    def start_b():
        return OnRocketmq(work, "on-b", other)

    def start_c():
        worker = Gantry(work / "on-c", embedded_files, {"offset.flush.interval.ms": "200"})
        worker.wait_ready()
        return worker

    on_a = OnRocketmq(work, "on-a", one)
    workers = {"b": start_b(), "c": start_c()}
    try:
        shared = {"topics": "shared", "replication_policy_class": IDENTITY, "heartbeats_replication_enabled": "false"}
        for name, config in {
            "copy": mirror("Source", "a", "b", one, topics="orders", **fast),
            "groups": mirror("Checkpoint", "a", "b", one, topics="orders", groups=GROUP, emit_checkpoints_interval_seconds=1, sync_group_offsets_enabled="true",
                             sync_group_offsets_interval_seconds=1, refresh_groups_interval_seconds=1),
            "beat": mirror("Heartbeat", "a", "b", None),
            "shared": mirror("Source", "a", "b", one, **shared),
        }.items():
            workers["b"].rest.create(name, config)
        on_a.rest.create("back", mirror("Source", "b", "a", other, topics="orders,.*\\.orders,heartbeats", **fast))
        on_a.rest.create("shared", mirror("Source", "b", "a", other, **shared))
        producer.start()
        made = set()
        for number in range(kills):
            until = time.monotonic() + chance.uniform(1.0, 2.5)
            while time.monotonic() < until:
                for broker, side in ((a, b"a"), (b, b"b")):
                    body = side + str(len(made)).encode()
                    broker.send("shared", 0, body, {})
                    made.add(body)
                time.sleep(0.05)
            victim = "bc"[number % 2]
            workers[victim].kill()
            workers[victim] = {"b": start_b, "c": start_c}[victim]()
        producer.end()
        say(f"{kills} workers were killed")
        wanted = originals(a, first)
        count = sum(lengths(wanted))
        for what, topic, offsets in (("a to the embedded log", "a.orders", True), ("a to b to the embedded log", "b.a.orders", False)):
            try:
                wait("not all came", lambda: lengths(copies(workers["c"].rest, topic)) == lengths(wanted))
            except LabError as error:
                raise LabError(f"{what}: {error}: {lengths(wanted)} records, {lengths(copies(workers['c'].rest, topic))} copies; see {work}") from None
            compare(what, wanted, copies(workers["c"].rest, topic), offsets)
        say(f"{count} records of {producer.made} made are copied, byte by byte")
        check_group(a, b, wanted)
        say("the group goes on where it was")
        check_shared(a, b, made)
        round_trips = [name for broker in (a, b) for name in broker.topics() if "b%2Ea%2E" in name or "a%2Eb%2E" in name]
        wait("no heartbeat came to b", lambda: b.bounds("heartbeats", 0)[1])
        wait("no heartbeat came to a", lambda: "b%2Eheartbeats" in a.topics() and a.bounds("b%2Eheartbeats", 0)[1])
        if round_trips:
            raise LabError(f"topics went round: {round_trips}")
        say(f"nothing goes round; {len(made)} records of a topic that both sides write")
        lag = [line for line in workers["c"].rest.text("/metrics").splitlines() if line.startswith("gantry_task_lag_records{")]
        if not lag or any(not line.endswith(" 0") for line in lag):
            raise LabError(f"all is copied, and the metrics say {lag}")
        say("no lag")
        # Queues that are added are copied, too.
        a.create("orders", QUEUES + 2)
        a.send("orders", QUEUES + 1, b"new", {})
        wait("an added queue is not copied", lambda: "a%2Eorders" in b.topics() and b.bounds("a%2Eorders", QUEUES + 1)[1] == 1)
    finally:
        for worker in (on_a, *workers.values()):
            worker.kill()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    work = target_dir() / "native" / "replicator"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    heap = "-Xms128m -Xmx512m"
    one, other = Cluster(work / "a", FILES, heap), Cluster(work / "b", None, heap)
    try:
        with concurrent.futures.ThreadPoolExecutor() as pool:
            starting = pool.submit(begin, one, arguments.seed)
            other.start()
            begun = starting.result()
        say("two clusters")
        run(work, arguments.kills, arguments.seed, begun, other)
    finally:
        for cluster in (one, other):
            cluster.stop(9)
    say(f"equal after {arguments.kills} kills")


if __name__ == "__main__":
    main()
