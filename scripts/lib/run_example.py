"""`make run`: starts the file-to-file example on a real file, shows what moves, says how to look at it."""

import fcntl
import itertools
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import sys
import time

from worker import ROOT, LabError, Proc, Rest, free_port, gantry_binary

EXAMPLE = ROOT / "examples" / "file-to-file"
# Present on Debian machines, most telling first; the package database is there even where logs were removed.
CANDIDATES = ["/var/log/dpkg.log", "/var/log/apt/history.log", "/var/log/alternatives.log", "/var/log/syslog",
              "/var/lib/dpkg/status"]
DEFAULT_PORT = 8083
TOPIC = "clean-lines"
STEP_S = 0.25
ONCE_LIMIT_S = 300
MAX_COPIES = 20          # examples that may run side by side


def choose_file():
    """The file to read: FILE, or the first candidate with something in it."""
    wanted = os.environ.get("FILE")
    if wanted:
        if not os.path.isfile(wanted) or not os.access(wanted, os.R_OK):
            raise LabError(f"FILE={wanted} is not a readable file; give the path of a text or JSON-lines file")
        return pathlib.Path(wanted)
    for path in CANDIDATES:
        if os.access(path, os.R_OK) and os.path.isfile(path) and os.path.getsize(path) > 0:
            return pathlib.Path(path)
    raise LabError("no log file was found to read; give one: make run FILE=/path/to/file")


def choose_port():
    """PORT (default 8083), or a free one when something listens there."""
    port = int(os.environ.get("PORT") or DEFAULT_PORT)
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind(("127.0.0.1", port))
            return port
        except OSError as error:
            other = free_port()
            print(f"port {port} cannot be taken ({error.strerror}); REST goes to port {other} instead")
            return other


def work_directory():
    """A directory that no other running example uses, and the lock that says so."""
    (ROOT / "work").mkdir(exist_ok=True)
    for number in range(1, MAX_COPIES + 1):
        home = ROOT / "work" / ("example" if number == 1 else f"example-{number}")
        lock = open(f"{home}.lock", "w", encoding="ascii")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            continue
        if not os.environ.get("KEEP"):
            shutil.rmtree(home, ignore_errors=True)
        home.mkdir(exist_ok=True)
        return home, lock
    raise LabError(f"{MAX_COPIES} examples run already; end one of them")


def configure(home, source, port):
    """Copies the example's files with this run's paths and port. Returns their paths, worker first."""
    changes = {
        "worker": {"listeners": f"http://127.0.0.1:{port}", "gantry.data.dir": str(home / "data")},
        "source": {"file": str(source)},
        "sink": {"file": str(home / "out.jsonl")},
    }
    paths = []
    for name, values in changes.items():
        text = (EXAMPLE / f"{name}.properties").read_text(encoding="utf-8")
        for key, value in values.items():
            escaped = value.replace("\\", "\\\\")
            text = re.sub(rf"(?m)^{re.escape(key)}=.*$", lambda _, k=key, v=escaped: f"{k}={v}", text)
        path = home / f"{name}.properties"
        path.write_text(text, encoding="utf-8")
        paths.append(str(path))
    return paths


def complete_lines(path):
    """The lines of a file that are ended, one after the other, as the source will read them."""
    with open(path, encoding="utf-8", errors="replace", newline=None) as f:
        for line in f:
            if line.endswith("\n"):
                yield line[:-1]


class Counter:
    """Counts the lines of a growing file without reading anything twice."""

    def __init__(self, path):
        self.path, self.position, self.lines = path, 0, 0

    def count(self):
        """How many lines there are now."""
        try:
            with open(self.path, "rb") as f:
                f.seek(self.position)
                while chunk := f.read(1 << 20):
                    self.position += len(chunk)
                    self.lines += chunk.count(b"\n")
        except FileNotFoundError:
            pass
        return self.lines


def show(text, last=False):
    """A progress line that overwrites itself on a terminal."""
    if sys.stdout.isatty():
        print(f"\r\033[K{text}", end="\n" if last else "", flush=True)
    else:
        print(text, flush=True)


def complain(worker, rest):
    """Why nothing moves: the trace of a failed connector, or the end of the log."""
    for name in ("example-source", "example-sink"):
        status = rest.status(name)
        if status and any(t["state"] == "FAILED" for t in [status["connector"], *status["tasks"]]):
            raise LabError(f"{name} failed: {json.dumps(status, indent=1)}")
    if not worker.alive():
        raise LabError(f"gantry ended with status {worker.child.returncode}; the end of {worker.log}:\n{worker.tail()}")


def move(worker, rest, counter, want, limit_s):
    """Shows progress until `want` lines are in the sink file; returns the seconds it took."""
    began, shown = time.monotonic(), -1
    while True:
        done = counter.count()
        seconds = time.monotonic() - began
        if done != shown:
            show(f"  {done:,} of {want:,} lines, {done / max(seconds, 1e-3):,.0f} lines/s")
            shown = done
        if done >= want:
            show(f"  all {want:,} lines moved in {seconds:.2f} s", last=True)
            return seconds
        complain(worker, rest)
        if limit_s and seconds > limit_s:
            raise LabError(f"only {done} of {want} lines arrived in {limit_s} s; see {worker.log}")
        time.sleep(STEP_S if seconds > 1 else 0.02)


def verify(source, out, count):
    """Compares the first `count` lines of the source with the sink file; raises at the first difference."""
    with open(out, encoding="utf-8") as f:
        number = 0
        for number, (want, text) in enumerate(itertools.islice(zip(complete_lines(source), f), count), 1):
            got = json.loads(text)
            if got.get("line") != want:
                raise LabError(f"{out}:{number}: line is {got.get('line')!r}, the source has {want!r}")
            if got.get("owner") != "***" or got.get("pipeline") != "file-to-file" or "read_at" not in got:
                raise LabError(f"{out}:{number}: the transformations were not applied: {got}")
    if number != count:
        raise LabError(f"{out} holds {number} lines, the source {count}")


def explain(home, source, port):
    """What the user can do now."""
    url, out = f"http://127.0.0.1:{port}", home / "out.jsonl"
    try:
        binary = pathlib.Path(gantry_binary()).relative_to(ROOT)
    except ValueError:
        binary = gantry_binary()
    first = out.read_text(encoding="utf-8").split("\n", 1)[0] if out.exists() else ""
    print(f"""
the first record, as the sink wrote it:
  {first}

look at it:
  tail -n 3 {out}
  {binary} topic list --url {url}
  {binary} topic read {TOPIC} --url {url}
  curl -s '{url}/connectors?expand=status'
  curl -s {url}/metrics
pause the source, then let it go on:
  curl -s -X PUT {url}/connectors/example-source/pause
  curl -s -X PUT {url}/connectors/example-source/resume
what gantry says: {home / 'gantry.log'}
its configs:      {home}/*.properties (from {EXAMPLE.relative_to(ROOT)}/)
lines appended to {source} follow by themselves""")


def follow(worker, rest, counter):
    """Until Ctrl-C: says when more lines arrive."""
    print("\nCtrl-C ends it.", flush=True)
    seen = counter.count()
    while True:
        time.sleep(1)
        complain(worker, rest)
        now = counter.count()
        if now != seen:
            print(f"  {now - seen:,} more lines, {now:,} in all", flush=True)
            seen = now


def interrupted(*_):
    """SIGTERM ends the example as Ctrl-C does."""
    raise KeyboardInterrupt


def main():
    """The run."""
    once = bool(os.environ.get("RUN_ONCE") or os.environ.get("CI"))
    signal.signal(signal.SIGTERM, interrupted)
    source = choose_file()
    home, lock = work_directory()
    port = choose_port()
    count = sum(1 for _ in complete_lines(source))
    print(f"reading {source} ({count:,} lines, {source.stat().st_size:,} bytes); it is only read, never changed")
    out = home / "out.jsonl"
    rest = Rest(f"http://127.0.0.1:{port}")
    worker = Proc([gantry_binary(), "standalone", *configure(home, source, port)], home / "gantry.log")
    counter = Counter(out)
    try:
        ready = worker.wait_ready(rest)
        print(f"REST listens on http://127.0.0.1:{port} (ready {ready * 1000:.0f} ms after the start)")
        print(f"{source} → 5 transformations → topic {TOPIC} → {out}", flush=True)
        move(worker, rest, counter, count, ONCE_LIMIT_S if once else None)
        verify(source, out, count)
        print(f"  compared with the source: every line is there, once, in order; resident memory {worker.rss_mib():.0f} MiB")
        explain(home, source, port)
        if not once:
            follow(worker, rest, counter)
    except KeyboardInterrupt:
        print(f"\nending; {counter.count():,} lines are in {out}")
    finally:
        status = worker.stop()
        lock.close()
    if once and status != 0:
        raise LabError(f"gantry ended with status {status}; see {worker.log}")


if __name__ == "__main__":
    try:
        main()
    except LabError as error:
        sys.exit(f"example: {error}")
