#!/usr/bin/env python3
"""Watches memory, file descriptors and threads while batches cross into Java and back for long, and tasks are made and deleted."""

import argparse
import json
import pathlib
import shutil
import subprocess
import sys

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[1] / "bench" / "jvm")]
import cost  # noqa: E402
import leak  # noqa: E402
import sides  # noqa: E402
from sides import LabError, target_dir  # noqa: E402

WARM_PART = 0.25
SHOWN = 10


def run(cycles, work):
    """Runs the cycles of the bridge's example and judges what it printed."""
    shutil.rmtree(work, ignore_errors=True)
    place = sides.plugins.plugin_path(work / "plugins", [sides.plugin()])
    command = [cost.binary(), str(place), "--cycles", str(cycles), "--batch", "100"]
    rows = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        for line in child.stdout:
            if line.startswith("{"):
                said = json.loads(line)
                row = {"at": f"{said['cycles']:,} batches, {said['seconds']:.0f} s", "rss_mib": said["rss_kib"] / 1024, "fds": said["descriptors"],
                       "threads": said["threads"]}
                rows.append(row)
                print(f"  {row['at']}: {row['rss_mib']:.1f} MiB, {row['fds']} file descriptors, {row['threads']} threads", flush=True)
    if child.returncode or not rows:
        raise LabError(f"{command}: status {child.returncode}, {len(rows)} lines")
    # The JVM takes what its heap may have before it collects: from there on nothing may grow.
    leak.judge(rows[int(len(rows) * WARM_PART):], "batches through the bridge")
    return rows[::max(1, len(rows) // SHOWN)]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cycles", type=int, default=1_000_000)
    parser.add_argument("--work", type=pathlib.Path, default=target_dir() / "soak" / "bridge")
    arguments = parser.parse_args()
    try:
        run(arguments.cycles, arguments.work)
    except LabError as error:
        sys.exit(f"bridge: {error}")
