#!/usr/bin/env python3
"""Fills the disk under the log while lines flow file → topic → file, then makes room: the source must fail with the reason,
go on by its restart policy, and every line must arrive exactly once and in order. Needs root: the disk is a small tmpfs."""

import argparse
import filecmp
import pathlib
import shutil
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "scripts" / "lib"))
from worker import FILE_SINK, FILE_SOURCE, STRING, Gantry, LabError, small_disk, target_dir, wait_for, write_properties  # noqa: E402

SMALL, LARGE = "24m", "600m"
LIMIT_S = 60


def run(home, lines):
    """One run; the disk is unmounted in any case."""
    disk = home / "disk"
    subprocess.run(["umount", str(disk)], check=False, stderr=subprocess.DEVNULL)
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    source, sink = home / "in.txt", home / "out.txt"
    with open(source, "w", encoding="utf-8") as f:
        for n in range(lines):
            f.write(f"{n:010d} {'x' * 88}\n")
    common = {"tasks.max": 1, "key.converter": STRING, "value.converter": STRING}
    files = [
        write_properties(home / "sink.properties", {
            "name": "full-sink", "connector.class": FILE_SINK, "file": sink, "topics": "full-lines", **common}),
        write_properties(home / "source.properties", {
            "name": "full-source", "connector.class": FILE_SOURCE, "file": source, "topic": "full-lines",
            "gantry.restart.max": 10000, "gantry.restart.backoff.ms": 50, "gantry.restart.backoff.max.ms": 200, **common}),
    ]
    with small_disk(disk, SMALL) as enlarge:
        props = {"gantry.data.dir": str(disk / "data"), "gantry.log.segment.bytes": 4 << 20, "offset.flush.interval.ms": 500}
        gantry = Gantry(home, files, props)
        gantry.wait_ready()

        def failed():
            task = (gantry.rest.status("full-source") or {}).get("tasks", [{}])[0]
            return "No space left" in task.get("trace", "") and "free space there" in task["trace"]

        wait_for("the source does not fail for want of space, or does not say so", failed, LIMIT_S)
        enlarge(LARGE)
        size = source.stat().st_size
        wait_for("not all lines are there though there is room", lambda: sink.exists() and sink.stat().st_size >= size, LIMIT_S)
        time.sleep(0.5)
        gantry.stop()
        if not filecmp.cmp(source, sink, shallow=False):
            raise LabError(f"{sink} differs from {source} after the disk was full")


def main():
    """Runs it."""
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--lines", type=int, default=600_000)
    p.add_argument("--work", type=pathlib.Path, default=target_dir() / "soak" / "full-disk")
    args = p.parse_args()
    began = time.monotonic()
    try:
        run(args.work, args.lines)
    except LabError as error:
        sys.exit(f"full disk: {error}")
    print(f"full disk: {args.lines:,} lines exactly once and in order, {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
