#!/usr/bin/env python3
"""The long runs, one after the other; writes tests/soak/RESULTS.md. See --help; `make soak` runs it."""

import argparse
import datetime
import pathlib
import random
import sys

import bridge
import kill
import leak

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "bench"), str(HERE.parent / "fuzz"), str(HERE.parent / "registry"), str(HERE.parent / "streams")]
import fuzz  # noqa: E402
import instances  # noqa: E402
import nodes  # noqa: E402
from report import machine  # noqa: E402
from worker import LabError, target_dir  # noqa: E402

FULL_KILLS, FULL_CONNECTORS, FULL_FLOW_S, FULL_FUZZ_S, FULL_CYCLES, FULL_REGISTRY, FULL_STREAMS = 500, 500, 300, 600, 5_000_000, 100, 200
# So many kills of a node to one of the broker.
NODES_TO_BROKER = 10


def table(rows):
    """The samples of a leak watch."""
    out = ["| | resident MiB | file descriptors | threads |", "|---|---|---|---|"]
    out += [f"| {r['at']} | {r['rss_mib']:.1f} | {r['fds']} | {r['threads']} |" for r in rows]
    return out


def parsers(results, seconds):
    """What the fuzz targets did."""
    out = ["## Parsers", "", f"Each fuzz target ran for {seconds} s; an input that panics, takes more than {fuzz.INPUT_S_MAX} s or "
           f"{fuzz.RSS_MIB_MAX} MiB is a failure. Edges are those met by the seeds, and by the end.", "",
           "| target | inputs | a second | edges | inputs kept | failures |", "|---|---|---|---|---|---|"]
    out += [f"| {r.target} | {r.executions:,} | {r.per_second:,} | {r.edges_seeds:,} → {r.edges:,} | {r.corpus:,} | "
            f"{1 if r.failure else 0} |" for r in results]
    return [*out, ""]


def main():
    """Runs all; a failure ends it and is written down too."""
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--kills", type=int, default=FULL_KILLS)
    p.add_argument("--connectors", type=int, default=FULL_CONNECTORS)
    p.add_argument("--flow-s", type=int, default=FULL_FLOW_S)
    p.add_argument("--fuzz-s", type=int, default=FULL_FUZZ_S, help="how long each fuzz target runs")
    p.add_argument("--cycles", type=int, default=FULL_CYCLES, help="batches through the bridge to Java")
    p.add_argument("--registry-kills", type=int, default=FULL_REGISTRY, help="of nodes of a schema registry; for ten of them, one of the broker")
    p.add_argument("--streams-kills", type=int, default=FULL_STREAMS, help="of instances of a streams job on RocketMQ")
    p.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    p.add_argument("--work", type=pathlib.Path, default=target_dir() / "soak")
    args = p.parse_args()
    page = ["# Soak results", "", f"Written by `make soak` on {datetime.date.today()}.", "", f"Machine: {machine()}.", ""]
    failed = None
    try:
        print(f"fuzz targets, {args.fuzz_s} s each", flush=True)
        results = fuzz.run_all(args.fuzz_s)
        page += parsers(results, args.fuzz_s)
        if faults := fuzz.failures(results):
            raise LabError("\n".join(faults))
        print(f"kill -9, {args.kills} times, seed {args.seed}", flush=True)
        k = kill.run(args.kills, args.seed, 200, args.work)
        page += ["## kill -9", "",
                 f"{k['kills']} kills at random moments in {k['seconds']:.0f} s (seed {k['seed']}, offsets committed every "
                 f"{k['flush_ms']} ms): {k['mid']} fell while lines were on their way, {k['unready']} before REST was ready. All "
                 f"{k['lines']:,} lines were in the topic and in the sink file exactly once and in order.", ""]
        print(f"leak watch: {args.connectors} × create and delete, then {args.flow_s} s of lines", flush=True)
        rows = leak.run(args.connectors, args.flow_s, args.work)
        page += ["## Connectors made and deleted", "", *table(rows["churn"]), "", "## A long flow", "", *table(rows["flow"]), ""]
        print(f"bridge: {args.cycles:,} batches into Java and back", flush=True)
        page += ["## Batches through the bridge to Java", "", f"{args.cycles:,} polls and puts of 100 records; both tasks are made anew after each 1,000.", "",
                 *table(bridge.run(args.cycles, args.work / "bridge")), ""]
        print(f"schema registries: {args.registry_kills} kills", flush=True)
        r = nodes.run(args.work / "registry", args.registry_kills, args.registry_kills // NODES_TO_BROKER, args.seed)
        page += ["## Two schema registries on one RocketMQ broker", "",
                 f"{nodes.WRITERS} writers on both for {r['seconds']:.0f} s while a node was killed {r['rounds']} times and the broker {len(r['outages'])} times "
                 f"(seed {r['seed']}): {r['acknowledged']:,} schemas were acknowledged. All were there afterwards under their ids and versions, alike on both nodes, "
                 f"{r['versions']:,} versions in all; no id stood for two schemas and no schema had two. After the broker was back it took "
                 f"{max((seconds for _, seconds in r['outages']), default=0):.1f} s at most until every writer had gone on.", ""]
        print(f"streams: {args.streams_kills} kills", flush=True)
        killed, orders, totals, seconds = instances.check(args.work / "streams", args.streams_kills, args.seed)
        page += ["## Two instances of a streams job on a RocketMQ broker", "",
                 f"{killed} kills in {seconds:.0f} s (seed {args.seed}), while {orders:,} orders came: all {totals:,} totals were right, and none was told twice.", ""]
    except (LabError, RuntimeError) as error:
        failed = str(error)
        page += ["## FAILED", "", "```", failed, "```", ""]
    given = (args.fuzz_s, args.kills, args.connectors, args.flow_s, args.cycles, args.registry_kills, args.streams_kills)
    wanted = (FULL_FUZZ_S, FULL_KILLS, FULL_CONNECTORS, FULL_FLOW_S, FULL_CYCLES, FULL_REGISTRY, FULL_STREAMS)
    full = all(one >= least for one, least in zip(given, wanted))
    args.work.mkdir(parents=True, exist_ok=True)
    out = (HERE if full else args.work) / "RESULTS.md"
    out.write_text("\n".join(page).rstrip() + "\n", encoding="utf-8")
    print(f"written to {out}")
    if failed:
        sys.exit(f"soak: {failed}")


if __name__ == "__main__":
    main()
