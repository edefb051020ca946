#!/usr/bin/env python3
"""From a file through a source connector, a streams job and a sink connector into a file: each customer's orders of ten seconds, summed.
On the embedded log, which one process has after the other; and on a RocketMQ broker, which all share, where the job is killed meanwhile."""

import collections
import json
import pathlib
import shutil
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1] / "scripts" / "lib"), str(HERE.parent / "rocketmq")]
from cluster import Cluster  # noqa: E402
from worker import Gantry, LabError, gantry_binary, target_dir, wait_for, write_properties  # noqa: E402

ORDERS = 20_000
LIMIT_S = 60
STRING = "org.apache.kafka.connect.storage.StringConverter"
BEGIN_MS = 1_700_000_000_000
WINDOW_MS = 10_000
KILLS = 5


def orders():
    """The orders, and what each customer's come to in each window."""
    totals, lines = collections.defaultdict(lambda: [0, 0]), []
    for number in range(ORDERS):
        order = {"customer": f"c{number * 7 % 50}", "cents": number % 1000, "at_ms": BEGIN_MS + number * 3}
        lines.append(json.dumps(order) + "\n")
        total = totals[order["customer"], order["at_ms"] // WINDOW_MS]
        total[0] += 1
        total[1] += order["cents"]
    return lines, sorted(tuple(total) for total in totals.values())


def job(work, count, name_server=None, *more):
    """The example of the crate: makes topics, and takes all orders that there are."""
    program = target_dir() / "release" / "examples" / "orders"
    argv = [str(program), str(work), str(count), *([name_server, *more] if name_server else [])]
    return subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)


def run_job(work, count, name_server=None):
    """Runs it to its end; gives what it says each customer's orders come to: number and cents."""
    process = job(work, count, name_server)
    try:
        said, _ = process.communicate(timeout=LIMIT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        raise LabError(f"the job did not end within {LIMIT_S} s") from None
    if process.returncode != 0:
        raise LabError(f"the job ended with {process.returncode}: {said[-500:]}")
    return sorted(tuple(int(word) for word in line.split()[1:]) for line in said.splitlines())


def connector(work, name, kind, values):
    """A file connector's properties."""
    common = {"name": name, "connector.class": kind, "tasks.max": 1, "key.converter": STRING, "value.converter": STRING}
    return write_properties(work / f"{name}.properties", {**common, **values})


def lines_of(path):
    """How many there are."""
    return path.read_text().count("\n") if path.exists() else 0


def settled(path, limit_s=LIMIT_S):
    """The last total of each window that a sink wrote: its size, once it does not grow any more."""
    last, since, until = -1, time.monotonic(), time.monotonic() + limit_s
    while time.monotonic() < until:
        count = lines_of(path)
        if count != last:
            last, since = count, time.monotonic()
        elif count and time.monotonic() - since > 2:
            return [json.loads(line) for line in path.read_text().splitlines()]
        time.sleep(0.1)
    raise LabError(f"{path} did not come to rest")


def flow(work, props, name_server):
    """All of it; gives what the job said, and what the sink wrote."""
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    lines, _ = orders()
    (work / "orders.jsonl").write_text("".join(lines))
    run_job(work, 0, name_server)
    source = connector(work, "orders-file", "FileStreamSource", {"file": work / "orders.jsonl", "topic": "orders"})
    raw = connector(work, "raw-file", "FileStreamSink", {"file": work / "raw.jsonl", "topics": "orders"})
    worker = Gantry(work / "worker", [source, raw], props)
    try:
        wait_for("not all orders are in the topic", lambda: lines_of(work / "raw.jsonl") >= ORDERS, LIMIT_S)
    finally:
        worker.stop()
    if name_server:
        for number in range(KILLS):
            process = job(work, ORDERS, name_server)
            time.sleep(0.15 + 0.1 * number)
            process.kill()
            process.communicate()
    said = run_job(work, ORDERS, name_server)
    sink = connector(work, "totals-file", "FileStreamSink", {"file": work / "totals.jsonl", "topics": "totals"})
    worker = Gantry(work / "worker", [sink], props)
    try:
        return said, settled(work / "totals.jsonl")
    finally:
        worker.stop()


def shown(worker, *words):
    """What `gantry streams …` says."""
    argv = [str(gantry_binary()), "streams", *words, "--url", f"http://127.0.0.1:{worker.port}"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    if done.returncode != 0:
        raise LabError(f"{' '.join(argv)} ended with {done.returncode}: {done.stderr}")
    return done.stdout


def listed(work, props, name_server):
    """A running job is shown with its tasks; a killed one is lost, and one that is not there is an error that names those that are."""
    process = job(work, 0, name_server, "follow")
    worker = Gantry(work / "worker", [], props)
    try:
        worker.wait_ready()
        wait_for("the job is not listed with its tasks", lambda: "1 RUNNING" in shown(worker, "list") and "6/6" in shown(worker, "list"), LIMIT_S)
        text = shown(worker, "show", "orders")
        if "orders: 1 RUNNING" not in text or "CHECKPOINTS" not in text or "0-2" not in text or "orders-shuffle-3" not in text:
            raise LabError(f"gantry streams show orders says: {text}")
        process.kill()
        wait_for("the killed job is not lost", lambda: "1 LOST" in shown(worker, "list"), LIMIT_S)
        try:
            shown(worker, "show", "none")
        except LabError as error:
            if "no job none reports" not in str(error) or "orders" not in str(error):
                raise
    finally:
        process.kill()
        process.communicate()
        worker.stop()


def main():
    """Both logs."""
    work = target_dir() / "streams"
    # What a run left that failed.
    shutil.rmtree(work, ignore_errors=True)
    _, wanted = orders()
    base = {"offset.flush.interval.ms": 200}
    said, wrote = flow(work / "embedded", {**base, "gantry.data.dir": work / "embedded" / "log"}, None)
    if said != wanted:
        raise LabError(f"embedded: the totals are {said[:5]} … and should be {wanted[:5]} …")
    pairs = {(total["orders"], total["cents"]) for total in wrote}
    if missing := [total for total in wanted if total not in pairs]:
        raise LabError(f"embedded: the sink's file has no {missing[:5]}")
    print(f"embedded: {ORDERS:,} orders, {len(wanted)} totals, as they should be, in the sink's file too")
    with Cluster(work / "cluster") as cluster:
        more = {"gantry.log": "rocketmq", "gantry.rocketmq.namesrv.addr": cluster.name_server, "gantry.data.dir": work / "rocketmq" / "copies"}
        said, wrote = flow(work / "rocketmq", {**base, **more}, cluster.name_server)
        listed(work / "rocketmq", {**base, **more}, cluster.name_server)
    if said != wanted:
        raise LabError(f"RocketMQ: the totals are {said[:5]} … and should be {wanted[:5]} …")
    pairs = collections.Counter((total["orders"], total["cents"]) for total in wrote)
    if missing := [total for total in wanted if total not in pairs]:
        raise LabError(f"RocketMQ: the sink's file has no {missing[:5]}")
    print(f"RocketMQ: {ORDERS:,} orders, the job killed {KILLS} times, totals as they should be, in the sink's file too")
    shutil.rmtree(work)


if __name__ == "__main__":
    try:
        main()
    except (LabError, RuntimeError) as error:
        sys.exit(f"streams: {error}")
