#!/usr/bin/env python3
"""What a cluster of gantry workers on a real RocketMQ broker costs and how fast it is:

- records per second, file → RocketMQ → file, with lines of 1 KiB and of 100 B;
- messages per second that an idle cluster of 3 workers and 100 connectors sends;
- from POST /connectors on one worker to RUNNING as another sees it;
- from kill -9 of a worker to its last unit running elsewhere, for two session time-outs; a graceful leave.

Writes RESULTS.md beside this file.
"""

import argparse
import json
import os
import pathlib
import shutil
import signal
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[2] / "scripts" / "lib"))
sys.path.insert(0, str(HERE.parents[1] / "rocketmq"))
from cluster import Cluster, call  # noqa: E402
from worker import FILE_SINK, FILE_SOURCE, LabError, Proc, Rest, free_port, gantry_binary, rocketmq_worker, target_dir, wait_for, write_properties  # noqa: E402

LIMIT_S = 120
IDLE_CONNECTORS = 100
IDLE_S = 30
MESSAGES_BROKER = 28  # GET_BROKER_RUNTIME_INFO


class Workers:
    """Gantry workers of one group."""

    def __init__(self, home, name_server, group, count, session_ms, heartbeat_ms, extra=None):
        self.home, self.all = home, []
        for number in range(count):
            port = free_port()
            props = rocketmq_worker(group, name_server, port, session_ms, heartbeat_ms, extra)
            file = write_properties(home / f"{group}-{number}.properties", props)
            self.all.append([None, Rest(f"http://127.0.0.1:{port}"), file, home / f"{group}-{number}.log"])
        for number in range(count):
            self.start(number)
        wait("the workers are not ready", lambda: all(rest.is_ready() for _, rest, _, _ in self.all))

    def start(self, number):
        one = self.all[number]
        one[0] = Proc([gantry_binary(), "distributed", one[2]], one[3])

    def rest(self, number):
        return self.all[number][1]

    def stop(self):
        for process, _, _, _ in self.all:
            if process.alive():
                process.child.kill()
                process.child.wait()


def wait(what, check, step_s=0.005):
    wait_for(what, check, LIMIT_S, step_s)


def statuses(rest):
    try:
        return [one["status"] for one in rest.call("GET", "/connectors?expand=status")[1].values()]
    except OSError:
        return []


def units(status):
    return [status["connector"], *status["tasks"]]


def all_run(rest, count, tasks, without=()):
    found = statuses(rest)
    return len(found) == count and all(
        len(one["tasks"]) == tasks and all(unit["state"] == "RUNNING" and unit["worker_id"] not in without for unit in units(one))
        for one in found)


def percentile(values, p):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * p / 100))]


def throughput(home, name_server, size, lines):
    """Records per second from a file through a topic into a file, and how much memory the worker took."""
    source, sink = home / f"in-{size}.txt", home / f"out-{size}.txt"
    with open(source, "w", encoding="ascii") as f:
        for n in range(lines):
            f.write(f"{n:010d}".ljust(size - 1, "x") + "\n")
    workers = Workers(home, name_server, f"flow{size}", 1, 10_000, 3_000, {"gantry.topic.queues": 4})
    try:
        rest = workers.rest(0)
        common = {"tasks.max": 1}
        begun = time.monotonic()
        rest.create("sink", {"connector.class": FILE_SINK, "file": str(sink), "topics": f"flow-{size}", **common})
        rest.create("source", {"connector.class": FILE_SOURCE, "file": str(source), "topic": f"flow-{size}", **common})
        total = source.stat().st_size
        wait("not all lines came", lambda: sink.exists() and sink.stat().st_size >= total, step_s=0.02)
        seconds = time.monotonic() - begun
        got = sink.read_bytes().count(b"\n")
        memory = workers.all[0][0].status_kib("VmHWM") // 1024
        return {"bytes": size, "records": lines, "arrived": got, "records_per_s": round(lines / seconds), "peak_mib": memory}
    finally:
        workers.stop()


def put_total(cluster):
    """Messages that the broker stored since its start."""
    _, body = call(cluster.broker_port, MESSAGES_BROKER)
    return int(json.loads(body)["table"]["msgPutTotalTodayNow"])


def idle(home, cluster):
    """Messages per second of a cluster in which nothing moves."""
    workers = Workers(home, cluster.name_server, "idle", 3, 10_000, 3_000)
    try:
        empty = home / "empty.txt"
        empty.touch()
        for n in range(IDLE_CONNECTORS):
            workers.rest(n % 3).create(f"c{n}", {"connector.class": FILE_SOURCE, "tasks.max": "1", "file": str(empty), "topic": f"idle-{n % 10}"})
        wait("not all connectors run", lambda: all_run(workers.rest(0), IDLE_CONNECTORS, 1), step_s=0.1)
        time.sleep(5)
        before = put_total(cluster)
        time.sleep(IDLE_S)
        memory = [process.status_kib("VmRSS") // 1024 for process, _, _, _ in workers.all]
        return {"workers": 3, "connectors": IDLE_CONNECTORS, "messages_per_s": round((put_total(cluster) - before) / IDLE_S, 2), "memory_mib": memory}
    finally:
        workers.stop()


def answers(home, name_server, count):
    """Milliseconds from POST on one worker to RUNNING as another sees it."""
    workers = Workers(home, name_server, "answers", 3, 10_000, 3_000)
    try:
        empty = home / "empty.txt"
        empty.touch()
        times = []
        for n in range(count):
            begun = time.monotonic()
            workers.rest(n % 3).create(f"c{n}", {"connector.class": FILE_SOURCE, "tasks.max": "1", "file": str(empty), "topic": "answers"})
            workers.rest((n + 1) % 3).wait_running(f"c{n}", step_s=0.002)
            times.append((time.monotonic() - begun) * 1000)
        return {"count": count, "p50_ms": round(percentile(times, 50)), "p95_ms": round(percentile(times, 95)), "max_ms": round(max(times))}
    finally:
        workers.stop()


def failover(home, name_server, session_ms, rounds):
    """Milliseconds from kill -9 to the last unit running elsewhere, and the same for a graceful end."""
    group = f"failover{session_ms}"
    workers = Workers(home, name_server, group, 3, session_ms, session_ms * 3 // 10)
    try:
        empty = home / "empty.txt"
        empty.touch()
        for n in range(30):
            workers.rest(n % 3).create(f"c{n}", {"connector.class": FILE_SOURCE, "tasks.max": "1", "file": str(empty), "topic": "failover"})
        killed, left = [], []
        for n in range(2 * rounds):
            victim, watcher = n % 3, (n + 1) % 3
            wait("not all run", lambda: all_run(workers.rest(watcher), 30, 1), step_s=0.05)
            time.sleep(session_ms / 1000)
            gone = f"127.0.0.1:{workers.rest(victim).port}"
            begun = time.monotonic()
            child = workers.all[victim][0].child
            child.send_signal(signal.SIGKILL if n < rounds else signal.SIGTERM)
            wait("units do not run elsewhere", lambda: all_run(workers.rest(watcher), 30, 1, {gone}), step_s=0.005)
            (killed if n < rounds else left).append((time.monotonic() - begun) * 1000)
            child.wait(30)
            workers.start(victim)
            wait("the worker is not back", workers.rest(victim).is_ready)
        tell = lambda times: {"count": len(times), "p50_ms": round(percentile(times, 50)), "max_ms": round(max(times))}  # noqa: E731
        return {"session_ms": session_ms, "kill": tell(killed), "leave": tell(left)}
    finally:
        workers.stop()


def page(results):
    """The results as Markdown."""
    flow, cost, reply = results["flow"], results["idle"], results["answers"]
    lines = [
        "# A cluster on RocketMQ", "",
        "Written by `make bench-rocketmq`: a real Java name server and broker, and all workers, on one machine "
        f"with {os.cpu_count()} cores.", "",
        "| file → RocketMQ → file | records | arrived | records/s | peak memory of the worker |", "|---|---|---|---|---|",
        *(f"| lines of {one['bytes']} B | {one['records']:,} | {one['arrived']:,} | {one['records_per_s']:,} | {one['peak_mib']} MiB |" for one in flow),
        "", "| what | measured | aim |", "|---|---|---|",
        f"| messages per second of an idle cluster of {cost['workers']} workers and {cost['connectors']} connectors | {cost['messages_per_s']} | ≤ 5 |",
        f"| memory of each of these workers | {', '.join(f'{mib} MiB' for mib in cost['memory_mib'])} | |",
        f"| POST /connectors to RUNNING as another worker sees it, {reply['count']} times | p50 {reply['p50_ms']} ms, p95 {reply['p95_ms']} ms, max {reply['max_ms']} ms | p95 ≤ 500 ms |",
    ]
    for one in results["failover"]:
        session, kill, leave = one["session_ms"], one["kill"], one["leave"]
        lines.append(f"| kill -9 to all units elsewhere, session.timeout.ms={session}, {kill['count']} times | p50 {kill['p50_ms']} ms, max {kill['max_ms']} ms | ≤ {session + 1000} ms |")
        lines.append(f"| a worker that ends by SIGTERM, {leave['count']} times | p50 {leave['p50_ms']} ms, max {leave['max_ms']} ms | ≤ 1000 ms |")
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="parts: flow, idle, answers, failover")
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--mib", type=int, default=400, help="how much goes through in each throughput run")
    options = parser.parse_args()
    wanted = options.only.split(",") if options.only else ["flow", "idle", "answers", "failover"]
    home = target_dir() / "bench-rocketmq"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    results = {}
    try:
        with Cluster(home / "rocketmq") as cluster:
            if "flow" in wanted:
                results["flow"] = [throughput(home, cluster.name_server, size, (options.mib << 20) // size // (1 if size > 500 else 3)) for size in (1024, 100)]
                print(json.dumps(results["flow"]), flush=True)
            if "idle" in wanted:
                results["idle"] = idle(home, cluster)
                print(json.dumps(results["idle"]), flush=True)
            if "answers" in wanted:
                results["answers"] = answers(home, cluster.name_server, 60)
                print(json.dumps(results["answers"]), flush=True)
            if "failover" in wanted:
                results["failover"] = [failover(home, cluster.name_server, session, options.rounds) for session in (3_000, 10_000)]
                print(json.dumps(results["failover"]), flush=True)
    except LabError as error:
        sys.exit(f"bench: {error}")
    if not options.only:
        (HERE / "RESULTS.md").write_text(page(results), encoding="utf-8")


if __name__ == "__main__":
    main()
