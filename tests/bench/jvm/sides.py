"""Gantry and Kafka Connect as this benchmark sees them: processes whose CPU and memory count, and how far a topic is written."""

import contextlib
import pathlib
import shutil
import socket
import struct
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
sys.path.insert(0, str(HERE.parent))
sys.path.append(str(ROOT / "tests" / "connectors"))
import plugins  # noqa: E402
import runtime  # noqa: E402
from servers import LabError, once, target_dir  # noqa: E402

SIDES = ("kafka", "gantry")
# Of each JVM: the worker's, the broker's, Gantry's.
HEAP = "-Xmx512m"
LIST_OFFSETS, LATEST = 2, -1
# What a broker answers while a topic is being made: it is unknown, has no leader, or this one does not lead it.
NOT_YET = (3, 5, 6)


def plugin():
    """The directory of our own connectors (plugin/), built when a source is newer."""
    project, place = HERE / "plugin", target_dir() / "bench-jvm" / "plugin"
    sources = [p for p in project.rglob("*") if p.is_file() and "target" not in p.relative_to(project).parts]
    if (place / ".complete").exists() and max(p.stat().st_mtime for p in sources) > (place / ".complete").stat().st_mtime:
        (place / ".complete").unlink()
    with once(place) as missing:
        if missing:
            build = target_dir() / "bench-jvm" / "plugin-build"
            plugins.maven("-f", project / "pom.xml", "package", f"-Dout={build}")
            shutil.copy(build / "plugin-1.jar", place)
    return place


class Side:
    """A running worker; `name` is gantry or kafka."""

    def __init__(self, name, worker):
        self.name, self.worker, self.rest = name, worker, worker.client
        self.processes = [worker.process] + ([worker.broker] if name == "kafka" else [])

    def cpu_s(self):
        """CPU time of all that counts."""
        return sum(p.cpu_s() for p in self.processes)

    def rss_mib(self):
        """Resident memory of all that counts."""
        return sum(p.rss_mib() for p in self.processes)

    def peak_mib(self):
        """The same, each at its highest."""
        return sum(p.peak_mib() for p in self.processes)

    def written(self, topic):
        """How many records the topic's only partition holds; 0 while there is none."""
        if self.name == "gantry":
            status, body = self.rest.call("GET", f"/gantry/topics/{topic}")
            return body["offsets"][0]["next"] if status == 200 else 0
        return end_offset(self.worker.broker.port, topic)


@contextlib.contextmanager
def running(name, directory, places, props=None):
    """A worker with these plugins, Java ones first, for as long as the block."""
    runtime.HEAP = HEAP
    runtime.kafka.BROKER_HEAP = [HEAP]
    more = {"gantry.prefer.native": "false", "gantry.jvm.options": HEAP} if name == "gantry" else {}
    with runtime.RUNTIMES[name](directory, places, {**more, **(props or {})}) as worker:
        yield Side(name, worker)


def end_offset(port, topic):
    """The end of partition 0 of a topic of Kafka's, by the wire protocol: ListOffsets 1."""
    name = topic.encode()
    body = struct.pack(">hhih", LIST_OFFSETS, 1, 1, -1) + struct.pack(">iih", -1, 1, len(name)) + name + struct.pack(">iiq", 1, 0, LATEST)
    with socket.create_connection(("127.0.0.1", port), timeout=10) as s:
        s.sendall(struct.pack(">i", len(body)) + body)
        answer = exactly(s, struct.unpack(">i", exactly(s, 4))[0])
    _, _, length = struct.unpack(">iih", answer[:10])
    _, _, error, _, offset = struct.unpack(">iihqq", answer[10 + length:])
    if error not in (0, *NOT_YET):
        raise LabError(f"the broker answers error {error} for the end of {topic}")
    return offset if error == 0 else 0


def exactly(s, count):
    """So many bytes of a socket."""
    data = b""
    while len(data) < count:
        part = s.recv(count - len(data))
        if not part:
            raise LabError("the broker closed the connection")
        data += part
    return data
