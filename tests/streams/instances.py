#!/usr/bin/env python3
"""Instances of a streams job on a RocketMQ broker, killed again and again while orders come: each order counts once, and no total is told twice."""

import argparse
import pathlib
import random
import shutil
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1] / "scripts" / "lib"), str(HERE.parent / "rocketmq")]
from cluster import Cluster  # noqa: E402
from worker import LabError, target_dir  # noqa: E402

ORDERS_A_ROUND = 2_000
LIMIT_S = 120
BEGIN_MS = 1_700_000_000_000
WINDOW_MS = 10_000


def wanted(count, customers=50):
    """What each customer's orders come to in each window, as the example makes them."""
    totals = {}
    for number in range(count):
        at_ms = BEGIN_MS + number
        total = totals.setdefault(f"customer-{number * 7 % customers}@{at_ms - at_ms % WINDOW_MS}", [0, 0])
        total[0] += 1
        total[1] += number % 1_000
    return {place: tuple(total) for place, total in totals.items()}


def start(place, count, *more, customers=50):
    """An instance in a directory of its own; behind the count is the name server, where there is one."""
    program = target_dir() / "release" / "examples" / "orders"
    place.mkdir(parents=True, exist_ok=True)
    with open(place / "said.log", "ab") as log:
        command = [str(program), str(place), str(count), *more, f"customers={customers}"]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)


def kill(process):
    """At once, and for good."""
    process.kill()
    process.communicate()


def told(said):
    """The totals that an instance gave at its end."""
    return {line.split()[0]: tuple(int(word) for word in line.split()[1:]) for line in said.splitlines()}


def compare(said, count, customers=50):
    """Each total must be what it should be, and no other may be there."""
    want = wanted(count, customers)
    if said != want:
        differ = [(place, want.get(place), said.get(place)) for place in {**want, **said} if said.get(place) != want.get(place)]
        raise LabError(f"{len(differ)} totals differ, the first: {differ[:3]} (place, wanted, told)")


def run(work, kills, seed):
    """All rounds; gives what is told at the end."""
    rng = random.Random(seed)
    with Cluster(work / "cluster") as cluster:
        server = cluster.name_server
        maker, follower, killed = start(work / "maker", 0, server), None, 0
        maker.communicate(timeout=LIMIT_S)
        while killed < kills:
            follower = follower or start(work / f"follower-{rng.randrange(2)}", 0, server, "follow")
            maker = start(work / "maker", ORDERS_A_ROUND * (killed + 1), server)
            time.sleep(rng.uniform(0.1, 1.0))
            if rng.randrange(3) == 0:
                kill(follower)
                follower, killed = None, killed + 1
                time.sleep(rng.uniform(0.0, 1.0))
            kill(maker)
            killed += 1
        if follower:
            kill(follower)
        count = ORDERS_A_ROUND * (killed + 1)
        maker = start(work / "maker", count, server)
        said, _ = maker.communicate(timeout=LIMIT_S)
        if maker.returncode != 0:
            raise LabError(f"the job ended with {maker.returncode}: {(work / 'maker' / 'said.log').read_text()[-1000:]}")
        return killed, count, told(said)


def check(work, kills, seed):
    """Runs it and looks at the totals; gives how often it was killed, how many orders and totals there were, and the seconds."""
    shutil.rmtree(work, ignore_errors=True)
    began = time.monotonic()
    killed, count, said = run(work, kills, seed)
    compare(said, count)
    shutil.rmtree(work)
    return killed, count, len(said), time.monotonic() - began


def main():
    """The command line."""
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--kills", type=int, default=10, help="how often")
    p.add_argument("--seed", type=int, default=random.randrange(1 << 32), help="when whom")
    args = p.parse_args()
    print(f"streams: seed {args.seed}")
    killed, count, totals, seconds = check(target_dir() / "streams-kill", args.kills, args.seed)
    print(f"streams: {killed} kills, {count:,} orders, {totals} totals, each as it should be and none told twice, {seconds:.0f} s")


if __name__ == "__main__":
    try:
        main()
    except (LabError, RuntimeError, subprocess.TimeoutExpired) as error:
        sys.exit(f"streams: {error}")
