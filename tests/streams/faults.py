#!/usr/bin/env python3
"""What a streams job does when what it stands on is gone: its disk is full, the log's disk is full, the broker is killed under it,
or nobody listens where the name server should be. It must say what is wrong, where, and what to do or what it waits for; and when
that is over, each order counts once and no total is told twice. Needs root: full disks are small tmpfs."""

import argparse
import pathlib
import random
import shutil
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1] / "scripts" / "lib"), str(HERE.parent / "rocketmq")]
from cluster import Cluster, free_port  # noqa: E402
from instances import compare, kill, start, told  # noqa: E402
from worker import LabError, small_disk, target_dir, wait_for  # noqa: E402

LIMIT_S = 60
# RocksDB writes its first file when a memtable of 16 MiB is full: so many customers have more state than that.
MANY = 250_000
OUTAGE_S = 10


def said(place):
    """All that the instances in this directory wrote about themselves."""
    return (place / "said.log").read_text(errors="replace")


def must_say(place, begun, *words):
    """In a line behind what was there before, all of these words."""
    lines = said(place)[begun:].splitlines()
    if not any(all(word in line for word in words) for line in lines):
        raise LabError(f"no line with {words} in {place}/said.log: {lines[-5:]}")


def fails(place, count, words, *more, **how):
    """An instance that must end by itself, with a message of these words, and without totals."""
    place.mkdir(parents=True, exist_ok=True)
    begun = len(said(place)) if (place / "said.log").exists() else 0
    process = start(place, count, *more, **how)
    try:
        totals, _ = process.communicate(timeout=LIMIT_S)
    except subprocess.TimeoutExpired:
        kill(process)
        raise LabError(f"in {place} it did not end within {LIMIT_S} s; it said {said(place)[-1000:]}") from None
    if process.returncode == 0 or totals:
        raise LabError(f"in {place} it ended with {process.returncode} as if nothing were wrong, and told {totals[:200]!r}")
    must_say(place, begun, *words)


def ends(process, place, count, customers=50):
    """An instance must end well, with exact totals."""
    try:
        totals, _ = process.communicate(timeout=LIMIT_S)
    except subprocess.TimeoutExpired:
        kill(process)
        raise LabError(f"in {place} it did not end within {LIMIT_S} s; it said {said(place)[-1000:]}") from None
    if process.returncode != 0:
        raise LabError(f"in {place} it ended with {process.returncode}: {said(place)[-1000:]}")
    compare(told(totals), count, customers)


def full_state(work):
    """No room for the database itself; and in another job none for what is read again from the change log, and added to it."""
    place, state = work / "full-state", work / "full-state" / "state"
    words = (str(state), "No space left on device", "free space there", "start the job again")
    with small_disk(state, "24k") as enlarge:
        fails(place, 2_000, words)
        # With half a database there.
        fails(place, 2_000, words)
        enlarge("64m")
        ends(start(place, 4_000), place, 4_000)
    shutil.rmtree(place)
    ends(start(place, MANY, customers=MANY), place, MANY, MANY)
    shutil.rmtree(state)
    # By the time that these are there, RocksDB knows that it cannot write its file.
    count = MANY + 50_000
    with small_disk(state, "1m") as enlarge:
        fails(place, count, words, customers=MANY)
        enlarge("256m")
        ends(start(place, count, customers=MANY), place, count, MANY)


def waits(place, count, words, may_end=False):
    """An instance that says what it waits for, and lives; or ends, if what it needs to begin cannot be written."""
    begun = len(said(place))
    process = start(place, count)
    try:
        wait_for(f"no {words} in {place}/said.log", lambda: all(word in said(place)[begun:] for word in words), LIMIT_S)
        time.sleep(0.5)
        if process.poll() is not None and not (may_end and process.returncode != 0):
            raise LabError(f"the job ended with {process.returncode} when the disk of its log was full: {said(place)[begun:]}")
    except LabError:
        kill(process)
        raise
    return process


def full_log(work):
    """No room to begin the log; then none in the middle, once for jobs that are killed, once for one that lives until there is."""
    place, log, count = work / "full-log", work / "full-log" / "log", 100_000
    words = (str(log), "No space left on device", "free space there")
    with small_disk(log, "4k") as enlarge:
        fails(place, 2_000, words)
        enlarge("1m")
        for finds_it_full in (False, True):
            kill(waits(place, count, words, finds_it_full))
        enlarge("2m")
        process = waits(place, count, words)
        enlarge("200m")
        ends(process, place, count)


def broker_away(work, rng):
    """The one broker is killed while orders come and two instances share the work; a third one is started meanwhile."""
    with Cluster(work / "cluster") as cluster:
        server, count = cluster.name_server, 200_000
        maker, follower = work / "maker", work / "follower"
        ends(start(maker, 2_000, server), maker, 2_000)
        running = {follower: start(follower, 0, server, "follow"), maker: start(maker, count, server)}
        try:
            time.sleep(rng.uniform(1.0, 2.5))
            begun, killed = {place: len(said(place)) for place in running}, time.monotonic()
            cluster.kill("broker")
            fails(work / "late", count, ("broker-a", "start it, or wait until it is back"), server)
            # To start takes it some seconds, too.
            time.sleep(OUTAGE_S / 2)
            cluster.start_broker()
            time.sleep(max(0.0, killed + OUTAGE_S - time.monotonic()))
            for place, process in running.items():
                if process.poll() is not None:
                    raise LabError(f"in {place} it ended with {process.returncode} as its broker was away: {said(place)[begun[place]:]}")
                # By its address, or as the one that the name server misses.
                news = said(place)[begun[place]:]
                if not any(name in news for name in (f"127.0.0.1:{cluster.broker_port}", "broker-a")):
                    raise LabError(f"in {place} it does not say which server it waits for: {news[-1000:]}")
            # The maker ends when all tasks are its own.
            kill(running.pop(follower))
            ends(running.pop(maker), maker, count)
        finally:
            for process in running.values():
                kill(process)


def nobody_there(work):
    """Nobody listens where the name server should be."""
    server = f"127.0.0.1:{free_port()}"
    fails(work / "nobody", 2_000, ("no name server answers", server), server)


def main():
    """Runs all of it."""
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--seed", type=int, default=random.randrange(1 << 32), help="when the broker is killed")
    p.add_argument("--work", type=pathlib.Path, default=target_dir() / "streams-faults")
    args = p.parse_args()
    print(f"streams: seed {args.seed}")
    cases = {
        "nobody where the name server should be": nobody_there,
        "the disk of the state full": full_state,
        "the disk of the log full": full_log,
        "the broker killed": lambda work: broker_away(work, random.Random(args.seed)),
    }
    shutil.rmtree(args.work, ignore_errors=True)
    for name, case in cases.items():
        began = time.monotonic()
        case(args.work)
        print(f"streams: {name}: said so, and each total as it should be, {time.monotonic() - began:.0f} s", flush=True)
    shutil.rmtree(args.work)


if __name__ == "__main__":
    try:
        main()
    except (LabError, RuntimeError, subprocess.SubprocessError) as error:
        sys.exit(f"streams: {error}")
