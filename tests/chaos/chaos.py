#!/usr/bin/env python3
"""Three workers on a real RocketMQ broker; lines flow file → topic → SQLite through many connectors while workers are
killed and stopped, and the broker is killed and started again, at random. At the end every line must be in its sink.

It runs twice. With exactly-once sources, sinks that read what was committed and keep their offsets in their database,
no line may be there twice. Without, each fault may double what was not committed when it came.

The report tells lines, faults, what is missing (must be 0), what came twice, and how long the units of a killed worker
needed to run elsewhere. The workers are those of examples/custom-plugin, which has the SQLite sink.
"""

import argparse
import collections
import contextlib
import json
import pathlib
import random
import shutil
import signal
import sqlite3
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "scripts" / "lib"))
sys.path.insert(0, str(HERE.parent / "rocketmq"))
from cluster import Cluster  # noqa: E402
from worker import FILE_SOURCE, LabError, Proc, Rest, free_port, rocketmq_worker, target_dir, wait_for, write_properties  # noqa: E402

WORKERS = 3
START_LIMIT_S = 60
CREATE_LIMIT_S = 120
FINISH_LIMIT_S = 240
RUNNING_LIMIT_S = 120
LINES_A_TICK = (50, 400)
TICK_S = 0.25
# Tasks of a sink, one for each queue of its topic; a source has one.
SINK_TASKS = 5
MODES = {"both": [True, False], "exactly-once": [True], "at-least-once": [False]}


class Worker:
    """One gantry process, started again under the same port when it was killed."""

    def __init__(self, number, home, name_server, options, exactly_once):
        self.number, self.home, self.process = number, home, None
        self.port = free_port()
        more = {"offset.flush.interval.ms": options.flush_ms}
        if exactly_once:
            more |= {"exactly.once.source.support": "enabled", "consumer.isolation.level": "read_committed"}
        props = rocketmq_worker("chaos", name_server, self.port, options.session_ms, options.session_ms // 6, more)
        self.file = write_properties(home / f"worker-{number}.properties", props)
        self.rest = Rest(f"http://127.0.0.1:{self.port}")
        self.stopped = False

    def start(self):
        binary = target_dir() / "release" / "gantry-example-custom-plugin"
        self.process = Proc([str(binary), "distributed", self.file], self.home / f"worker-{self.number}.log")
        self.stopped = False

    def is_up(self):
        return self.process is not None and self.process.alive() and not self.stopped

    def kill(self):
        self.process.child.kill()
        self.process.child.wait()

    def send(self, signum):
        self.process.child.send_signal(signum)
        self.stopped = signum == signal.SIGSTOP

    def is_ready(self):
        return self.is_up() and self.rest.is_ready()

    @property
    def id(self):
        return f"127.0.0.1:{self.port}"


class Run:
    """One run in a directory of its own."""

    def __init__(self, options, exactly_once):
        self.options, self.exactly_once = options, exactly_once
        self.random = random.Random(options.seed)
        self.home = target_dir() / "chaos" / ("exactly-once" if exactly_once else "at-least-once")
        shutil.rmtree(self.home, ignore_errors=True)
        self.home.mkdir(parents=True)
        self.pairs = options.connectors // 2
        self.written = [0] * self.pairs
        self.faults = collections.Counter()
        self.failovers_ms = []

    def path(self, kind, pair):
        return self.home / f"{kind}-{pair}.txt"

    def write_lines(self):
        for pair in range(self.pairs):
            count = self.random.randint(*LINES_A_TICK)
            first = self.written[pair]
            with open(self.path("in", pair), "a", encoding="utf-8") as f:
                f.write("".join(f"{pair} line {n:09d} {'x' * (n % 90)}\n" for n in range(first, first + count)))
            self.written[pair] += count

    def up(self):
        return [worker for worker in self.workers if worker.is_up()]

    def wait(self, what, limit_s, check, **how):
        wait_for(f"{what}, see {self.home},", check, limit_s, **how)

    def create(self):
        common = {"gantry.restart.max": "1000", "gantry.restart.backoff.ms": "100", "gantry.restart.backoff.max.ms": "1000"}
        for pair in range(self.pairs):
            self.path("in", pair).touch()
            worker = self.random.choice(self.workers)
            worker.rest.create(f"source-{pair}", {
                "connector.class": FILE_SOURCE, "file": str(self.path("in", pair)), "topic": f"chaos.{pair}", "tasks.max": "1",
                "topic.creation.default.partitions": str(SINK_TASKS), "topic.creation.default.replication.factor": "1", **common})
            worker.rest.create(f"sink-{pair}", {
                "connector.class": "org.example.SqliteSink", "file": str(self.path("out", pair)), "topics": f"chaos.{pair}",
                "tasks.max": str(SINK_TASKS), "own.offsets": str(self.exactly_once).lower(), **common})
        self.wait("not all connectors run", CREATE_LIMIT_S, self.all_run)

    def names(self):
        return [f"{kind}-{pair}" for pair in range(self.pairs) for kind in ("source", "sink")]

    def all_run(self, gone=()):
        """Whether, as seen by one worker, each connector has a task and all units run on workers that are there."""
        worker = self.random.choice(self.up())
        try:
            _, body = worker.rest.call("GET", "/connectors?expand=status")
        except OSError:
            return False
        if sorted(body) != sorted(self.names()):
            return False
        for one in body.values():
            units = [one["status"]["connector"], *one["status"]["tasks"]]
            wanted = 1 + (SINK_TASKS if one["status"]["type"] == "sink" else 1)
            if len(units) < wanted or any(unit["state"] != "RUNNING" or unit["worker_id"] in gone for unit in units):
                return False
        return True

    def fault(self):
        kind = self.random.choices(["kill", "stop", "broker", "leave"], [4, 3, 1, 2])[0]
        self.faults[kind] += 1
        up = self.up()
        session_s = self.options.session_ms / 1000
        if kind == "broker":
            self.cluster.stop_part("broker", self.random.choice([signal.SIGKILL, signal.SIGTERM]))
            self.pump(self.random.uniform(0, 2 * session_s))
            self.cluster.start_broker()
            return
        victim = self.random.choice(up)
        if kind == "kill":
            begun = time.monotonic()
            victim.kill()
            if self.options.failover and len(up) == WORKERS:
                self.wait("the units of a killed worker do not run elsewhere", RUNNING_LIMIT_S, lambda: self.all_run({victim.id}))
                self.failovers_ms.append(round((time.monotonic() - begun) * 1000))
            else:
                self.pump(self.random.uniform(0, 2 * session_s))
        elif kind == "stop":
            victim.send(signal.SIGSTOP)
            self.pump(self.random.uniform(0.2, 2.5) * session_s)
            victim.send(signal.SIGCONT)
            return
        else:
            victim.send(signal.SIGTERM)
            victim.process.child.wait(60)
        victim.start()

    def pump(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.write_lines()
            time.sleep(TICK_S)

    def check(self):
        missing = doubled = disordered = 0
        for pair in range(self.pairs):
            want = self.path("in", pair).read_text(encoding="utf-8").splitlines()
            rows = self.rows(pair, "SELECT queue, value FROM records ORDER BY rowid")
            counts = collections.Counter(line for _, line in rows)
            missing += sum(1 for line in want if line not in counts)
            doubled += sum(count - 1 for count in counts.values())
            foreign = set(counts) - set(want)
            if foreign:
                raise LabError(f"sink-{pair} holds {len(foreign)} lines that nobody wrote, such as {next(iter(foreign))!r}")
            for queue in range(SINK_TASKS):
                first = list(dict.fromkeys(line for of, line in rows if of == queue))
                disordered += sum(1 for a, b in zip(first, first[1:]) if a > b)
        return missing, doubled, disordered

    def rows(self, pair, query):
        with contextlib.closing(sqlite3.connect(f"file:{self.path('out', pair)}?mode=ro", uri=True, timeout=30)) as database:
            return database.execute(query).fetchall()

    def drained(self):
        def count(pair):
            return self.rows(pair, "SELECT count(DISTINCT value) FROM records")[0][0]
        return all(count(pair) >= self.written[pair] for pair in range(self.pairs))

    def go(self):
        options = self.options
        with Cluster(self.home / "rocketmq") as self.cluster:
            self.workers = [Worker(number, self.home, self.cluster.name_server, options, self.exactly_once) for number in range(WORKERS)]
            try:
                for worker in self.workers:
                    worker.start()
                self.wait("not all workers are ready", START_LIMIT_S, lambda: all(worker.is_ready() for worker in self.workers))
                self.create()
                end = time.monotonic() + options.seconds
                while time.monotonic() < end:
                    self.pump(self.random.uniform(0, options.session_ms / 1000))
                    self.fault()
                for worker in self.workers:
                    if worker.stopped:
                        worker.send(signal.SIGCONT)
                self.wait("not all connectors run again", RUNNING_LIMIT_S, self.all_run)
                self.pump(1)
                try:
                    self.wait("the sinks do not hold all lines", FINISH_LIMIT_S, self.drained, step_s=1)
                except LabError as error:
                    print(error)
                time.sleep(2 * options.flush_ms / 1000)
                return self.report()
            finally:
                for worker in self.workers:
                    if worker.process is not None and worker.process.alive():
                        worker.kill()

    def report(self):
        missing, doubled, disordered = self.check()
        result = {
            "exactly_once": self.exactly_once, "seconds": self.options.seconds, "seed": self.options.seed, "workers": WORKERS,
            "connectors": 2 * self.pairs, "tasks": (1 + SINK_TASKS) * self.pairs,
            "session_ms": self.options.session_ms, "faults": dict(self.faults), "lines": sum(self.written),
            "missing": missing, "doubled": doubled,
        }
        # A source that begins again deals lines without keys to other queues: only once each they have an order.
        if self.exactly_once:
            result["out_of_order"] = disordered
        if self.failovers_ms:
            times = sorted(self.failovers_ms)
            result["failover_ms"] = {"count": len(times), "median": times[len(times) // 2], "max": times[-1]}
        print(json.dumps(result, indent=2))
        return missing == 0 and not (self.exactly_once and (doubled or disordered))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=60, help="how long faults go on")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--connectors", type=int, default=20, help="half of them sources, half sinks")
    parser.add_argument("--session-ms", type=int, default=3000)
    parser.add_argument("--flush-ms", type=int, default=500)
    parser.add_argument("--failover", action="store_true", help="measure how long the units of a killed worker need")
    parser.add_argument("--mode", choices=MODES, default="both")
    options = parser.parse_args()
    try:
        results = [Run(options, exactly_once).go() for exactly_once in MODES[options.mode]]
        sys.exit(0 if all(results) else 1)
    except LabError as error:
        sys.exit(f"chaos: {error}")


if __name__ == "__main__":
    main()
