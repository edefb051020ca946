#!/usr/bin/env python3
"""Kills gantry with SIGKILL at random moments while lines flow file → topic → file, starts it again each time with the
same configs, and at the end wants every line exactly once and in order, in the topic and in the sink file."""

import argparse
import json
import pathlib
import random
import shutil
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "scripts" / "lib"))
from worker import FILE_SINK, FILE_SOURCE, STRING, Gantry, LabError, gantry_binary, target_dir, write_properties  # noqa: E402

TOPIC = "kill-lines"
BURST_LINES = (2_000, 60_000)      # lines appended between two kills
PIECES = 4                         # appends that they come in, cut anywhere, also inside a character
LIFE_S = (0.0, 0.45)               # how long gantry lives, from exec: also before it is ready
FINISH_LIMIT_S = 180
QUIET_S = 1.0                      # nothing may be added after the last line for this long
DUMP_PAGE_EXTRA = 1000
# Lengths differ, some are empty, many hold characters of two to four bytes.
FILLERS = ["", "plain", "naïve café", "Größe – Maß", "日本語の行です", "emoji 🦀🚀", "tab\tinside", "x" * 40, "жук " * 12,
           "y" * 97, "\"quoted\" {json}", "end"]


def block(first, count):
    """The bytes of `count` lines from number `first`; each line is unlike every other."""
    return "".join(f"{n:010d} {FILLERS[n % len(FILLERS)]}\n" for n in range(first, first + count)).encode()


class Run:
    """One kill run in a directory of its own."""

    def __init__(self, home, seed, flush_ms):
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        self.home, self.random = home, random.Random(seed)
        self.source, self.sink = home / "in.txt", home / "out.txt"
        self.source.touch()
        self.lines = self.mid = self.unready = 0
        self.props = {"offset.flush.interval.ms": flush_ms}
        common = {"tasks.max": 1, "key.converter": STRING, "value.converter": STRING}
        self.files = [
            write_properties(home / "source.properties", {
                "name": "kill-source", "connector.class": FILE_SOURCE, "file": self.source, "topic": TOPIC, **common}),
            write_properties(home / "sink.properties", {
                "name": "kill-sink", "connector.class": FILE_SINK, "file": self.sink, "topics": TOPIC, **common}),
        ]

    def sizes(self):
        """Bytes of the source and of the sink file."""
        return self.source.stat().st_size, self.sink.stat().st_size if self.sink.exists() else 0

    def append(self, data):
        """Appends bytes to the source, unbuffered."""
        with open(self.source, "ab", buffering=0) as f:
            f.write(data)

    def live_and_die(self):
        """One life: gantry starts, a burst arrives in pieces, SIGKILL falls at a random moment."""
        count = self.random.randint(*BURST_LINES)
        data = block(self.lines, count)
        self.lines += count
        cuts = sorted(self.random.randrange(len(data)) for _ in range(PIECES - 1))
        pieces = [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)])]
        life = self.random.uniform(*LIFE_S)
        moments = sorted(self.random.uniform(0, life) for _ in pieces)
        gantry = Gantry(self.home / "gantry", self.files, self.props)
        for moment, piece in zip(moments, pieces):
            self.sleep_until(gantry.started + moment)
            self.append(piece)
        self.sleep_until(gantry.started + life)
        if not gantry.alive():
            raise LabError(f"gantry ended by itself with status {gantry.child.returncode}:\n{gantry.tail(30)}")
        source, sink = self.sizes()
        self.mid += sink < source
        self.unready += "ready" not in self.ready(gantry)
        gantry.kill()

    @staticmethod
    def ready(gantry):
        """"ready" when REST answers at this moment."""
        try:
            return "ready" if gantry.rest.send("GET", "/connectors")[0] == 200 else ""
        except OSError:
            return ""

    @staticmethod
    def sleep_until(moment):
        """Sleeps until a time of the monotonic clock."""
        time.sleep(max(0.0, moment - time.monotonic()))

    def finish(self):
        """A last life without a kill: all must arrive, then nothing more."""
        gantry = Gantry(self.home / "gantry", self.files, self.props)
        try:
            gantry.wait_ready()
            began = time.monotonic()
            while self.sizes()[1] < self.sizes()[0]:
                if time.monotonic() - began > FINISH_LIMIT_S or not gantry.alive():
                    raise LabError(
                        f"the sink file has {self.sizes()[1]} of {self.sizes()[0]} bytes after {FINISH_LIMIT_S} s; source "
                        f"{gantry.rest.status('kill-source')}, sink {gantry.rest.status('kill-sink')}\n{gantry.tail(30)}")
                time.sleep(0.02)
            time.sleep(QUIET_S)
            self.check_sink()
            self.check_topic(gantry.rest.base)
        finally:
            gantry.stop()

    def check_sink(self):
        """The sink file is the source file, byte for byte."""
        with open(self.source, "rb") as one, open(self.sink, "rb") as other:
            number = 0
            for number, want in enumerate(one, 1):
                got = other.readline()
                if got != want:
                    raise LabError(f"{self.sink}:{number}: {got[:80]!r} where the source has {want[:80]!r} (kept: {self.home})")
            extra = other.readline()
        if extra:
            raise LabError(f"{self.sink} goes on after line {number}: {extra[:80]!r} (kept: {self.home})")

    def check_topic(self, url):
        """The topic holds every line once, in order."""
        argv = [gantry_binary(), "topic", "dump", TOPIC, "--max", str(self.lines + DUMP_PAGE_EXTRA), "--timeout-ms", "2000",
                "--url", url]
        with open(self.source, "rb") as want, subprocess.Popen(argv, stdout=subprocess.PIPE) as dump:
            next(dump.stdout)
            number = 0
            for number, text in enumerate(dump.stdout, 1):
                value, line = bytes.fromhex(json.loads(text)["value"]), want.readline()
                if value + b"\n" != line:
                    dump.kill()
                    raise LabError(f"topic record {number}: {value[:80]!r} where the source has {line[:80]!r} (kept: {self.home})")
        if number != self.lines:
            raise LabError(f"the topic holds {number} records, the source {self.lines} lines (kept: {self.home})")


def run(kills, seed, flush_ms, work):
    """Runs it. Returns the figures for the report."""
    began = time.monotonic()
    one = Run(work / "kill", seed, flush_ms)
    for number in range(1, kills + 1):
        one.live_and_die()
        if number % 10 == 0 or number == kills:
            print(f"  {number} kills, {one.lines:,} lines, {one.mid} kills with lines on their way", flush=True)
    one.finish()
    if kills >= 20 and one.mid == 0:
        raise LabError("no kill fell into a transfer: the run shows nothing; make the bursts larger")
    shutil.rmtree(one.home, ignore_errors=True)
    return {"kills": kills, "seed": seed, "flush_ms": flush_ms, "lines": one.lines, "mid": one.mid, "unready": one.unready,
            "seconds": time.monotonic() - began}


def main():
    """The command line."""
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--kills", type=int, default=50)
    p.add_argument("--seed", type=int, default=random.randrange(1 << 30), help="repeats the same bursts and lives")
    p.add_argument("--flush-ms", type=int, default=200, help="offset.flush.interval.ms")
    p.add_argument("--work", type=pathlib.Path, default=target_dir() / "soak")
    args = p.parse_args()
    print(f"kill -9, {args.kills} times, seed {args.seed}", flush=True)
    result = run(args.kills, args.seed, args.flush_ms, args.work)
    print(f"kills: every one of {result['lines']:,} lines exactly once and in order, in the topic and in the sink file, after "
          f"{result['kills']} kills ({result['mid']} with lines on their way, {result['unready']} before REST was ready), "
          f"{result['seconds']:.0f} s")


if __name__ == "__main__":
    try:
        main()
    except LabError as error:
        sys.exit(f"kills: {error}")
