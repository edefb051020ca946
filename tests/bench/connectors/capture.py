#!/usr/bin/env python3
"""Change data capture of PostgreSQL beside Debezium's connector in Java through the bridge, and beside bare clients: how
fast rows of a snapshot and changes of a backlog are in the topic, how late single changes are, and how much memory the
worker takes. Both in one run, on one database; records are counted in the topic.

    tests/bench/connectors/capture.py --rows 500000 --rounds 3       writes CAPTURE.md
"""

import argparse
import datetime
import json
import os
import pathlib
import platform
import shutil
import statistics
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
sys.path[:0] = [str(ROOT / "scripts" / "lib"), str(ROOT / "tests" / "servers"), str(ROOT / "tests" / "connectors")]
import plugins  # noqa: E402
from postgres import Postgres, tool  # noqa: E402
from served import DATABASE, PASSWORD, USER  # noqa: E402
from worker import Gantry, LabError, gantry_binary, target_dir, wait_for  # noqa: E402

WORK = target_dir() / "bench-capture"
LIMIT_S = 900
CHANGES_A_SECOND, LATE_S = 1000, 10
TABLE = "id bigint PRIMARY KEY, name text NOT NULL, note text, amount numeric(12,2) NOT NULL, at timestamptz NOT NULL"
ROW = "n, 'name ' || n, md5(n::text), n / 100.0, clock_timestamp()"


def config(server, name):
    """The connector, the same for both."""
    return {
        "connector.class": "io.debezium.connector.postgresql.PostgresConnector", "topic.prefix": name, "database.hostname": "127.0.0.1",
        "database.port": str(server.port), "database.user": USER, "database.password": PASSWORD, "database.dbname": DATABASE,
        "plugin.name": "pgoutput", "slot.name": name, "publication.name": name, "publication.autocreate.mode": "filtered",
        "table.include.list": f"public.{name}", "poll.interval.ms": "10",
    }


def in_topic(worker, topic):
    """How many records a topic has."""
    done = subprocess.run([gantry_binary(), "topic", "describe", topic, "--url", worker.rest.base], capture_output=True, text=True)
    numbers = [line.split() for line in done.stdout.splitlines() if line.strip()[:1].isdigit()]
    return sum(int(row[-1]) for row in numbers) if done.returncode == 0 else 0


def psql(server, sql, out):
    """A bare client's time for a query, in seconds."""
    begun = time.monotonic()
    with open(out, "wb") as file:
        subprocess.run([*server._client(), sql], stdout=file, check=True, env=server._environment())  # pylint: disable=protected-access
    return time.monotonic() - begun


def received(server, name, end):
    """A bare replication stream's time for what a slot has, in seconds."""
    begun = time.monotonic()
    subprocess.run([tool("pg_recvlogical"), "-h", "127.0.0.1", "-p", str(server.port), "-U", USER, "-d", DATABASE, "--slot", name, "--start",
                    "-o", "proto_version=1", "-o", f"publication_names={name}", "-f", "/dev/null", "--endpos", end, "--no-loop"],
                   check=True, env={**server._environment(), "PGPASSWORD": PASSWORD})  # pylint: disable=protected-access
    return time.monotonic() - begun


def late(server, name, seconds):
    """Changes at a steady rate, each with the time at which it was made."""
    begun = time.monotonic()
    made = 0
    for tenth in range(seconds * 10):
        count = CHANGES_A_SECOND // 10
        first = 10**9 + made
        # One transaction each.
        server.query(f"DO $$ BEGIN FOR n IN {first}..{first + count - 1} LOOP INSERT INTO {name} VALUES (n, 'late', NULL, 0, clock_timestamp()); "
                     f"COMMIT; PERFORM pg_sleep(0.0007); END LOOP; END $$")
        made += count
        time.sleep(max(0.0, begun + (tenth + 1) / 10 - time.monotonic()))
    return made


def lateness(worker, topic):
    """How many milliseconds after they were made changes were in the topic: median and 99 of 100."""
    dump = subprocess.run([gantry_binary(), "topic", "dump", topic, "--max", "10000000", "--url", worker.rest.base], capture_output=True, text=True, check=True)
    found = []
    for line in dump.stdout.splitlines()[1:]:
        record = json.loads(line)
        after = json.loads(bytes.fromhex(record["value"]))["after"]
        if after["name"] == "late":
            made = datetime.datetime.fromisoformat(after["at"].replace("Z", "+00:00")).timestamp() * 1000
            found.append(record["timestamp"] - made)
    found.sort()
    return statistics.median(found), found[len(found) * 99 // 100], len(found)


def measure(server, name, rows, plugin):
    """One side."""
    server.query(f"DROP TABLE IF EXISTS {name}; CREATE TABLE {name} ({TABLE})")
    server.query(f"INSERT INTO {name} SELECT {ROW} FROM generate_series(1, {rows}) n")
    props = {"plugin.path": plugins.plugin_path(WORK / f"plugins-{name}", plugin)} if plugin else {}
    props |= {"key.converter.schemas.enable": "false", "value.converter.schemas.enable": "false"}
    worker, topic, found = Gantry(WORK / f"worker-{name}", props=props), f"{name}.public.{name}", {}
    try:
        worker.wait_ready()
        begun = time.monotonic()
        worker.rest.create(name, config(server, name))
        wait_for(f"{name}: the snapshot is not whole: {worker.rest.status(name)}", lambda: in_topic(worker, topic) >= rows, LIMIT_S, 0.02)
        found["snapshot"] = rows / (time.monotonic() - begun)
        wait_for(f"{name} does not stream", lambda: streams(server, name), LIMIT_S, 0.05)
        worker.rest.call("PUT", f"/connectors/{name}/stop")
        wait_for(f"{name} goes on", lambda: not streams(server, name), LIMIT_S, 0.05)
        server.query(f"INSERT INTO {name} SELECT {ROW} FROM generate_series({rows + 1}, {rows + rows // 2}) n; "
                     f"UPDATE {name} SET amount = amount + 1 WHERE id <= {rows // 2}")
        begun = time.monotonic()
        worker.rest.call("PUT", f"/connectors/{name}/resume")
        total = rows + 2 * (rows // 2)
        wait_for(f"{name}: changes are missing: {worker.rest.status(name)}", lambda: in_topic(worker, topic) >= total, LIMIT_S, 0.02)
        found["changes"] = 2 * (rows // 2) / (time.monotonic() - begun)
        found["mib"] = worker.peak_mib()
        made = late(server, name, LATE_S)
        wait_for(f"{name}: late changes are missing", lambda: in_topic(worker, topic) >= total + made, LIMIT_S, 0.05)
        found["p50"], found["p99"], found["late"] = lateness(worker, topic)
    finally:
        worker.kill()
    shutil.rmtree(WORK / f"worker-{name}", ignore_errors=True)
    return found


def streams(server, name):
    return server.query(f"SELECT active FROM pg_replication_slots WHERE slot_name = '{name}'") == [["t"]]


def bare(server, rows):
    """What the database itself gives: a snapshot to a file, and a stream to nowhere."""
    name = "bare"
    server.query(f"DROP TABLE IF EXISTS {name}; CREATE TABLE {name} ({TABLE}); INSERT INTO {name} SELECT {ROW} FROM generate_series(1, {rows}) n")
    found = {"snapshot": rows / psql(server, f"COPY {name} TO STDOUT", "/dev/null")}
    server.query(f"CREATE PUBLICATION {name} FOR TABLE {name}")
    server.query(f"SELECT pg_create_logical_replication_slot('{name}', 'pgoutput')")
    server.query(f"INSERT INTO {name} SELECT {ROW} FROM generate_series({rows + 1}, {rows + rows // 2}) n; UPDATE {name} SET amount = amount + 1 WHERE id <= {rows // 2}")
    end = server.query("SELECT pg_current_wal_lsn()")[0][0]
    server.query(f"INSERT INTO {name} SELECT {ROW} FROM generate_series(-1, -1) n")
    found["changes"] = 2 * (rows // 2) / received(server, name, end)
    server.query(f"SELECT pg_drop_replication_slot('{name}')")
    return found


def page(arguments, rounds):
    def three(side, what, form="{:,.0f}"):
        values = sorted(one[side][what] for one in rounds)
        return " / ".join(form.format(value) for value in (values[0], statistics.median(values), values[-1]))

    def times(what, side="java"):
        of = [one["gantry"][what] / one[side][what] for one in rounds]
        return statistics.median(of)
    lines = [
        "# Change data capture of PostgreSQL: benchmark results", "",
        f"Written by `tests/bench/connectors/capture.py` on {datetime.date.today().isoformat()}: {arguments.rows:,} rows of five columns, {len(rounds)} rounds; "
        "min / median / max. PostgreSQL with its defaults, workers on the embedded log with JSON without schemas, all on one machine.", "",
        f"Machine: {os.cpu_count()} cores, Linux {platform.release()}.", "",
        "| | Gantry | Debezium through the bridge | bare client |", "| --- | --- | --- | --- |",
        f"| snapshot, rows/s | {three('gantry', 'snapshot')} | {three('java', 'snapshot')} | {three('bare', 'snapshot')} (COPY) |",
        f"| backlog of changes, changes/s | {three('gantry', 'changes')} | {three('java', 'changes')} | {three('bare', 'changes')} (pg_recvlogical) |",
        f"| behind at {CHANGES_A_SECOND:,} changes/s, ms: median | {three('gantry', 'p50', '{:.1f}')} | {three('java', 'p50', '{:.1f}')} | |",
        f"| behind at {CHANGES_A_SECOND:,} changes/s, ms: 99 of 100 | {three('gantry', 'p99', '{:.1f}')} | {three('java', 'p99', '{:.1f}')} | |",
        f"| worker's memory at most, MiB | {three('gantry', 'mib')} | {three('java', 'mib')} | |", "",
        f"Snapshot {times('snapshot'):.1f} × Debezium's rows a second and {times('snapshot', 'bare'):.0%} of the bare client's; "
        f"changes {times('changes'):.1f} × and {times('changes', 'bare'):.0%}.", "",
        "A snapshot counts from the request that creates the connector, a backlog from the one that resumes it, until all is in the topic. How late a change is: from the moment "
        "at which its row was made, in a transaction of its own, to the log's time stamp of its record, which has whole milliseconds.", "",
    ]
    (HERE / "CAPTURE.md").write_text("\n".join(lines))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=500_000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    subprocess.run(["bash", "-c", f"source {ROOT}/scripts/setup.sh; setup_postgres"], check=True)
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir(parents=True)
    place, rounds = plugins.fetch("debezium-postgres"), []
    for number in range(arguments.rounds):
        with Postgres(WORK / f"postgres-{number}") as server:
            rounds.append({"bare": bare(server, arguments.rows), "gantry": measure(server, "gantry", arguments.rows, None),
                           "java": measure(server, "java", arguments.rows, [place])})
        print(json.dumps(rounds[-1]), flush=True)
    page(arguments, rounds)


if __name__ == "__main__":
    try:
        main()
    except LabError as error:
        sys.exit(f"capture: {error}")
