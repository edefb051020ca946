#!/usr/bin/env python3
"""The long runs, one after the other; writes tests/soak/RESULTS.md. See --help; `make soak` runs it."""

import argparse
import datetime
import pathlib
import random
import sys

import kill
import leak

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "bench"))
from report import machine  # noqa: E402
from worker import LabError, target_dir  # noqa: E402

FULL_KILLS, FULL_CONNECTORS, FULL_FLOW_S = 500, 500, 300


def table(rows):
    """The samples of a leak watch."""
    out = ["| | resident MiB | file descriptors | threads |", "|---|---|---|---|"]
    out += [f"| {r['at']} | {r['rss_mib']:.1f} | {r['fds']} | {r['threads']} |" for r in rows]
    return out


def main():
    """Runs all; a failure ends it and is written down too."""
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--kills", type=int, default=FULL_KILLS)
    p.add_argument("--connectors", type=int, default=FULL_CONNECTORS)
    p.add_argument("--flow-s", type=int, default=FULL_FLOW_S)
    p.add_argument("--fuzz-cases", type=int, default=0, help="how many inputs each property of the parsers has just passed")
    p.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    p.add_argument("--work", type=pathlib.Path, default=target_dir() / "soak")
    args = p.parse_args()
    page = ["# Soak results", "", f"Written by `make soak` on {datetime.date.today()}.", "", f"Machine: {machine()}.", ""]
    if args.fuzz_cases:
        page += ["## Parsers", "", f"{args.fuzz_cases:,} arbitrary and mutated inputs for each property of frames, JSON and "
                 "values: no failure.", ""]
    failed = None
    try:
        print(f"kill -9, {args.kills} times, seed {args.seed}", flush=True)
        k = kill.run(args.kills, args.seed, 200, args.work)
        page += ["## kill -9", "",
                 f"{k['kills']} kills at random moments in {k['seconds']:.0f} s (seed {k['seed']}, offsets committed every "
                 f"{k['flush_ms']} ms): {k['mid']} fell while lines were on their way, {k['unready']} before REST was ready. All "
                 f"{k['lines']:,} lines were in the topic and in the sink file exactly once and in order.", ""]
        print(f"leak watch: {args.connectors} × create and delete, then {args.flow_s} s of lines", flush=True)
        rows = leak.run(args.connectors, args.flow_s, args.work)
        page += ["## Connectors made and deleted", "", *table(rows["churn"]), "", "## A long flow", "", *table(rows["flow"]), ""]
    except LabError as error:
        failed = str(error)
        page += ["## FAILED", "", "```", failed, "```", ""]
    full = args.kills >= FULL_KILLS and args.connectors >= FULL_CONNECTORS and args.flow_s >= FULL_FLOW_S
    args.work.mkdir(parents=True, exist_ok=True)
    out = (HERE if full else args.work) / "RESULTS.md"
    out.write_text("\n".join(page).rstrip() + "\n", encoding="utf-8")
    print(f"written to {out}")
    if failed:
        sys.exit(f"soak: {failed}")


if __name__ == "__main__":
    main()
