#!/usr/bin/env python3
"""Watches memory, file descriptors and threads while connectors are made and deleted, and while lines flow for long."""

import argparse
import pathlib
import shutil
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "scripts" / "lib"))
from worker import FILE_SINK, FILE_SOURCE, STRING, Gantry, LabError, target_dir  # noqa: E402

SAMPLES = 10                # how often a phase is sampled
WARM_PART = 0.5             # the first part of a phase may still grow: caches fill
RSS_ALLOWED_MIB = 6.0       # growth allowed after that …
RSS_ALLOWED_PART = 0.15     # … or this part of what there was
FDS_ALLOWED = 4
FLOW_FDS_ALLOWED = 32       # the log keeps at most so many files of closed segments open, and a long flow makes segments
THREADS_ALLOWED = 4
SEED_LINES = 50
FLOW_LINES = 20_000         # appended at once while lines flow
FLOW_PAUSE_S = 0.2


def sample(gantry, label):
    """One line of the table."""
    row = {"at": label, "rss_mib": gantry.rss_mib(), "fds": gantry.fds(), "threads": gantry.threads()}
    print(f"  {label}: {row['rss_mib']:.1f} MiB, {row['fds']} file descriptors, {row['threads']} threads", flush=True)
    return row


def judge(rows, what, fds_allowed=FDS_ALLOWED):
    """Raises when a figure went on growing after the warm part."""
    base, last = rows[max(1, int(len(rows) * WARM_PART))], rows[-1]
    allowed = max(RSS_ALLOWED_MIB, base["rss_mib"] * RSS_ALLOWED_PART)
    for key, limit in (("rss_mib", allowed), ("fds", fds_allowed), ("threads", THREADS_ALLOWED)):
        if last[key] - base[key] > limit:
            raise LabError(f"{what}: {key} grew from {base[key]:.1f} to {last[key]:.1f}, allowed are {limit:.1f}: {rows}")


def pair(home, name):
    """A source and a sink of one pipeline."""
    common = {"tasks.max": "1", "key.converter": STRING, "value.converter": STRING}
    return {
        f"{name}-sink": {"connector.class": FILE_SINK, "file": str(home / "churn.out"), "topics": "churn", **common},
        f"{name}-source": {"connector.class": FILE_SOURCE, "file": str(home / "churn.in"), "topic": "churn", **common},
    }


def churn(gantry, home, times):
    """Makes and deletes a source and a sink `times` times, half of them once they run, half at once."""
    (home / "churn.in").write_text("".join(f"line {n}\n" for n in range(SEED_LINES)))
    rows = [sample(gantry, "0 made and deleted")]
    for number in range(1, times + 1):
        connectors = pair(home, f"churn-{number}")
        for name, config in connectors.items():
            gantry.rest.create(name, config)
        if number % 2:
            for name in connectors:
                gantry.rest.wait_running(name)
        for name in connectors:
            gantry.rest.delete(name)
        if number % max(1, times // SAMPLES) == 0:
            (home / "churn.out").unlink(missing_ok=True)
            rows.append(sample(gantry, f"{number} made and deleted"))
    judge(rows, "making and deleting connectors")
    return rows


def flow(gantry, home, seconds):
    """Lines flow through one pipeline for `seconds`."""
    source, sink = home / "flow.in", home / "flow.out"
    source.touch()
    common = {"tasks.max": "1", "key.converter": STRING, "value.converter": STRING}
    gantry.rest.create("flow-sink", {"connector.class": FILE_SINK, "file": str(sink), "topics": "flow", **common})
    gantry.rest.create("flow-source", {"connector.class": FILE_SOURCE, "file": str(source), "topic": "flow", **common})
    for name in ("flow-sink", "flow-source"):
        gantry.rest.wait_running(name)
    began, rows, lines = time.monotonic(), [], 0
    while (spent := time.monotonic() - began) < seconds:
        with open(source, "ab") as f:
            f.write("".join(f"{n:012d} {'flow ' * 17}\n" for n in range(lines, lines + FLOW_LINES)).encode())
        lines += FLOW_LINES
        if spent >= len(rows) * seconds / SAMPLES:
            rows.append(sample(gantry, f"{spent:.0f} s, {lines:,} lines"))
        time.sleep(FLOW_PAUSE_S)
    end = time.monotonic() + 60
    while not sink.exists() or sink.stat().st_size < source.stat().st_size:
        if time.monotonic() > end:
            raise LabError(f"the sink file is incomplete: {gantry.rest.status('flow-sink')}")
        time.sleep(0.05)
    rows.append(sample(gantry, f"{seconds} s, {lines:,} lines, all arrived"))
    if source.read_bytes() != sink.read_bytes():
        raise LabError(f"{sink} differs from {source}")
    judge(rows, "a long flow", FLOW_FDS_ALLOWED)
    return rows


def run(connectors, flow_s, work):
    """Both phases, each in a process of its own. Returns their rows."""
    out = {}
    for name, phase, amount in (("churn", churn, connectors), ("flow", flow, flow_s)):
        home = work / name
        shutil.rmtree(home, ignore_errors=True)
        gantry = Gantry(home / "gantry")
        try:
            gantry.wait_ready()
            out[name] = phase(gantry, home, amount)
        finally:
            gantry.stop()
        shutil.rmtree(home, ignore_errors=True)
    return out


def main():
    """The command line."""
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--connectors", type=int, default=500, help="how often a source and a sink are made and deleted")
    p.add_argument("--flow-s", type=int, default=120, help="seconds of the long flow")
    p.add_argument("--work", type=pathlib.Path, default=target_dir() / "soak")
    args = p.parse_args()
    run(args.connectors, args.flow_s, args.work)
    print("leaks: memory, file descriptors and threads stay flat")


if __name__ == "__main__":
    try:
        main()
    except LabError as error:
        sys.exit(f"leaks: {error}")
