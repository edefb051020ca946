"""Starts workers and talks to them: what the benchmark, the conformance runners, the kill runs and the example share.

Only the Python standard library is used. Sizes are in MiB, times in seconds unless a name says otherwise.
"""

import contextlib
import http.client
import json
import os
import pathlib
import signal
import socket
import subprocess
import time
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parents[2]
FILE_SOURCE = "org.apache.kafka.connect.file.FileStreamSourceConnector"
FILE_SINK = "org.apache.kafka.connect.file.FileStreamSinkConnector"
STRING = "org.apache.kafka.connect.storage.StringConverter"
JSON = "org.apache.kafka.connect.json.JsonConverter"
TRANSFORMS = "org.apache.kafka.connect.transforms."

# The kind of clock in a Linux CPU clock id that counts what the scheduler gave: user and system time.
CPU_CLOCK_SCHED = 2
# How long a worker may take to answer on its REST port before we call the start a failure.
START_LIMIT_S = 120
# How long a worker may take to end after SIGTERM before it is killed.
STOP_LIMIT_S = 60
# A request that takes longer than this has hung.
REQUEST_LIMIT_S = 90
# Real Connect answers 409 while it rebalances; we ask again for this long.
CONFLICT_LIMIT_S = 60


class LabError(Exception):
    """A step of a run failed; the text says which and what to look at."""


def target_dir():
    """The directory that cargo builds into (honours CARGO_TARGET_DIR)."""
    return pathlib.Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target").resolve()


def gantry_binary():
    """The path of the release binary; GANTRY overrides it."""
    path = pathlib.Path(os.environ.get("GANTRY") or target_dir() / "release" / "gantry")
    if not path.exists():
        raise LabError(f"{path} does not exist: run `cargo build --release --workspace --bins` first, or set GANTRY")
    return str(path)


def free_port():
    """A TCP port on 127.0.0.1 that nothing listens on now."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def write_properties(path, values):
    """Writes a Java properties file; keys and values are escaped as java.util.Properties reads them."""
    def esc(text, key):
        out = text.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")
        if key:
            out = out.replace(" ", "\\ ").replace(":", "\\:").replace("=", "\\=")
        elif out[:1] == " ":
            out = "\\" + out
        return out
    lines = [f"{esc(k, True)}={esc(str(v), False)}\n" for k, v in values.items()]
    pathlib.Path(path).write_text("".join(lines), encoding="utf-8")
    return str(path)


def rocketmq_worker(group, name_server, port, session_ms, heartbeat_ms, more=None):
    """Properties of a worker that shares its connectors with the others of a group on RocketMQ."""
    return {
        "listeners": f"http://127.0.0.1:{port}", "rest.advertised.host.name": "127.0.0.1", "group.id": group,
        "gantry.log": "rocketmq", "gantry.rocketmq.namesrv.addr": name_server,
        "gantry.data.dir": target_dir() / "rocketmq" / "copies" / str(port),
        "config.storage.topic": f"{group}-cluster", "offset.storage.topic": f"{group}-offsets", "status.storage.topic": f"{group}-status",
        "key.converter": STRING, "value.converter": STRING, "session.timeout.ms": session_ms, "heartbeat.interval.ms": heartbeat_ms,
        **(more or {}),
    }


def wait_for(what, check, limit_s, step_s=0.05):
    """Asks until the answer is true and gives it; raises LabError after the limit."""
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        answer = check()
        if answer:
            return answer
        time.sleep(step_s)
    raise LabError(f"{what} after {limit_s} s")


@contextlib.contextmanager
def small_disk(place, size):
    """A disk of that size, and how to make it larger; it is unmounted in any case. Needs root: it is a
    tmpfs."""
    place.mkdir(parents=True, exist_ok=True)

    def mount(options):
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)], check=True)

    mount(f"size={size}")
    try:
        yield lambda larger: mount(f"remount,size={larger}")
    finally:
        subprocess.run(["umount", "-l", str(place)], check=False)


class Rest:
    """A client for Connect's REST interface at `base` (http://host:port)."""

    def __init__(self, base):
        self.base = base.rstrip("/")
        url = urllib.parse.urlsplit(self.base)
        self.host, self.port = url.hostname, url.port

    def send(self, method, path, body=None, headers=None):
        """One request, byte for byte. Returns (status, headers with lower-case names, body bytes)."""
        conn = http.client.HTTPConnection(self.host, self.port, timeout=REQUEST_LIMIT_S)
        try:
            conn.putrequest(method, path, skip_accept_encoding=True)
            headers = dict(headers or {})
            if not any(k.lower() == "content-length" for k in headers):
                if body is not None:
                    headers["Content-Length"] = str(len(body))
                elif method in ("POST", "PUT", "PATCH"):
                    headers["Content-Length"] = "0"
            for name, value in headers.items():
                conn.putheader(name, value)
            conn.endheaders(body)
            answer = conn.getresponse()
            data = answer.read()
            names = {}
            for name, value in answer.getheaders():
                name = name.lower()
                names[name] = f"{names[name]}, {value}" if name in names else value
            return answer.status, names, data
        finally:
            conn.close()

    def call(self, method, path, obj=None):
        """One JSON request. Returns (status, parsed body, or text if it is not JSON, or None if empty)."""
        body = None if obj is None else json.dumps(obj).encode()
        headers = {} if body is None else {"Content-Type": "application/json"}
        end = time.monotonic() + CONFLICT_LIMIT_S
        while True:
            status, _, data = self.send(method, path, body, headers)
            if status == 409 and b"rebalanc" in data and time.monotonic() < end:
                time.sleep(0.1)
                continue
            try:
                return status, (json.loads(data) if data else None)
            except ValueError:
                return status, data.decode("utf-8", "replace")

    def is_ready(self):
        """Whether the worker answers and has all it needs."""
        try:
            return self.call("GET", "/health")[0] == 200
        except OSError:
            return False

    def text(self, path):
        """The body of a GET as text; raises LabError unless the status is 200."""
        status, _, data = self.send("GET", path)
        if status != 200:
            raise LabError(f"GET {path}: {status} {data[:200]!r}")
        return data.decode("utf-8", "replace")

    def create(self, name, config):
        """Creates a connector or raises LabError with the worker's answer."""
        status, body = self.call("POST", "/connectors", {"name": name, "config": config})
        if status != 201:
            raise LabError(f"create {name}: {status} {body}")

    def status(self, name):
        """The status object of a connector, or None while there is none."""
        status, body = self.call("GET", f"/connectors/{quote(name)}/status")
        return body if status == 200 else None

    def wait_running(self, name, limit_s=60, step_s=0.01):
        """Waits until the connector and all its tasks run; raises with the trace when one failed."""
        end = time.monotonic() + limit_s
        seen = None
        while time.monotonic() < end:
            seen = self.status(name)
            if seen:
                states = [seen["connector"]["state"]] + [t["state"] for t in seen["tasks"]]
                if "FAILED" in states:
                    break
                if seen["tasks"] and all(s == "RUNNING" for s in states):
                    return
            time.sleep(step_s)
        raise LabError(f"connector {name} did not reach RUNNING: {json.dumps(seen)[:2000]}")

    def delete(self, name, limit_s=60):
        """Deletes a connector and waits until it is gone."""
        self.call("DELETE", f"/connectors/{quote(name)}")
        end = time.monotonic() + limit_s
        while time.monotonic() < end:
            if self.call("GET", f"/connectors/{quote(name)}")[0] == 404:
                return
            time.sleep(0.01)
        raise LabError(f"connector {name} is still there {limit_s} s after DELETE")


def quote(name):
    """A connector name as one segment of a path."""
    return urllib.parse.quote(name, safe="")


class Proc:
    """A child process with its output in a file, and its figures from /proc."""

    def __init__(self, argv, log, env=None, cwd=None):
        self.log = pathlib.Path(log)
        self.started = time.monotonic()
        with open(self.log, "ab") as out:
            self.child = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, cwd=cwd,
                env=None if env is None else {**os.environ, **env})
        self.pid = self.child.pid

    def alive(self):
        """Whether the process still runs."""
        return self.child.poll() is None

    def tail(self, lines=15):
        """The last lines of its output, for an error message."""
        try:
            text = self.log.read_text("utf-8", "replace").splitlines()
        except OSError:
            return ""
        return "\n".join(text[-lines:])

    def status_kib(self, field):
        """A field of /proc/<pid>/status in KiB."""
        with open(f"/proc/{self.pid}/status", encoding="ascii") as f:
            for line in f:
                if line.startswith(field + ":"):
                    return int(line.split()[1])
        raise LabError(f"process {self.pid} has no {field}")

    def rss_mib(self):
        """Resident memory now."""
        return self.status_kib("VmRSS") / 1024

    def peak_mib(self):
        """The highest resident memory since the process began."""
        return self.status_kib("VmHWM") / 1024

    def cpu_s(self):
        """User and system time of all threads, ended ones too, since the process began.

        The process's CPU clock counts nanoseconds; /proc/<pid>/stat counts hundredths of a second, too coarse for a
        transfer of 10^5 records."""
        return time.clock_gettime((~self.pid << 3) | CPU_CLOCK_SCHED)

    def fds(self):
        """How many file descriptors it holds."""
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def threads(self):
        """How many threads it has."""
        return len(os.listdir(f"/proc/{self.pid}/task"))

    def kill(self):
        """SIGKILL, as a power cut would."""
        if self.alive():
            self.child.send_signal(signal.SIGKILL)
        self.child.wait()

    def stop(self, limit_s=STOP_LIMIT_S):
        """SIGTERM, then waits. Returns the exit status; kills and raises when it does not end in time."""
        if self.alive():
            self.child.send_signal(signal.SIGTERM)
        try:
            return self.child.wait(limit_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise LabError(f"process {self.pid} did not end within {limit_s} s of SIGTERM:\n{self.tail()}") from None

    def wait_ready(self, rest, limit_s=START_LIMIT_S, step_s=0.002):
        """Waits until GET /connectors answers 200. Returns the seconds since the process was started."""
        while time.monotonic() - self.started < limit_s:
            if not self.alive():
                raise LabError(f"the worker ended with status {self.child.returncode} at its start:\n{self.tail()}")
            try:
                if rest.send("GET", "/connectors")[0] == 200:
                    return time.monotonic() - self.started
            except (OSError, http.client.HTTPException):
                pass
            time.sleep(step_s)
        self.kill()
        raise LabError(f"REST did not answer within {limit_s} s:\n{self.tail()}")


class Gantry(Proc):
    """A worker with its work files below `home` (kept between starts: that is the point of a log)."""

    DISTRIBUTED = {"group.id": "gantry", "config.storage.topic": "connect-configs",
                   "offset.storage.topic": "connect-offsets", "status.storage.topic": "connect-status"}

    def __init__(self, home, connectors=(), props=None, port=None, mode="standalone"):
        home = pathlib.Path(home)
        home.mkdir(parents=True, exist_ok=True)
        self.home = home
        self.port = port or free_port()
        values = {
            "listeners": f"http://127.0.0.1:{self.port}",
            "gantry.data.dir": str(home / "data"),
            "key.converter": JSON,
            "value.converter": JSON,
            "key.converter.schemas.enable": "true",
            "value.converter.schemas.enable": "true",
            "offset.flush.interval.ms": "1000",
            **(self.DISTRIBUTED if mode == "distributed" else {}),
            **(props or {}),
        }
        worker = write_properties(home / "worker.properties", values)
        argv = [gantry_binary(), mode, worker, *[str(c) for c in connectors]]
        super().__init__(argv, home / "gantry.log", env={"TZ": "UTC"})
        self.rest = Rest(f"http://127.0.0.1:{self.port}")

    def wait_ready(self, rest=None, limit_s=START_LIMIT_S, step_s=0.002):
        """As for any worker; `rest` defaults to this one's own."""
        return super().wait_ready(rest or self.rest, limit_s, step_s)
