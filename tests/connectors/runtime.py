"""Gantry and Kafka Connect behind one face, so that every test here runs against either.

    with start(args, directory, plugins) as runtime: runtime.rest("GET", "/connectors")

Connectors given to `create` come back after `restart`, as the files of a command line do in standalone mode.
"""

import contextlib
import dataclasses
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

import plugins as plugin_set
from servers import HERE, LabError, target_dir

sys.path.insert(0, str(HERE.parent / "bench" / "kafka"))
import kafka  # noqa: E402
from worker import JSON, Proc, Rest, free_port, gantry_binary, quote, wait_for, write_properties  # noqa: E402

HEAP = "-Xmx512m"
kafka.BROKER_HEAP = kafka.WORKER_HEAP = [HEAP]
READY_S = 400
DUMP_MAX = 1_000_000
# Both read new topics soon, and commit often enough for a short run.
COMMON = {
    "key.converter": JSON, "value.converter": JSON, "key.converter.schemas.enable": "true", "value.converter.schemas.enable": "true",
    "offset.flush.interval.ms": 1000, "consumer.metadata.max.age.ms": 1000, "consumer.auto.offset.reset": "earliest",
}


@dataclasses.dataclass(frozen=True)
class Record:
    """One record of a topic, in bytes."""

    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple

    def json(self):
        """The payload of a value that JsonConverter wrote."""
        value = json.loads(self.value)
        return value["payload"] if isinstance(value, dict) and set(value) == {"schema", "payload"} else value


def record(line):
    """A line of a dump."""
    about = json.loads(line)

    def text(name):
        return None if about[name] is None else bytes.fromhex(about[name])
    headers = tuple((name, None if value is None else bytes.fromhex(value)) for name, value in about.get("headers") or ())
    return Record(about["partition"], about["offset"], about["timestamp"], text("key"), text("value"), headers)


class Runtime:
    """A worker with its files in `directory`, which is made afresh."""

    name = ""

    def __init__(self, directory, plugins=(), props=None, mode="standalone"):
        self.directory = pathlib.Path(directory).resolve()
        shutil.rmtree(self.directory, ignore_errors=True)
        self.directory.mkdir(parents=True)
        self.mode = mode
        self.connectors, self.isolation = {}, None
        self.port = free_port()
        self.client = Rest(f"http://127.0.0.1:{self.port}")
        self.log = self.directory / f"{self.name}.log"
        path = plugin_set.plugin_path(self.directory / "plugins", plugins)
        self.props = {"listeners": f"http://127.0.0.1:{self.port}", "plugin.path": path, **COMMON, **(props or {})}
        self.process = None

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.process:
            self.process.kill()

    def start(self):
        """Starts the worker and waits until it answers."""
        files = []
        if self.mode == "standalone":
            files = [write_properties(self.directory / f"connector-{i}.properties", {"name": name, **config})
                     for i, (name, config) in enumerate(self.connectors.items())]
        self.process = Proc(self.command(files), self.log, env=self.environment(), cwd=self.directory)
        return self.process.wait_ready(self.client, READY_S, 0.05)

    def environment(self):
        """What the process gets beside ours."""
        return {"TZ": "UTC"}

    def kill(self):
        """SIGKILL."""
        self.process.kill()

    def stop(self, limit_s=60):
        """SIGTERM; returns the seconds that it took and the exit status."""
        began = time.monotonic()
        status = self.process.stop(limit_s)
        return time.monotonic() - began, status

    def restart(self):
        """Starts it again on what it left."""
        self.process.kill()
        self.start()

    def rest(self, method, path, body=None):
        """One request: status and parsed body."""
        return self.client.call(method, path, body)

    def create(self, name, config):
        """Makes a connector; those that a class name with a package asks for are Java's."""
        if self.isolation and "." in config["connector.class"]:
            config = {**config, "gantry.task.isolation": self.isolation}
        self.client.create(name, config)
        self.connectors[name] = config

    def delete(self, name, limit_s=60):
        """Deletes a connector and waits until it is gone."""
        self.client.delete(name, limit_s)
        self.connectors.pop(name, None)

    def wait_running(self, name, limit_s=90):
        """Until the connector and its tasks run."""
        self.client.wait_running(name, limit_s, 0.1)

    def wait_failed(self, name, limit_s=90):
        """Until the connector or a task of it is FAILED; its status."""
        def failed():
            status = self.client.status(name)
            return status and "FAILED" in states(status) and status
        return wait_for(f"{name} is not FAILED", failed, limit_s, 0.1)

    def report(self, name):
        """How a connector fares, in lines; of a trace the causes."""
        status = self.client.status(name)
        if not status:
            return [f"{name}: there is none"]
        lines = [f"{name}: {' '.join(states(status))}"]
        for part in (status["connector"], *status["tasks"]):
            lines += [line[:400] for line in part.get("trace", "").splitlines() if not line.startswith("\t")]
        return lines

    def healthy(self, name):
        """Raises when the connector or a task of it has failed."""
        status = self.client.status(name)
        if status and "FAILED" in states(status):
            raise LabError("\n".join(self.report(name)))

    def text(self):
        """What the worker logged so far."""
        return self.log.read_text("utf-8", "replace")


def states(status):
    """The states of a connector and of its tasks."""
    return [status["connector"]["state"], *(task["state"] for task in status["tasks"])]


class Gantry(Runtime):
    """Gantry with its embedded log."""

    name = "gantry"
    # Nothing listens there: a plugin that speaks to Kafka itself is served by Gantry or not at all.
    bootstrap = "127.0.0.1:9092"

    def __init__(self, directory, plugins=(), props=None, mode="standalone"):
        super().__init__(directory, plugins, props, mode)
        distributed = {"group.id": "gantry", "config.storage.topic": "connect-configs", "offset.storage.topic": "connect-offsets",
                       "status.storage.topic": "connect-status"}
        self.props = {"gantry.data.dir": self.directory / "data", "gantry.jvm.options": HEAP, "bootstrap.servers": self.bootstrap,
                      **(distributed if mode == "distributed" else {}), **self.props}

    def command(self, files):
        return [gantry_binary(), self.mode, write_properties(self.directory / "worker.properties", self.props), *files]

    def topic_records(self, topic):
        """All records of a topic."""
        return dumped([gantry_binary(), "topic", "dump", topic, "--max", str(DUMP_MAX), "--url", self.client.base])


class KafkaConnect(Runtime):
    """A broker and a Connect worker; `kill` and `restart` are of the worker alone."""

    name = "kafka"

    def __init__(self, directory, plugins=(), props=None, mode="standalone"):
        super().__init__(directory, plugins, props, mode)
        self.broker = kafka.Broker(self.directory / "broker")
        self.bootstrap = self.broker.address
        self.props = {"bootstrap.servers": self.bootstrap, "plugin.discovery": "service_load", **self.props}
        if mode == "standalone":
            self.props["offset.storage.file.filename"] = self.directory / "offsets"
        else:
            self.props["group.id"] = "gantry"
            for topic in ("offset", "config", "status"):
                self.props[f"{topic}.storage.topic"] = f"connect-{topic}"
                self.props[f"{topic}.storage.replication.factor"] = 1
            self.props["offset.storage.partitions"] = self.props["status.storage.partitions"] = 1

    def __exit__(self, *_):
        super().__exit__()
        self.broker.kill()

    def command(self, files):
        main = "ConnectStandalone" if self.mode == "standalone" else "ConnectDistributed"
        worker = write_properties(self.directory / "worker.properties", self.props)
        return kafka.java(self.directory, [HEAP], f"org.apache.kafka.connect.cli.{main}", worker, *files)

    def topic_records(self, topic):
        """All records of a topic."""
        libs = os.pathsep.join(str(j) for j in (kafka.fetch() / "libs").glob("*.jar"))
        return dumped(["java", HEAP, "-XX:TieredStopAtLevel=1", "-cp", libs, str(HERE / "TopicDump.java"), self.bootstrap, topic])


def dumped(command):
    """The records that a dump prints behind its first line; none for a topic that is not there."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    if done.returncode != 0:
        raise LabError(f"{command[0]}: {done.stderr[-1000:]}")
    return [record(line) for line in done.stdout.splitlines()[1:] if line.startswith("{")]


RUNTIMES = {"gantry": Gantry, "kafka": KafkaConnect}


def start(args, directory, plugins=(), props=None, mode="standalone"):
    """The runtime that the command line asks for; it starts with the `with` block."""
    props = {**(props or {}), **dict(pair.split("=", 1) for pair in args.set)}
    worker = RUNTIMES[args.runtime](directory, plugins, props, mode)
    worker.isolation = args.isolation if args.runtime == "gantry" else None
    return worker


def add_arguments(parser, work):
    """The options that every test takes. A test that is told to end ends what it started."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    parser.add_argument("--runtime", choices=RUNTIMES, default="gantry")
    parser.add_argument("--isolation", choices=["shared", "process"], help="gantry.task.isolation of Java connectors")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a key of the worker file")
    parser.add_argument("--work", type=pathlib.Path, default=target_dir() / "connectors-run" / f"{work}-{os.getpid()}",
                        help="kept when the test fails")
    return parser


@contextlib.contextmanager
def workplace(args):
    """The directory of a run, as its own; what runs that have ended left behind goes."""
    for left in args.work.parent.glob("*-*"):
        if not pathlib.Path("/proc", left.name.rpartition("-")[2]).exists():
            shutil.rmtree(left, ignore_errors=True)
    work = args.work.resolve()
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    args.work, args.failed = work, False
    try:
        yield work
    except BaseException:
        args.failed = True
        raise
    finally:
        if args.failed:
            print(f"kept: {work}", flush=True)
        else:
            shutil.rmtree(work, ignore_errors=True)


__all__ = ["LabError", "Record", "RUNTIMES", "add_arguments", "quote", "start", "states", "wait_for", "workplace"]
