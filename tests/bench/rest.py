"""The REST interface under load: requests per second of both systems, and how long Gantry's longest answer takes.

wrk asks over a few connections that stay open, one system at a time and in turn; it runs on the same machine and takes
one of its cores.
"""

import re
import subprocess

import kafka
import load
from worker import Gantry, LabError

CONNECTORS = 10             # in both systems, for requests per second
MANY = 1000                 # in Gantry, for the long answer
CONNECTIONS = 16
WARM_S = 15           # the JVM needs some ten seconds

UNITS = {"us": 1e-3, "ms": 1.0, "s": 1e3}


def wrk(url, seconds, connections):
    """Requests per second, and the 50th and 99th percentile in milliseconds."""
    argv = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", url]
    text = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    rate = re.search(r"Requests/sec:\s+([\d.]+)", text)
    bad = re.search(r"Non-2xx or 3xx responses: \d+|Socket errors: .*", text)
    if not rate or bad:
        raise LabError(f"{' '.join(argv)}: {bad.group() if bad else text}")
    percentile = {}
    for name, value, unit in re.findall(r"(\d+)%\s+([\d.]+)(us|ms|s)", text):
        percentile[int(name)] = float(value) * UNITS[unit]
    return {"per_s": float(rate.group(1)), "p50_ms": percentile[50], "p99_ms": percentile[99]}


def fill(rest, work, count):
    """File sources whose files are not there: each is an idle connector with a task."""
    for number in range(count):
        name = f"source-{number}"
        rest.create(name, load.source_config(work / f"{name}.in", f"topic-{number}"))
    for number in range(count):
        rest.wait_running(f"source-{number}")


def measure(work, only, rounds, seconds, say):
    """Both systems with the same connectors, in turn in each round; then the long answer."""
    found = {"kafka": [], "gantry": [], "many": []}
    workers, broker = {}, None
    try:
        if only != "gantry":
            broker = kafka.Broker(work / "broker")
            workers["kafka"] = kafka.Connect(work / "connect", broker)
        if only != "kafka":
            workers["gantry"] = Gantry(work / "gantry")
        for worker in workers.values():
            worker.wait_ready()
            fill(worker.rest, work, CONNECTORS)
            wrk(f"{worker.rest.base}/connectors", WARM_S, CONNECTIONS)
        for _ in range(rounds):
            for side, worker in workers.items():
                found[side].append(wrk(f"{worker.rest.base}/connectors", seconds, CONNECTIONS))
                say(f"GET /connectors, {side}: {found[side][-1]['per_s']:,.0f}/s")
    finally:
        for worker in [*workers.values(), broker]:
            if worker:
                worker.stop()
    if only != "kafka":
        found["many"] = many(work, rounds, seconds, say)
    return found


def many(work, rounds, seconds, say):
    """GET /connectors?expand=status with many connectors, one request at a time."""
    worker, found = Gantry(work / "many"), []
    try:
        worker.wait_ready()
        fill(worker.rest, work, MANY)
        url = f"{worker.rest.base}/connectors?expand=status"
        wrk(url, 1, 1)
        for _ in range(rounds):
            found.append(wrk(url, seconds, 1))
            say(f"{MANY:,} connectors, expand=status: p50 {found[-1]['p50_ms']:.2f} ms, p99 {found[-1]['p99_ms']:.2f} ms")
    finally:
        worker.stop()
    return found
