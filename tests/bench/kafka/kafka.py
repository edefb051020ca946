"""A real Kafka broker and Kafka Connect worker from Maven Central, on 127.0.0.1 only, for side-by-side figures.

Every choice here favours Kafka where there is one: service_load discovery (the faster start), the broker already up
when the worker's clock starts, a short metadata age so that the sink sees a new topic at once.
"""

import os
import pathlib
import shutil
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[2] / "scripts" / "lib"))
from worker import JSON, LabError, Proc, Rest, free_port, target_dir, write_properties  # noqa: E402

BROKER_HEAP = ["-Xms256m", "-Xmx1G"]
WORKER_HEAP = ["-Xms256M", "-Xmx2G"]     # what Kafka's own connect scripts use
BROKER_LIMIT_S = 90

LOGGING = """Configuration:
  Appenders:
    Console:
      name: STDOUT
      PatternLayout:
        pattern: "[%d] %p %m (%c)%n"
  Loggers:
    Root:
      level: INFO
      AppenderRef:
        - ref: STDOUT
"""


def fetch():
    """Downloads the jars once. Returns their directory."""
    base = target_dir() / "bench-kafka"
    libs, plugins = base / "libs", base / "plugins" / "file"
    if not (base / "complete").exists():
        shutil.rmtree(base, ignore_errors=True)
        base.mkdir(parents=True)
        print("fetching Kafka from Maven Central ...", flush=True)
        done = subprocess.run(
            ["mvn", "-q", "-B", "-f", str(HERE / "pom.xml"), "dependency:copy-dependencies", f"-DoutputDirectory={libs}"],
            check=False)
        if done.returncode != 0:
            raise LabError("maven could not fetch Kafka; see its output above")
        plugins.mkdir(parents=True)
        for jar in libs.glob("connect-file-*.jar"):
            jar.rename(plugins / jar.name)
        (base / "complete").touch()
    return base


def version():
    """The Kafka version that fetch() brings."""
    jars = list((fetch() / "libs").glob("connect-runtime-*.jar"))
    return jars[0].stem.removeprefix("connect-runtime-")


def java(home, heap, main, *args):
    """The command line of one JVM with Kafka on its class path."""
    base = fetch()
    config = pathlib.Path(home) / "log4j2.yaml"
    config.write_text(LOGGING)
    jars = os.pathsep.join(sorted(str(j) for j in (base / "libs").glob("*.jar")))
    return ["java", *heap, "-XX:+UseG1GC", f"-Dlog4j2.configurationFile={config}", "-cp", jars, main, *args]


class Broker(Proc):
    """One KRaft node, formatted afresh in `home`."""

    def __init__(self, home):
        home = pathlib.Path(home)
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        self.port, controller = free_port(), free_port()
        self.address = f"127.0.0.1:{self.port}"
        config = write_properties(home / "server.properties", {
            "process.roles": "broker,controller",
            "node.id": 1,
            "controller.quorum.voters": f"1@127.0.0.1:{controller}",
            "listeners": f"PLAINTEXT://{self.address},CONTROLLER://127.0.0.1:{controller}",
            "advertised.listeners": f"PLAINTEXT://{self.address}",
            "controller.listener.names": "CONTROLLER",
            "inter.broker.listener.name": "PLAINTEXT",
            "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
            "log.dirs": home / "data",
            "num.partitions": 1,
            "offsets.topic.replication.factor": 1,
            "offsets.topic.num.partitions": 1,
            "transaction.state.log.replication.factor": 1,
            "transaction.state.log.min.isr": 1,
            "share.coordinator.state.topic.replication.factor": 1,
            "share.coordinator.state.topic.min.isr": 1,
            "group.initial.rebalance.delay.ms": 0,
        })
        tool = java(home, ["-Xmx128m"], "kafka.tools.StorageTool")
        cluster = subprocess.run([*tool, "random-uuid"], capture_output=True, text=True, check=True).stdout.split()[-1]
        subprocess.run([*tool, "format", "-t", cluster, "-c", config], capture_output=True, check=True)
        super().__init__(java(home, BROKER_HEAP, "kafka.Kafka", config), home / "broker.log")
        self.wait_started()

    def wait_started(self):
        """Waits for the line that the broker writes once it takes requests."""
        while time.monotonic() - self.started < BROKER_LIMIT_S:
            if not self.alive():
                break
            if "Kafka Server started" in self.tail(40):
                return
            time.sleep(0.1)
        raise LabError(f"the Kafka broker did not start:\n{self.tail()}")


class Connect(Proc):
    """A Connect worker; `mode` is "standalone" (connector files may be given) or "distributed"."""

    def __init__(self, home, broker, mode="standalone", connectors=(), props=None):
        home = pathlib.Path(home)
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        self.port = free_port()
        values = {
            "bootstrap.servers": broker.address,
            "listeners": f"http://127.0.0.1:{self.port}",
            "key.converter": JSON,
            "value.converter": JSON,
            "offset.flush.interval.ms": 1000,
            "plugin.path": fetch() / "plugins",
            "plugin.discovery": "service_load",
            **(props or {}),
        }
        if mode == "standalone":
            main = "org.apache.kafka.connect.cli.ConnectStandalone"
            values["offset.storage.file.filename"] = home / "offsets"
        else:
            main = "org.apache.kafka.connect.cli.ConnectDistributed"
            values["group.id"] = f"bench-{home.name}"
            for topic in ("offset", "config", "status"):
                values[f"{topic}.storage.topic"] = f"connect-{topic}-{home.name}"
                values[f"{topic}.storage.replication.factor"] = 1
            values["offset.storage.partitions"] = values["status.storage.partitions"] = 1
        config = write_properties(home / "worker.properties", values)
        super().__init__(java(home, WORKER_HEAP, main, config, *[str(c) for c in connectors]), home / "connect.log")
        self.rest = Rest(f"http://127.0.0.1:{self.port}")

    def wait_ready(self, rest=None, limit_s=120, step_s=0.02):
        """As for any worker, asked less often: a busy poll would slow the JVM's start."""
        return super().wait_ready(rest or self.rest, limit_s, step_s)
