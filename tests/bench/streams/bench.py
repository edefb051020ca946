#!/usr/bin/env python3
"""A windowed count and queries of Nexmark in Gantry's streams on the embedded log and in Kafka Streams on a real broker: the same records,
one thread, RocksDB and a change log on both. In each round each case runs on the one and then on the other. What each counted is
compared with what came in, and what each found out with what the other one did.

Gantry's time is from the job's start until all is in a checkpoint on disk; Kafka Streams' from its first record until the last one is
processed, which at least once may be half a minute before it is committed, and behind a shuffle until the last result."""

import argparse
import dataclasses
import datetime
import functools
import json
import os
import pathlib
import platform
import shutil
import statistics
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[2] / "scripts" / "lib"), str(HERE.parent / "kafka"), str(HERE.parents[1] / "rocketmq")]
import alone  # noqa: E402
import kafka  # noqa: E402
from worker import LabError, target_dir  # noqa: E402

LIMIT_S = 600


def fetch():
    """Kafka Streams' jars and our programs for it. Returns the class path."""
    base = target_dir() / "bench-streams"
    libs, classes = base / "libs", base / "classes"
    if not (libs / "complete").exists():
        shutil.rmtree(libs, ignore_errors=True)
        done = subprocess.run(["mvn", "-q", "-B", "-f", str(HERE / "pom.xml"), "dependency:copy-dependencies", f"-DoutputDirectory={libs}"], check=False)
        if done.returncode != 0:
            raise LabError("maven could not fetch Kafka Streams; see its output above")
        (libs / "complete").touch()
    shutil.rmtree(classes, ignore_errors=True)
    done = subprocess.run(["javac", "-cp", f"{libs}/*", "-d", str(classes), *map(str, HERE.glob("*.java"))], check=False)
    if done.returncode != 0:
        raise LabError("the programs for Kafka Streams cannot be compiled; see the output above")
    # Its logger has no binding here: it says nothing.
    return f"{classes}{os.pathsep}{libs}/*"


def measure(command):
    """Runs one side; its last line is what it found."""
    command = [str(part) for part in command]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    if done.returncode != 0:
        raise LabError(f"{command[0]} failed: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    found = json.loads(done.stdout.strip().splitlines()[-1])
    found["load"] = os.getloadavg()[0]
    return found


class Lab:
    """Where both sides run, and how much they get."""

    def __init__(self, records, events):
        self.work, self.classes, self.records, self.events = target_dir() / "bench-streams" / "run", fetch(), records, events

    def gantry(self, example, *args):
        """An example of the crate, on a log of its own."""
        return measure([target_dir() / "release" / "examples" / example, *args])

    def streams(self, broker, program, *args):
        """A program in Java, on an empty state."""
        state = self.work / "state"
        shutil.rmtree(state, ignore_errors=True)
        return measure(["java", "-Xmx2g", "-cp", self.classes, program, broker.address, *args, state])

    @functools.cached_property
    def event_file(self):
        """Nexmark's events as the example makes them."""
        file = self.work / "events"
        subprocess.run([target_dir() / "release" / "examples" / "nexmark", "write", str(self.events), file], check=True)
        return file


@dataclasses.dataclass
class Count:
    """The windowed count, of so many keys, straight or with a shuffle topic between, with a guarantee of Kafka Streams. On the embedded
    log a job is always exactly-once."""
    keys: int
    how: str
    guarantee: str
    asked = 4

    def run(self, lab, broker):
        """Theirs and ours."""
        theirs = lab.streams(broker, "CountBench", lab.records, self.keys, self.guarantee, self.how)
        ours = lab.gantry("count_bench", lab.records, self.keys, self.how)
        for name, found in (("Kafka Streams", theirs), ("Gantry", ours)):
            if found["counted"] != lab.records:
                raise LabError(f"{name} counted {found['counted']:,} of {lab.records:,}: {self}")
        return theirs, ours


@dataclasses.dataclass
class Nexmark:
    """A query of Nexmark, exactly-once on both sides."""
    query: str
    asked = 3

    def run(self, lab, broker):
        """Theirs and ours."""
        theirs = lab.streams(broker, "NexmarkBench", lab.event_file, self.query, "exactly_once_v2")
        ours = lab.gantry("nexmark", self.query, lab.events)
        both = [(found["events"], found["results"], found["checksum"]) for found in (theirs, ours)]
        if both[0] != both[1] or both[1][0] != lab.events or not both[1][1] or ours["late"]:
            raise LabError(f"{self.query}: events, results and their sum are {both[0]} in Kafka Streams and {both[1]} in Gantry "
                           f"with {ours['late']} late ones")
        return theirs, ours


CASES = {
    "keyed-1k": Count(1_000, "keyed", "at_least_once"),
    "keyed-1k-exactly-once": Count(1_000, "keyed", "exactly_once_v2"),
    "keyed-100k": Count(100_000, "keyed", "at_least_once"),
    "keyed-100k-exactly-once": Count(100_000, "keyed", "exactly_once_v2"),
    "shuffle-100k-exactly-once": Count(100_000, "shuffle", "exactly_once_v2"),
    **{f"nexmark-{query}": Nexmark(query) for query in ("q1", "q2", "q5", "q7", "q8")},
}


def spread(values):
    """Least, median and greatest."""
    return f"{min(values):,.0f} / {statistics.median(values):,.0f} / {max(values):,.0f}"


def page(command, results, lab, rounds):
    """The page of results."""
    model = next((line.split(": ", 1)[1] for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")), "?")
    lines = ["# Streams: benchmark results", "", f"Written by `{command}` on {datetime.date.today()}.", "",
             f"Machine: {os.cpu_count()} cores ({model}), {platform.system()} {platform.release()}.", "",
             *(" ".join(__doc__.split("\n\n")[0].split()), ""), " ".join(__doc__.split("\n\n")[1].split()), "",
             f"Counts: {lab.records:,} records of 100 bytes, windows of 10 s with 5 s of grace. Nexmark: {lab.events:,} events of "
             f"people, auctions and bids in one topic. {rounds} rounds.", "",
             "| min / median / max | Kafka Streams, records/s | Gantry, records/s | better by | asked | load |", "|---|---|---|---|---|---|"]
    for case, (theirs, ours) in results.items():
        ratio = statistics.median(o["per_s"] for o in ours) / statistics.median(t["per_s"] for t in theirs)
        loads = [one["load"] for one in theirs + ours]
        lines.append(f"| {case} | {spread([t['per_s'] for t in theirs])} | {spread([o['per_s'] for o in ours])} | {ratio:.1f} × | {CASES[case].asked} × | "
                     f"{min(loads):.1f} – {max(loads):.1f} |")
    return "\n".join(lines) + "\n"


def main():
    """The command line."""
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--records", type=int, default=2_000_000, help="of each count")
    p.add_argument("--events", type=int, default=2_000_000, help="of each query of Nexmark")
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--cases", default=",".join(CASES))
    options = p.parse_args()
    cases = options.cases.split(",")
    if wrong := [case for case in cases if case not in CASES]:
        p.error(f"there is no {', '.join(wrong)}; there are {', '.join(CASES)}")
    lab = Lab(options.records, options.events)
    results = {case: ([], []) for case in cases}
    for number in range(options.rounds):
        broker = kafka.Broker(lab.work / "broker")
        try:
            for case in cases:
                theirs, ours = CASES[case].run(lab, broker)
                results[case][0].append(theirs)
                results[case][1].append(ours)
                print(f"round {number + 1}: {case}: Kafka Streams {theirs['per_s']:,.0f}/s, Gantry {ours['per_s']:,.0f}/s, "
                      f"{ours['per_s'] / theirs['per_s']:.1f} ×, load {ours['load']:.1f}", flush=True)
        finally:
            broker.stop()
    given = [f"{key}={os.environ[key]}" for key in ("RECORDS", "EVENTS", "ROUNDS", "CASES") if os.environ.get(key)]
    text = page(" ".join([*given, "make bench-streams"]), results, lab, options.rounds)
    full = set(cases) == set(CASES)
    if full:
        text += "\n".join(alone.table(lab, options.rounds)) + "\n"
    out = (HERE if full else lab.work) / "RESULTS.md"
    out.write_text(text)
    print(f"{text}\nwritten to {out}")


if __name__ == "__main__":
    try:
        main()
    except LabError as error:
        sys.exit(f"bench-streams: {error}")
