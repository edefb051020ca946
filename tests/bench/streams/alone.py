"""What else is measured of a streams job, beside itself or beside the least that any program would do: how the cost of a record grows
with the keys, a restart with much state, memory, a copy on RocketMQ beside a loop that only reads and appends, and how long a queue
pauses when instances come and go."""

import shutil
import statistics
import time

from cluster import Cluster
from worker import LabError, Proc, target_dir

LIMIT_S = 900
KEYS = (1_000, 10_000, 100_000, 1_000_000, 10_000_000)
# With values of 100 bytes more than 1 GiB of state.
STATE_KEYS = 9_000_000
ORDERS = 100_000


def row(what, found, asked):
    """A line of the table."""
    print(f"{what}: {found}", flush=True)
    return f"| {what} | {found} | {asked} |"


def keys(lab):
    """The same count with more and more keys."""
    rates = [lab.gantry("count_bench", lab.records, count)["per_s"] for count in KEYS]
    found = "; ".join(f"{count:,}: {1e6 / rate:.2f}" for count, rate in zip(KEYS, rates))
    return [row("count of 10 s, µs per record by keys", f"{found}; most by least {max(rates) / min(rates):.1f} ×", "≤ 2 ×")]


def restart(lab):
    """Much state built, and a job started on it; the caches of the system have it."""
    place = lab.work / "restart"
    shutil.rmtree(place, ignore_errors=True)
    try:
        built = lab.gantry("state_bench", place, STATE_KEYS, "build")
        again = [lab.gantry("state_bench", place, STATE_KEYS, "restart") for _ in range(3)]
    finally:
        shutil.rmtree(place, ignore_errors=True)
    seconds = [one["seconds"] for one in again]
    return [
        row(f"{STATE_KEYS:,} keys built, records/s", f"{built['per_s']:,.0f}, {built['rss_mib']} MiB resident", ""),
        row(f"restart with {built['state_mib']:,} MiB of state until the first result, s",
            f"{min(seconds):.2f} / {statistics.median(seconds):.2f} / {max(seconds):.2f}, {again[0]['rss_mib']} MiB resident", "≤ 2 s"),
    ]


def memory(lab, name_server=None):
    """The most that the example job takes."""
    place = lab.work / "orders"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    orders = target_dir() / "release" / "examples" / "orders"
    process = Proc([str(orders), str(place), str(ORDERS), *filter(None, [name_server])], place / "said.log")
    peak = 0
    until = time.monotonic() + LIMIT_S
    while process.alive() and time.monotonic() < until:
        try:
            peak = max(peak, process.peak_mib())
        except (LabError, OSError, ValueError, TypeError):
            break
        time.sleep(0.05)
    process.stop()
    where = "RocketMQ" if name_server else "the embedded log"
    return [row(f"resident memory of the example `orders` on {where}, MiB", f"{peak:.0f}", "≤ 64 MiB")]


def rocketmq(lab, rounds):
    """A copy beside a bare loop, and instances that come and leave."""
    place = lab.work / "cluster"
    shutil.rmtree(place, ignore_errors=True)
    with Cluster(place) as cluster:
        server = cluster.name_server
        # The first one fills the topic, and warms the broker.
        lab.gantry("copy_bench", server, lab.records, "bare")
        found = {how: [] for how in ("bare", "job", "job-at-least-once")}
        for _ in range(rounds):
            for how, rates in found.items():
                rates.append(lab.gantry("copy_bench", server, lab.records, how)["per_s"])
        bare = statistics.median(found["bare"])
        rows = [row(f"copy on RocketMQ, {how}, records/s",
                    f"{min(rates):,.0f} / {statistics.median(rates):,.0f} / {max(rates):,.0f}, {statistics.median(rates) / bare:.0%} of the loop's", asked)
                for how, rates, asked in (("a loop that reads and appends", found["bare"], ""), ("a job, exactly-once", found["job"], "≥ 90 %"),
                                          ("a job, at least once", found["job-at-least-once"], ""))]
        for count in (1_000, 300_000):
            pause = lab.gantry("rescale_bench", server, count)["longest_ms"]
            rows.append(row(f"longest pause of a queue, {count:,} keys, ms",
                            f"{pause['alone']} without a change, {pause['comes']} when an instance comes, {pause['leaves']} when it leaves",
                            "≤ 1 s and the load of its state"))
        return rows + memory(lab, server)


def table(lab, rounds):
    """All of it, as lines of a page."""
    rows = [*keys(lab), *restart(lab), *memory(lab), *rocketmq(lab, rounds)]
    return ["", "## By itself", "", " ".join(__doc__.split()), "", "| | found | asked |", "|---|---|---|", *rows]
