#!/usr/bin/env python3
"""What a cluster of gantry workers on a real RocketMQ broker costs and how fast it is:

- records per second, file → RocketMQ → file, with lines of 1 KiB and of 100 B, beside its peers (flow.py);
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
sys.path.insert(0, str(HERE.parent))
sys.path.insert(0, str(HERE.parents[1] / "rocketmq"))
import flow  # noqa: E402
from cluster import Cluster, call  # noqa: E402
from kafka import kafka  # noqa: E402
from worker import FILE_SOURCE, LabError, Proc, Rest, free_port, gantry_binary, rocketmq_worker, target_dir, wait_for, write_properties  # noqa: E402

LIMIT_S = 120
IDLE_CONNECTORS = 100
IDLE_S = 30
# RocketMQ Connect gets so many times fewer lines.
FEWER = 10
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


def throughput(home, cluster, options):
    """Records per second through a topic, round by round with the peers, each at its turn."""
    binary = flow.bare_binary()
    broker = kafka.Broker(home / "kafka")
    servers, results = [broker], []
    try:
        worker = kafka.Connect(home / "kafka-connect", broker, "distributed")
        servers.append(worker)
        worker.wait_ready()
        theirs = None
        if options.rocketmq_connect:
            theirs = flow.RocketMqConnect(options.rocketmq_connect, home / "rocketmq-connect", cluster.name_server)
            servers.append(theirs)
        modes = {"gantry": {}, "gantry, exactly once": {"exactly.once.source.support": "enabled", "consumer.isolation.level": "read_committed"}}
        gantries = {name: Workers(home, cluster.name_server, f"flow{n}", 1, 10_000, 3_000, extra) for n, (name, extra) in enumerate(modes.items())}
        for size in (1024, 100):
            count = (options.mib << 20) // size // (1 if size > 500 else 3)
            source = flow.lines(home, size, count)
            few = flow.lines(home, size, count // FEWER)
            rates = {}
            for nth in range(options.flow_rounds):
                name = f"flow-{size}-{nth}"
                runs = {what: lambda w=w, n=n: flow.gantry(w, home, source, f"{name}-{n}") for n, (what, w) in enumerate(gantries.items())}
                runs["bare loop"] = lambda: flow.bare(binary, cluster, size, count)
                runs["Kafka Connect"] = lambda: flow.kafka_connect(worker, home, source, name)
                if theirs is not None and nth == 0:
                    runs["RocketMQ Connect"] = lambda: theirs.flow(home, few, name)
                for what, run in runs.items():
                    rates.setdefault(what, []).append(run())
                    print(f"{size} B, {what}: {rates[what][-1]:,} records/s", flush=True)
            results.append({"bytes": size, "records": count, "rates": rates, "peak_mib": gantries["gantry"].all[0][0].status_kib("VmHWM") // 1024})
        for workers in gantries.values():
            workers.stop()
        return results
    finally:
        for server in reversed(servers):
            server.stop()


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


def flow_table(results):
    """The throughput of all, as medians, and what of each peer's Gantry's is."""
    names = list(dict.fromkeys(name for one in results for name in one["rates"]))
    lines = ["| file → topic → file, records/s | " + " | ".join(f"{one['records']:,} lines of {one['bytes']} B" for one in results) + " |", "|---|" + "---|" * len(results)]
    for name in names:
        cells = []
        for one in results:
            rate, own = flow.median(one["rates"][name]), flow.median(one["rates"]["gantry"])
            cells.append(f"{rate:,}" + ("" if name.startswith("gantry") else f" (Gantry {own / rate:.2f}×)"))
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    lines.append("| peak memory of Gantry's worker | " + " | ".join(f"{one['peak_mib']} MiB" for one in results) + " |")
    return lines


def page(results):
    """The results as Markdown."""
    cost, reply = results["idle"], results["answers"]
    lines = [
        "# A cluster on RocketMQ", "",
        "Written by `make bench-rocketmq`: a real Java name server and broker, and all workers and peers, on one machine "
        f"with {os.cpu_count()} cores. Medians of {len(results['flow'][0]['rates']['gantry'])} rounds; the peers ran in turn, in the same run.", "",
        *flow_table(results["flow"]), "",
        "The bare loop is the least that a program on `rocketmq-client-rust` can do: it sends batches of 1 MiB to four queues and pulls "
        "them, and neither reads, converts, commits nor writes anything. Kafka Connect writes to a topic with one partition of Kafka's own broker; RocketMQ "
        "Connect's runtime is built from its source and uses the same RocketMQ broker; "
        f"it gets a 1/{FEWER} of the lines, as its source task reads without a limit and runs out of the 2 GiB of heap that its script gives it, and what came within a minute counts.", "",
        "| what | measured | aim |", "|---|---|---|",
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
    parser.add_argument("--flow-rounds", type=int, default=3)
    parser.add_argument("--rocketmq-connect", metavar="DIR", help="a checkout of RocketMQ Connect's source, to measure its runtime too")
    options = parser.parse_args()
    wanted = options.only.split(",") if options.only else ["flow", "idle", "answers", "failover"]
    home = target_dir() / "bench-rocketmq"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    results = {}
    try:
        with Cluster(home / "rocketmq") as cluster:
            if "flow" in wanted:
                results["flow"] = throughput(home, cluster, options)
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
