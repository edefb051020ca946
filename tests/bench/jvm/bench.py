#!/usr/bin/env python3
"""Java connectors in Gantry and in Kafka Connect, side by side, and what the bridge to Java costs. See --help; `make bench-jvm` runs it.

Parts: flow (records per second through connectors that cost nothing, and through the file source), cost (the bridge alone), database (Debezium on
PostgreSQL), start (a worker with many connectors on its plugin path)."""

import argparse
import datetime
import json
import os
import pathlib
import shutil
import signal
import sys

import sides
from sides import HERE, SIDES, LabError, target_dir
import cost
import database
import flow
import page
import starts

PARTS = {"flow": flow, "cost": cost, "database": database, "start": starts}


def say(text):
    """Progress, with the time."""
    print(f"{datetime.datetime.now():%H:%M:%S} {text}", flush=True)


def arguments():
    """The command line."""
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--only", default="", help=f"parts, with commas: {','.join(PARTS)}")
    p.add_argument("--sides", default="", help="gantry or kafka alone")
    p.add_argument("--rounds", type=int, default=3, help="of flow")
    p.add_argument("--cases", default="", help=f"of flow, with commas: {','.join(name for name, _ in flow.titles())}")
    p.add_argument("--records", type=int, default=1_000_000, help="flat ones and lines in each transfer of flow")
    p.add_argument("--structs", type=int, default=500_000, help="structs in each transfer of flow")
    p.add_argument("--cost-rounds", type=int, default=5)
    p.add_argument("--cost-batches", type=int, default=3000, help="of 1,000 records, in each round of cost")
    p.add_argument("--rows", type=int, default=200_000, help="of the snapshot of database")
    p.add_argument("--changes", type=int, default=100_000, help="that are streamed")
    p.add_argument("--database-rounds", type=int, default=3)
    p.add_argument("--start-rounds", type=int, default=3)
    p.add_argument("--work", type=pathlib.Path, default=target_dir() / "bench-jvm", help="where the data goes (needs about 8 GB)")
    p.add_argument("--out", type=pathlib.Path, help="the page to write; default tests/bench/jvm/RESULTS.md for all parts with at least 3 rounds, "
                   "<work>/RESULTS.md for less")
    options = p.parse_args()
    options.parts = [part for part in options.only.split(",") if part] or list(PARTS)
    options.sides = [side for side in options.sides.split(",") if side] or list(SIDES)
    wrong = [word for word in options.parts if word not in PARTS] + [word for word in options.sides if word not in SIDES]
    if wrong:
        p.error(f"there is no {', '.join(wrong)}")
    return options


def main():
    """Runs what was asked and writes the page, also when a later part fails."""
    # So that what was started ends too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    options = arguments()
    options.work.mkdir(parents=True, exist_ok=True)
    run = options.work / "run"
    full = set(options.parts) == set(PARTS) and set(options.sides) == set(SIDES) and not options.cases and \
        min(options.rounds, options.database_rounds, options.start_rounds) >= 3
    out = options.out or (HERE / "RESULTS.md" if full else options.work / "RESULTS.md")
    given = [f"{key}={os.environ[key]}" for key in ("ONLY", "SIDES", "CASES", "ROUNDS", "RECORDS", "STRUCTS", "ROWS", "CHANGES") if os.environ.get(key)]
    result = {"command": " ".join([*given, "make bench-jvm"]), "date": f"{datetime.date.today()}", "load": os.getloadavg()[0],
              "versions": page.versions(sides), "options": {k: v for k, v in vars(options).items() if isinstance(v, (int, str))}, "parts": {}}
    if result["load"] > 0.5:
        say(f"warning: the machine is busy (load {result['load']:.2f}); the figures will be worse than they could be")
    try:
        for part in options.parts:
            shutil.rmtree(run, ignore_errors=True)
            (run / part).mkdir(parents=True)
            say(part)
            result["parts"][part] = PARTS[part].measure(run / part, options, say)
    finally:
        (options.work / "results.json").write_text(json.dumps(result, indent=1))
        text = page.markdown(result)
        out.write_text(text, encoding="utf-8")
    shutil.rmtree(run, ignore_errors=True)
    print(text)
    print(f"written to {out}")


if __name__ == "__main__":
    try:
        main()
    except LabError as error:
        sys.exit(f"bench-jvm: {error}")
