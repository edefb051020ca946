"""Records per second from a file through a topic into a file: Gantry on RocketMQ and, beside it in the same run, what a bare
loop over RocketMQ's Rust client sends and pulls at the same broker, RocketMQ Connect's own runtime, and Kafka Connect on
Kafka.
"""

import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from kafka import kafka  # noqa: E402
from worker import FILE_SINK, FILE_SOURCE, STRING, LabError, Proc, Rest, free_port, target_dir, wait_for  # noqa: E402

LIMIT_S, THEIR_LIMIT_S = 600, 60
QUEUES = 4
# A batch of Gantry's, and what a message has beside its body.
BATCH_BYTES, MESSAGE_BYTES = 1 << 20, 100
# RocketMQ Connect's own file connectors.
THEIR_SOURCE = "org.apache.rocketmq.connect.file.FileSourceConnector"
THEIR_SINK = "org.apache.rocketmq.connect.file.FileSinkConnector"
THEIR_MODULES = "rocketmq-connect-runtime,rocketmq-connect-sample"


def lines(home, size, count):
    """A file of so many lines of so many bytes."""
    path = home / f"in-{size}-{count}.txt"
    if not path.exists():
        with open(path, "w", encoding="ascii") as f:
            f.writelines(f"{n:010d}".ljust(size - 1, "x") + "\n" for n in range(count))
    return path


def arrived(sink, source, begun):
    """Waits until the sink's file is as long as the source's; gives the records per second since `begun`."""
    total = source.stat().st_size
    wait_for(f"not all lines came to {sink}", lambda: sink.exists() and sink.stat().st_size >= total, LIMIT_S, 0.02)
    seconds = time.monotonic() - begun
    got, wanted = (path.read_bytes().count(b"\n") for path in (sink, source))
    if got < wanted:
        raise LabError(f"{sink} has {got} of {wanted} lines")
    return round(wanted / seconds)


def gantry(workers, home, source, name):
    """Through a running Gantry worker."""
    sink = home / f"{name}.txt"
    rest = workers.rest(0)
    begun = time.monotonic()
    rest.create(f"{name}-sink", {"connector.class": FILE_SINK, "file": str(sink), "topics": name, "tasks.max": 1})
    rest.create(f"{name}-source", {
        "connector.class": FILE_SOURCE, "file": str(source), "topic": name, "tasks.max": 1,
        "topic.creation.default.partitions": QUEUES, "topic.creation.default.replication.factor": 1})
    rate = arrived(sink, source, begun)
    for kind in ("sink", "source"):
        rest.call("DELETE", f"/connectors/{name}-{kind}")
    sink.unlink()
    return rate


def bare_binary():
    """Builds the bare loop."""
    target = target_dir() / "bench-bare"
    manifest = HERE / "bare" / "Cargo.toml"
    subprocess.run(["cargo", "build", "--quiet", "--locked", "--release", "--manifest-path", manifest],
                   check=True, env={**os.environ, "CARGO_TARGET_DIR": str(target)})
    return target / "release" / "bare-loop"


def bare(binary, cluster, size, count):
    """The least that a program on RocketMQ's client for Rust can do."""
    batch = BATCH_BYTES // (size + MESSAGE_BYTES)
    done = subprocess.run(
        [binary, cluster.name_server, f"127.0.0.1:{cluster.broker_port}", "broker-a", str(size), str(count), str(batch)],
        capture_output=True, text=True, timeout=LIMIT_S, check=False)
    if done.returncode != 0:
        raise LabError(f"the bare loop failed: {done.stderr[-2000:]}")
    return int(done.stdout.split()[-1])


class RocketMqConnect(Proc):
    """RocketMQ Connect's own runtime, alone, built from a checkout of its source."""

    def __init__(self, checkout, home, name_server):
        built = target_dir() / "bench-rocketmq-connect"
        if not (built / "complete").exists():
            self.build(pathlib.Path(checkout), built)
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        self.port = free_port()
        config = home / "connect.conf"
        config.write_text(
            f"workerId=bench\nstorePathRootDir={home}/store\nhttpPort={self.port}\nnamesrvAddr={name_server}\n"
            f"autoCreateGroupEnable=true\nclusterName=DefaultCluster\npluginPaths={built}/plugins\n", encoding="utf-8")
        main = "org.apache.rocketmq.connect.runtime.StandaloneConnectStartup"
        # The heap of their script.
        command = ["env", f"CONNECT_HOME={built}", "java", "-server", "-Xms2g", "-Xmx2g", f"-Duser.home={home}", "-cp", f"{built}/libs/*", main, "-c", str(config)]
        super().__init__(command, home / "connect.log")
        self.rest = Rest(f"http://127.0.0.1:{self.port}")
        wait_for(f"RocketMQ Connect does not answer, see {home}/connect.log", self.answers, 120, 0.1)

    @staticmethod
    def build(checkout, built):
        print("building RocketMQ Connect ...", flush=True)
        maven = ["mvn", "-q", "-B", "-DskipTests", "-Dcheckstyle.skip", "-Drat.skip", "-pl", THEIR_MODULES, "-am"]
        subprocess.run([*maven, "install"], cwd=checkout, check=True)
        runtime = checkout / "rocketmq-connect-runtime"
        subprocess.run(["mvn", "-q", "-B", "dependency:copy-dependencies", f"-DoutputDirectory={built}/libs", "-DincludeScope=runtime"],
                       cwd=runtime, check=True)
        (built / "plugins").mkdir(parents=True, exist_ok=True)
        shutil.copytree(checkout / "distribution" / "conf", built / "conf", dirs_exist_ok=True)
        for module, to in ((runtime, "libs"), (checkout / "rocketmq-connect-sample", "plugins")):
            for jar in (module / "target").glob("*-SNAPSHOT.jar"):
                shutil.copy(jar, built / to)
        (built / "complete").touch()

    def answers(self):
        if not self.alive():
            raise LabError(f"RocketMQ Connect ended:\n{self.tail()}")
        try:
            return self.rest.call("GET", "/connectors/list")[0] == 200
        except (OSError, ValueError):
            return False

    def flow(self, home, source, name):
        """One run; their sink begins at the end of its topic unless told otherwise. What came within a minute counts: when
        more was behind it, it stood still for longer than that."""
        sink = home / f"{name}.txt"
        converter = "org.apache.rocketmq.connect.runtime.converter.record.StringConverter"
        common = {"key.converter": converter, "value.converter": converter, "max.tasks": "1"}
        begun = time.monotonic()
        self.rest.call("POST", f"/connectors/{name}-sink", {
            "connector.class": THEIR_SINK, "filename": str(sink), "connect.topicnames": name,
            "consume.from.where": "CONSUME_FROM_FIRST_OFFSET", **common})
        self.rest.call("POST", f"/connectors/{name}-source", {
            "connector.class": THEIR_SOURCE, "filename": str(source), "connect.topicname": name, **common})
        total = source.stat().st_size
        while time.monotonic() - begun < THEIR_LIMIT_S and not (sink.exists() and sink.stat().st_size >= total):
            time.sleep(0.05)
        seconds = time.monotonic() - begun
        got = sink.read_bytes().count(b"\n") if sink.exists() else 0
        for kind in ("sink", "source"):
            self.rest.call("GET", f"/connectors/{name}-{kind}/stop")
        return max(round(got / seconds), 1)


def kafka_connect(worker, home, source, name):
    """Kafka Connect on Kafka."""
    sink = home / f"{name}.txt"
    begun = time.monotonic()
    common = {"tasks.max": 1, "key.converter": STRING, "value.converter": STRING}
    worker.rest.create(f"{name}-sink", {"connector.class": FILE_SINK, "file": str(sink), "topics": name, **common})
    worker.rest.create(f"{name}-source", {"connector.class": FILE_SOURCE, "file": str(source), "topic": name, **common})
    rate = arrived(sink, source, begun)
    sink.unlink()
    return rate


def median(values):
    return round(statistics.median(values))
