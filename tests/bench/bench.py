#!/usr/bin/env python3
"""Kafka Connect and Gantry side by side, and how flat Gantry's cost per record is. See --help; `make bench` runs it."""

import argparse
import datetime
import json
import os
import pathlib
import shutil
import statistics
import sys
import time

import load
import report

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "kafka"))
import kafka  # noqa: E402
import rest  # noqa: E402
import transforms  # noqa: E402
from worker import Gantry, LabError, target_dir, write_properties  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
FULL_LINES = 1_000_000
PIPELINE_FACTOR = 5
IDLE_S = 3              # how long a worker rests before its idle memory is read
FIRST_LINES = 1000      # the file of the start-to-first-record run


def say(text):
    """Progress, with the time."""
    print(f"{datetime.datetime.now():%H:%M:%S} {text}", flush=True)


def fresh(path):
    """An empty directory."""
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    return path


def first_record(start, work):
    """Start to first record: the worker gets both connectors at its start; the clock runs from exec to a byte in the sink."""
    source = load.make_input(work / "first.in", FIRST_LINES)
    sink = work / "first.out"
    sink.unlink(missing_ok=True)
    worker = start({"first-sink": load.sink_config(sink, "first"), "first-source": load.source_config(source, "first")})
    try:
        while load.size_of(sink) == 0:
            if not worker.alive() or time.monotonic() - worker.started > 120:
                raise LabError(f"no record arrived after the start:\n{worker.tail()}")
            time.sleep(0.001)
        return time.monotonic() - worker.started
    finally:
        worker.stop()


def property_files(work, connectors):
    """One properties file for each connector, as the standalone command takes them."""
    return [write_properties(work / f"{name}.properties", {"name": name, **config}) for name, config in connectors.items()]


def one_round(name, start, others, source, work, args):
    """All figures of one system for one round. `start(connectors)` starts a worker; `others` are processes that count with it."""
    worker = start({})
    try:
        result = {"ready_s": worker.wait_ready()}
        procs = {"worker": worker, **others}
        time.sleep(IDLE_S)
        result["idle_mib"] = sum(p.rss_mib() for p in procs.values())
        for key, smt in (("warm-plain", False), ("warm-smt", True)):
            load.transfer(worker.rest, procs, source, work, key, args.lines, smt)
        for key, smt in (("plain", False), ("smt", True)):
            result[key] = load.transfer(worker.rest, procs, source, work, key, args.lines, smt)
        result["peak_mib"] = sum(p.peak_mib() for p in procs.values())
    finally:
        worker.stop()
    result["first_s"] = first_record(start, work)
    say(f"{name}: plain {result['plain']['records_per_s']:,.0f}/s, smt {result['smt']['records_per_s']:,.0f}/s, ready "
        f"{result['ready_s']:.3f} s, first record {result['first_s']:.3f} s, idle {result['idle_mib']:.0f} MiB, peak "
        f"{result['peak_mib']:.0f} MiB, cpu {result['plain']['cpu_s_per_million']:.2f} and "
        f"{result['smt']['cpu_s_per_million']:.2f} s per 10^6")
    return result


def kafka_round(source, work, args):
    """One round of Kafka: a fresh broker, then its workers."""
    broker = kafka.Broker(work / "broker")
    count = iter(range(10))
    try:
        def start(connectors):
            home = work / f"connect{next(count)}"
            if args.mode == "standalone":
                return kafka.Connect(home, broker, args.mode, property_files(work, connectors))
            worker = kafka.Connect(home, broker, args.mode)
            for name, config in connectors.items():    # this mode takes connectors over REST alone
                worker.wait_ready()
                worker.rest.create(name, config)
            return worker
        return one_round("kafka ", start, {"broker": broker}, source, work, args)
    finally:
        broker.stop()


def gantry_round(source, work, args):
    """One round of Gantry: each start on an empty data directory."""
    count = iter(range(10))

    def start(connectors):
        return Gantry(fresh(work / f"gantry{next(count)}"), property_files(work, connectors))
    return one_round("gantry", start, {}, source, work, args)


def by_lines(work, args):
    """CPU per record against the number of records."""
    points = []
    for lines in args.flat_lines:
        source = load.make_input(work / "flat.in", lines)
        runs = []
        for _ in range(args.rounds):
            worker = Gantry(fresh(work / "flat"))
            try:
                worker.wait_ready()
                run = load.transfer(worker.rest, {"worker": worker}, source, work, "flat", lines, False)
                runs.append((run["cpu_s_per_million"], run["records_per_s"], worker.peak_mib()))
            finally:
                worker.stop()
        points.append(point(lines, lines, runs))
    return points


def point(x, records, runs):
    """One line of a flatness table."""
    say(f"flat {x:,}: {statistics.median(r[0] for r in runs):.3f} µs of CPU per record")
    return {"x": x, "records": records, "cpu_us": [r[0] for r in runs], "rate": [r[1] for r in runs],
            "peak_mib": [r[2] for r in runs]}


def by_connectors(work, args):
    """CPU per record against the number of pipelines; the same number of records in all."""
    points = []
    for pipelines in args.flat_connectors:
        # Enough records that making, starting and idling of the connectors does not stand for the cost of a record.
        total = args.lines * PIPELINE_FACTOR
        runs = [many(fresh(work / "many"), pipelines, total) for _ in range(args.rounds)]
        points.append(point(pipelines, total // pipelines * pipelines, runs))
    return points


def many(work, pipelines, total):
    """`pipelines` file pipelines on one worker share `total` lines. Returns CPU µs per record, records/s, peak MiB."""
    lines = total // pipelines
    staged = [load.make_input(work / f"{i}.staged", lines, i * lines) for i in range(pipelines)]
    sinks = [work / f"{i}.out" for i in range(pipelines)]
    want = load.expected_size(lines, False)
    worker = Gantry(work / "gantry")
    try:
        worker.wait_ready()
        names = []
        for i in range(pipelines):
            worker.rest.create(f"sink-{i}", load.sink_config(sinks[i], f"topic-{i}"))
            worker.rest.create(f"source-{i}", load.source_config(work / f"{i}.in", f"topic-{i}"))
            names += [f"sink-{i}", f"source-{i}"]
        for name in names:
            worker.rest.wait_running(name)
        before = worker.cpu_s()
        for i in range(pipelines):
            staged[i].rename(work / f"{i}.in")
        began, first, waiting = time.monotonic(), None, list(sinks)
        while waiting:
            if first is None and any(load.size_of(s) for s in waiting):
                first = time.monotonic()
            waiting = [s for s in waiting if load.size_of(s) < want]
            if time.monotonic() - began > load.LIMIT_S:
                raise LabError(f"{len(waiting)} of {pipelines} sink files are incomplete after {load.LIMIT_S} s")
            time.sleep(load.POLL_S * (1 if pipelines < 20 else 5))
        seconds, cpu, peak = time.monotonic() - first, worker.cpu_s() - before, worker.peak_mib()
        for i in range(pipelines):
            load.check(work / f"{i}.in", sinks[i], False)
    finally:
        worker.stop()
    records = lines * pipelines
    return cpu / records * 1e6, records / max(seconds, load.POLL_S), peak


def numbers(text):
    """A comma-separated list of counts; empty for none."""
    return [int(n) for n in text.split(",") if n]


def arguments():
    """The command line."""
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--lines", type=int, default=FULL_LINES, help="lines of 100 bytes per transfer; 0 for none")
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--only", choices=["gantry", "kafka"], help="measure one side alone")
    p.add_argument("--mode", choices=["standalone", "distributed"], default="standalone", help="of the Kafka Connect worker")
    p.add_argument("--flat-lines", type=numbers, default="100000,1000000,10000000", help="sizes for the flatness table, or ''")
    p.add_argument("--flat-connectors", type=numbers, default="1,10,50,200", help="pipelines for the flatness table, or ''")
    p.add_argument("--transform-seconds", type=float, default=2.0, help="for each transformation on each side in each round; 0 for none")
    p.add_argument("--rest-seconds", type=int, default=10, help="of load for each figure of the REST interface; 0 for none")
    p.add_argument("--work", type=pathlib.Path, default=target_dir() / "bench", help="where the data goes (needs about 8 GB)")
    p.add_argument("--out", type=pathlib.Path, help="the page to write; default tests/bench/RESULTS.md for a full run, "
                   "<work>/RESULTS.md for a smaller one")
    return p.parse_args()


def main():
    """Runs what was asked and writes the page, also when a later part fails."""
    args = arguments()
    work = fresh(args.work / "run")
    full = args.lines == FULL_LINES and args.rounds >= 3 and not args.only and args.flat_lines and args.flat_connectors \
        and args.transform_seconds and args.rest_seconds
    out = args.out or (HERE / "RESULTS.md" if full else args.work / "RESULTS.md")
    command = " ".join(f"{k}={os.environ[k]}" for k in ("LINES", "ROUNDS", "ONLY", "MODE", "FLAT_LINES", "FLAT_CONNECTORS", "TRANSFORM_S", "REST_S")
                       if os.environ.get(k)) + " make bench"
    result = {"parameters": {
        "command": command.strip(), "date": f"{datetime.date.today()}", "load": os.getloadavg()[0], "lines": args.lines,
        "rounds": args.rounds, "mode": args.mode, "kafka": "not measured" if args.only == "gantry" else f"Apache Kafka {kafka.version()}",
    }, "kafka": [], "gantry": [], "transforms": [], "rest": {}, "by_lines": [], "by_connectors": []}
    if os.getloadavg()[0] > 0.5:
        say(f"warning: the machine is busy (load {os.getloadavg()[0]:.2f}); the figures will be worse than they could be")
    try:
        source = load.make_input(work / "source.in", args.lines) if args.lines else None
        for number in range(args.rounds if args.lines else 0):
            say(f"round {number + 1} of {args.rounds}")
            if args.only != "gantry":
                result["kafka"].append(kafka_round(source, fresh(work / "k"), args))
            if args.only != "kafka":
                result["gantry"].append(gantry_round(source, fresh(work / "g"), args))
        if args.transform_seconds:
            result["transforms"] = transforms.measure(args.only, args.rounds, args.transform_seconds, say)
        if args.rest_seconds:
            result["rest"] = rest.measure(fresh(work / "rest"), args.only, args.rounds, args.rest_seconds, say)
        if args.only != "kafka":
            result["by_lines"] = by_lines(work, args)
            result["by_connectors"] = by_connectors(work, args)
    finally:
        (args.work / "results.json").write_text(json.dumps(result, indent=1))
        page = report.markdown(result)
        out.write_text(page, encoding="utf-8")
    shutil.rmtree(work, ignore_errors=True)
    print(page)
    print(f"written to {out}")


if __name__ == "__main__":
    try:
        main()
    except LabError as error:
        sys.exit(f"bench: {error}")
