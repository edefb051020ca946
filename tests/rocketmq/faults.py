#!/usr/bin/env python3
"""What workers do when RocketMQ is not as they need it: each fault has its message, and none ends a worker.

- the name server cannot be reached when a worker starts: REST is up and says so; once it is there the worker joins;
- a topic of the cluster's own has several queues: the worker says which key names it, and does not join;
- records of somebody else in the cluster, offset and status topics are passed over;
- a worker whose version is more than one away from that of its cluster takes no part;
- two clusters with one group.id are told of each other; one cluster has one group.id;
- a user who may not create the worker's topics is told which, and by which key it is named.
"""

import pathlib
import shutil
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "scripts" / "lib"))
sys.path.insert(0, str(HERE))
from cluster import LIMITED, Cluster, call  # noqa: E402
from worker import FILE_SINK, FILE_SOURCE, LabError, Proc, Rest, free_port, gantry_binary, rocketmq_worker, target_dir, wait_for, write_properties  # noqa: E402

LIMIT_S = 60
CREATE_TOPIC = 17
SEND_MESSAGE = 10


def wait(what, check):
    return wait_for(what, check, LIMIT_S)


class Worker:
    def __init__(self, home, name, name_server, **more):
        port = free_port()
        props = rocketmq_worker(name, name_server, port, 3000, 500, {"offset.flush.interval.ms": 200, **more})
        self.log = home / f"{name}.log"
        self.rest = Rest(f"http://127.0.0.1:{port}")
        self.process = Proc([gantry_binary(), "distributed", write_properties(home / f"{name}.properties", props)], self.log)

    def health(self):
        try:
            return self.rest.call("GET", "/health")
        except OSError:
            return 0, None

    def wait_ready(self):
        wait(f"the worker is not ready: {self.process.tail()}", self.rest.is_ready)

    def wait_waiting(self, text):
        def says():
            status, body = self.health()
            return status == 503 and text in body["message"]
        wait(f"the worker does not say {text!r}: {self.health()}", says)

    def says(self, text):
        return text in self.log.read_text(errors="replace")

    def stop(self):
        if self.process.alive():
            self.process.child.kill()
        self.process.child.wait()


def create_topic(cluster, topic, queues):
    fields = {"topic": topic, "defaultTopic": "TBW102", "readQueueNums": queues, "writeQueueNums": queues, "perm": 6, "topicFilterType": "SINGLE_TAG", "topicSysFlag": 0, "order": "false"}
    code, _ = call(cluster.broker_port, CREATE_TOPIC, {name: str(value) for name, value in fields.items()})
    if code != 0:
        raise LabError(f"topic {topic} cannot be created: code {code}")


def send(cluster, topic, body):
    fields = {"producerGroup": "foreign", "topic": topic, "defaultTopic": "TBW102", "defaultTopicQueueNums": 1, "queueId": 0, "sysFlag": 0,
              "bornTimestamp": int(time.time() * 1000), "flag": 0, "properties": "KEYS\u0001foreign\u0002", "reconsumeTimes": 0, "unitMode": "false", "batch": "false"}
    code, _ = call(cluster.broker_port, SEND_MESSAGE, {name: str(value) for name, value in fields.items()}, body=body)
    if code != 0:
        raise LabError(f"a message to {topic} is refused: code {code}")


def flow(worker, home, name, lines):
    """Moves lines from file to file."""
    source, sink = home / f"{name}-in.txt", home / f"{name}-out.txt"
    with open(source, "a", encoding="ascii") as f:
        f.write("".join(f"{name} {n}\n" for n in range(lines)))
    if worker.rest.status(f"{name}-source") is None:
        worker.rest.create(f"{name}-source", {"connector.class": FILE_SOURCE, "tasks.max": "1", "file": str(source), "topic": name})
        worker.rest.create(f"{name}-sink", {"connector.class": FILE_SINK, "tasks.max": "1", "file": str(sink), "topics": name})
    total = source.read_bytes().count(b"\n")
    wait(f"{name}: not all lines came", lambda: sink.exists() and sink.read_bytes().count(b"\n") >= total)
    if sink.read_bytes() != source.read_bytes():
        raise LabError(f"{name}: the sink holds other lines than the source")


def late_cluster(home):
    cluster = Cluster(home / "late")
    worker = Worker(home, "late", cluster.name_server)
    try:
        worker.wait_waiting("no name server answers")
        status, body = worker.rest.call("GET", "/connectors")
        if status != 503 or "still starting up" not in body["message"]:
            raise LabError(f"REST answers {status} {body} while the cluster cannot be reached")
        cluster.start()
        worker.wait_ready()
        flow(worker, home, "late", 100)
    finally:
        worker.stop()
        cluster.stop()


def several_queues(home, cluster):
    create_topic(cluster, "wide-cluster", 4)
    worker = Worker(home, "wide", cluster.name_server)
    try:
        worker.wait_waiting("config.storage.topic names, has 4 queues")
    finally:
        worker.stop()


def foreign_records(home, cluster):
    worker = Worker(home, "foreign", cluster.name_server)
    try:
        worker.wait_ready()
        for topic in ("foreign-cluster", "foreign-offsets", "foreign-status"):
            for body in (b"not ours", b"{}", b'{"v":99}', b"\xff\x00"):
                send(cluster, topic, body)
        flow(worker, home, "foreign", 200)
        wait("passed over records are not told", lambda: worker.says("a record of the cluster topic is passed over") and worker.says("a record is not ours; passed over"))
        # Gracefully: a worker that is killed leaves lines that no offset covers yet, which come again.
        worker.process.child.terminate()
        worker.process.child.wait(30)
        # They are passed over when all is read from the start, too.
        worker = Worker(home, "foreign", cluster.name_server)
        worker.wait_ready()
        flow(worker, home, "foreign", 200)
    finally:
        worker.stop()


def other_formats(home, cluster):
    """A rolling upgrade goes one version at a time."""
    create_topic(cluster, "far-cluster", 1)
    send(cluster, "far-cluster", b'{"v":3,"by":7,"seq":1,"heartbeat":{"offset":0,"hash":0}}')
    far = Worker(home, "far", cluster.name_server)
    try:
        far.wait_waiting("upgrade one version at a time")
    finally:
        far.stop()
    create_topic(cluster, "near-cluster", 1)
    send(cluster, "near-cluster", b'{"v":2,"by":7,"seq":1,"join":{"name":"other:1","url":"http://other:1","group":"near","session_ms":3000,"heartbeat_ms":500}}')
    near = Worker(home, "near", cluster.name_server)
    try:
        near.wait_ready()
        flow(near, home, "near", 100)
    finally:
        near.stop()


def mistaken_groups(home, cluster):
    """One group.id for two clusters is told; two for one cluster is refused."""
    first = Worker(home, "one", cluster.name_server)
    second = Worker(home, "two", cluster.name_server, **{"group.id": "one"})
    third = None
    try:
        for worker in (first, second):
            worker.wait_ready()
        wait("nobody says that two clusters have one group.id", lambda: first.says("group.id=one is that of another cluster too") and second.says("with one-cluster"))
        flow(first, home, "one", 100)
        topics = {f"{topic}.storage.topic": f"one-{name}" for topic, name in (("config", "cluster"), ("offset", "offsets"), ("status", "status"))}
        third = Worker(home, "three", cluster.name_server, **topics)
        third.wait_waiting('one-cluster is shared by workers whose group.id is "one", and this one has "three"')
        flow(first, home, "one", 100)
    finally:
        for worker in filter(None, (first, second, third)):
            worker.stop()


def creation_forbidden(home):
    """A user who may not create the worker's topics is told which one, and goes on when somebody else has."""
    with Cluster(home / "secure", secure=True) as cluster:
        name, secret = LIMITED
        props = {
            "gantry.rocketmq.access.key": name, "gantry.rocketmq.secret.key": secret,
            "gantry.rocketmq.tls.enable": "true", "gantry.rocketmq.tls.ca.file": str(cluster.directory / "tls" / "ca.pem"),
        }
        worker = Worker(home, "limited", cluster.name_server, **props)
        try:
            worker.wait_waiting("Topic limited-cluster, which config.storage.topic names, cannot be created")
            worker.wait_waiting("check gantry.rocketmq.access.key")
        finally:
            worker.stop()


def main():
    home = target_dir() / "rocketmq" / "faults"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    try:
        late_cluster(home)
        print("ok: a cluster that comes later", flush=True)
        with Cluster(home / "there") as cluster:
            several_queues(home, cluster)
            print("ok: a topic of several queues", flush=True)
            foreign_records(home, cluster)
            print("ok: records of somebody else", flush=True)
            other_formats(home, cluster)
            print("ok: workers of other versions", flush=True)
            mistaken_groups(home, cluster)
            print("ok: a group.id for two clusters, and two for one", flush=True)
        creation_forbidden(home)
        print("ok: a user who may not create topics", flush=True)
    except LabError as error:
        sys.exit(f"faults: {error}")


if __name__ == "__main__":
    main()
