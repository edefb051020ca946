#!/usr/bin/env python3
"""A windowed count in Gantry's streams on the embedded log and in Kafka Streams on a real broker: the same records, one thread, RocksDB
and a change log on both. In each round each case runs on the one and then on the other; what each counted is compared with what came in.

Gantry's time is from the job's start until all is in a checkpoint on disk; Kafka Streams' from its first record until the last one is
processed, which at least once may be half a minute before it is committed, and behind a shuffle until the last result."""

import argparse
import datetime
import json
import os
import pathlib
import platform
import shutil
import statistics
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[2] / "scripts" / "lib"), str(HERE.parent / "kafka")]
import kafka  # noqa: E402
from worker import LabError, target_dir  # noqa: E402

# Name: keys, whether a shuffle topic is between, and Kafka Streams' guarantee. On the embedded log a job is always exactly-once.
CASES = {
    "keyed-1k": (1_000, "keyed", "at_least_once"),
    "keyed-1k-exactly-once": (1_000, "keyed", "exactly_once_v2"),
    "keyed-100k": (100_000, "keyed", "at_least_once"),
    "keyed-100k-exactly-once": (100_000, "keyed", "exactly_once_v2"),
    "shuffle-100k-exactly-once": (100_000, "shuffle", "exactly_once_v2"),
}
LIMIT_S = 600


def fetch():
    """Kafka Streams' jars, once."""
    libs = target_dir() / "bench-streams" / "libs"
    if not (libs / "complete").exists():
        shutil.rmtree(libs, ignore_errors=True)
        done = subprocess.run(["mvn", "-q", "-B", "-f", str(HERE / "pom.xml"), "dependency:copy-dependencies", f"-DoutputDirectory={libs}"], check=False)
        if done.returncode != 0:
            raise LabError("maven could not fetch Kafka Streams; see its output above")
        (libs / "complete").touch()
    return libs


def measure(command, records):
    """Runs one side; its last line is what it found."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    if done.returncode != 0:
        raise LabError(f"{command[0]} failed: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    found = json.loads(done.stdout.strip().splitlines()[-1])
    if found["counted"] != records:
        raise LabError(f"{command}: {found['counted']:,} were counted of {records:,}")
    found["load"] = os.getloadavg()[0]
    return found


def gantry(keys, how, records):
    """The example of the crate."""
    return measure([str(target_dir() / "release" / "examples" / "count_bench"), str(records), str(keys), how], records)


def streams(broker, work, keys, how, guarantee, records):
    """The same in Java."""
    state = work / "state"
    shutil.rmtree(state, ignore_errors=True)
    libs = fetch()
    # Its logger has no binding here: it says nothing.
    command = ["java", "-Xmx2g", "-cp", f"{libs}/*", str(HERE / "CountBench.java"), broker.address, str(records), str(keys), guarantee, how, str(state)]
    return measure(command, records)


def spread(values):
    """Least, median and greatest."""
    return f"{min(values):,.0f} / {statistics.median(values):,.0f} / {max(values):,.0f}"


def page(command, results, records, rounds):
    """The page of results."""
    model = next((line.split(": ", 1)[1] for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")), "?")
    lines = ["# Streams: benchmark results", "", f"Written by `{command}` on {datetime.date.today()}.", "",
             f"Machine: {os.cpu_count()} cores ({model}), {platform.system()} {platform.release()}.", "",
             *(" ".join(__doc__.split("\n\n")[0].split()), ""), " ".join(__doc__.split("\n\n")[1].split()), "",
             f"{records:,} records of 100 bytes, windows of 10 s with 5 s of grace, {rounds} rounds.", "",
             "| min / median / max | Kafka Streams, records/s | Gantry, records/s | better by | load |", "|---|---|---|---|---|"]
    for case, (theirs, ours) in results.items():
        ratio = statistics.median(o["per_s"] for o in ours) / statistics.median(t["per_s"] for t in theirs)
        loads = [one["load"] for one in theirs + ours]
        lines.append(f"| {case} | {spread([t['per_s'] for t in theirs])} | {spread([o['per_s'] for o in ours])} | {ratio:.1f} × | "
                     f"{min(loads):.1f} – {max(loads):.1f} |")
    return "\n".join(lines) + "\n"


def main():
    """The command line."""
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--records", type=int, default=2_000_000)
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--cases", default=",".join(CASES))
    options = p.parse_args()
    cases = options.cases.split(",")
    if wrong := [case for case in cases if case not in CASES]:
        p.error(f"there is no {', '.join(wrong)}; there are {', '.join(CASES)}")
    work = target_dir() / "bench-streams" / "run"
    results = {case: ([], []) for case in cases}
    for number in range(options.rounds):
        broker = kafka.Broker(work / "broker")
        try:
            for case in cases:
                keys, how, guarantee = CASES[case]
                theirs = streams(broker, work, keys, how, guarantee, options.records)
                results[case][0].append(theirs)
                ours = gantry(keys, how, options.records)
                results[case][1].append(ours)
                print(f"round {number + 1}: {case}: Kafka Streams {theirs['per_s']:,.0f}/s, Gantry {ours['per_s']:,.0f}/s, "
                      f"{ours['per_s'] / theirs['per_s']:.1f} ×, load {ours['load']:.1f}", flush=True)
        finally:
            broker.stop()
    given = [f"{key}={os.environ[key]}" for key in ("RECORDS", "ROUNDS", "CASES") if os.environ.get(key)]
    text = page(" ".join([*given, "make bench-streams"]), results, options.records, options.rounds)
    full = set(cases) == set(CASES) and options.rounds >= 3
    out = (HERE if full else work) / "RESULTS.md"
    out.write_text(text)
    print(f"{text}\nwritten to {out}")


if __name__ == "__main__":
    try:
        main()
    except LabError as error:
        sys.exit(f"bench-streams: {error}")
