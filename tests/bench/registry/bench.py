#!/usr/bin/env python3
"""Gantry's schema registry and Apicurio's, side by side. See --help; `make bench-registry` runs it.

Parts: side-by-side (requests per second and how long they take, start, memory), many (Gantry alone with many schemas)."""

import argparse
import datetime
import json
import os
import pathlib
import shutil
import signal
import sys
import time

import sides
from sides import HERE, SIDES, LabError, target_dir
import page

# Name, what the load generator is told, connections. Each side does each of them, one side after the other.
CASES = [(f"{name}-{connections}", kind, connections) for name, kind, many in
         (("get", "get", 16), ("subjects", "subjects", 8), ("versions", "versions", 8)) for connections in (1, many)]
FIRST = json.dumps({"type": "record", "name": "Order", "fields": [{"name": "id", "type": "long"}, {"name": "customer", "type": "string"}]})
# Each side has so many when its memory is looked at.
LOADED = 2000
WARM_S = 20
PARTS = ("side-by-side", "many")


def say(text):
    """Progress, with the time."""
    print(f"{datetime.datetime.now():%H:%M:%S} {text}", flush=True)


def ready(side, warm_s):
    """Start and memory of a side that was just started; it is warm afterwards."""
    seconds = side.wait()
    time.sleep(1)
    result = {"start_s": seconds, "fresh_mib": side.mib()}
    side.ask("PUT", "/config", {"compatibility": "BACKWARD"})
    first = side.ask("POST", "/subjects/first/versions", {"schema": FIRST})
    if first["id"] != 1:
        raise LabError(f"the first schema has the id {first['id']}")
    side.load("fill", "/subjects/loaded-", 8, LOADED)
    side.load("get", "/schemas/ids/1", 16, warm_s)
    result["loaded_mib"] = side.mib()
    return result


def one_round(work, options, number):
    """Both sides started afresh, and then each case on one and on the other."""
    running, result = {}, {}
    # Which is first changes.
    order = list(SIDES)[:: 1 if number % 2 == 0 else -1]
    try:
        for name in order:
            running[name] = SIDES[name](work / f"{name}-{number}")
            result[name] = ready(running[name], options.warm)
            say(f"{name:9} started in {result[name]['start_s']:.3f} s, {result[name]['fresh_mib']:.0f} MiB, {result[name]['loaded_mib']:.0f} MiB loaded")
        for case, kind, connections in CASES:
            for name in order:
                side = running[name]
                if kind == "get":
                    found = side.load("get", "/schemas/ids/1", connections, options.seconds, 0.5)
                else:
                    found = side.load("post", f"/subjects/{case}-", connections, options.seconds, kind)
                result[name][case] = found
                say(f"{name:9} {case:11} {found['per_s']:9,.0f}/s  p50 {found['p50_us']:8,.0f} µs  p99 {found['p99_us']:8,.0f} µs  "
                    f"CPU {found['cpu_us']:6.1f} µs  load {found['load']:.1f}")
    finally:
        for side in running.values():
            side.stop()
    return result


def side_by_side(work, options):
    """All rounds."""
    return [one_round(work, options, number) for number in range(options.rounds)]


def many(work, options):
    """A registry with many schemas: how long it takes to start again, and what they cost."""
    side = sides.Gantry(work)
    try:
        side.wait()
        time.sleep(1)
        fresh = side.mib()
        filled = side.load("fill", "/subjects/many-", 16, options.schemas)
        last = side.ask("GET", f"/schemas/ids/{options.schemas}")
    finally:
        side.stop()
    result = {"schemas": options.schemas, "fill_per_s": filled["per_s"], "text_bytes": len(last["schema"].encode()), "fresh_mib": fresh, "rounds": []}
    for _ in range(options.rounds):
        side = sides.Gantry(work)
        try:
            seconds = side.wait(f"/schemas/ids/{options.schemas}")
            time.sleep(1)
            one = {"start_s": seconds, "mib": side.mib(), "load": os.getloadavg()[0]}
        finally:
            side.stop()
        one["extra_bytes"] = (one["mib"] - fresh) * 1024 * 1024 / options.schemas - result["text_bytes"]
        result["rounds"].append(one)
        say(f"{options.schemas:,} schemas: started in {seconds:.3f} s, {one['mib']:.0f} MiB, {one['extra_bytes']:.0f} bytes each beyond the text")
    return result


def arguments():
    """The command line."""
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--only", default="", help=f"parts, with commas: {','.join(PARTS)}")
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--seconds", type=float, default=3, help="of each case on each side")
    p.add_argument("--warm", type=float, default=WARM_S, help="seconds of uncounted load on each side")
    p.add_argument("--schemas", type=int, default=100_000, help="of many")
    p.add_argument("--work", type=pathlib.Path, default=target_dir() / "bench-registry")
    p.add_argument("--out", type=pathlib.Path, help="the page to write; default tests/bench/registry/RESULTS.md for all parts with at least 3 rounds, "
                   "<work>/RESULTS.md for less")
    options = p.parse_args()
    options.parts = [part for part in options.only.split(",") if part] or list(PARTS)
    if wrong := [part for part in options.parts if part not in PARTS]:
        p.error(f"there is no {', '.join(wrong)}")
    return options


def main():
    """Runs what was asked and writes the page, also when a later part fails."""
    # So that what was started ends too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    options = arguments()
    run = options.work / "run"
    shutil.rmtree(run, ignore_errors=True)
    full = set(options.parts) == set(PARTS) and options.rounds >= 3
    options.work.mkdir(parents=True, exist_ok=True)
    out = options.out or (HERE / "RESULTS.md" if full else options.work / "RESULTS.md")
    given = [f"{key}={os.environ[key]}" for key in ("ONLY", "ROUNDS", "SECONDS_EACH", "SCHEMAS") if os.environ.get(key)]
    result = {"command": " ".join([*given, "make bench-registry"]), "date": f"{datetime.date.today()}", "load": os.getloadavg()[0],
              "options": {k: v for k, v in vars(options).items() if isinstance(v, (int, float, str))}, "parts": {}}
    if result["load"] > 0.5:
        say(f"warning: the machine is busy (load {result['load']:.2f}); the figures will be worse than they could be")
    try:
        for part in options.parts:
            (run / part).mkdir(parents=True)
            say(part)
            result["parts"][part] = (side_by_side if part == "side-by-side" else many)(run / part, options)
    finally:
        result["end_load"] = os.getloadavg()[0]
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
        sys.exit(f"bench-registry: {error}")
