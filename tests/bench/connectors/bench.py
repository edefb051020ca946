#!/usr/bin/env python3
"""How fast native connectors are, beside bare clients of the same servers and, where there is one, beside a Java connector
that does the same through the bridge, all on this machine in one run; rows are counted on the far side.

    tests/bench/connectors/run.sh            writes RESULTS.md
    ROWS=100000 ROUNDS=1 tests/bench/connectors/run.sh
"""

import argparse
import contextlib
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
from mariadb import MariaDb  # noqa: E402
from postgres import Postgres  # noqa: E402
from served import DATABASE, PASSWORD, USER, Refused  # noqa: E402
from worker import Gantry, LabError, target_dir, wait_for  # noqa: E402

WORK = target_dir() / "bench-connectors"
LIMIT_S = 600


def client(url, rows):
    """The bare client, and the connector's tasks without a worker, on one database."""
    command = [target_dir() / "release" / "examples" / "jdbc_bench", str(url), str(rows)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise LabError(f"{command}: {done.stderr[-2000:]}")
    return json.loads(done.stdout)


def count(server, table):
    with contextlib.suppress(Refused):
        return int(server.query(f"SELECT count(*) FROM {table}")[0][0])


def through_workers(mariadb, postgres, rows):
    """A table of MariaDB to a topic by the source, then from there to PostgreSQL by the sink and by Debezium's in Java. Each in a process
    of its own, so that its memory is its own: the source's data is the sinks'."""
    place = plugins.plugin_path(WORK / "plugins", [plugins.fetch("debezium-jdbc")])
    login = {"connection.user": USER, "connection.password": PASSWORD}
    target = f"jdbc:postgresql://127.0.0.1:{postgres.port}/{DATABASE}"
    source = {
        "connector.class": "io.confluent.connect.jdbc.JdbcSourceConnector", **login, "mode": "incrementing", "incrementing.column.name": "id",
        "connection.url": f"jdbc:mariadb://127.0.0.1:{mariadb.port}/{DATABASE}?nullCatalogMeansCurrent=true", "table.whitelist": "bench",
        "topic.prefix": "of-",
    }
    sinks = {
        "sink": {"connector.class": "io.confluent.connect.jdbc.JdbcSinkConnector", **login, "pk.mode": "record_value", "pk.fields": "id",
                 "table.name.format": "sink"},
        "java": {"connector.class": "io.debezium.connector.jdbc.JdbcSinkConnector", "connection.username": USER, "connection.password": PASSWORD,
                 "primary.key.mode": "record_value", "primary.key.fields": "id", "schema.evolution": "basic", "collection.name.format": "java"},
    }
    found = {}

    def one(name, config, is_done, props=None):
        worker = Gantry(WORK / "worker", props=props)
        try:
            worker.wait_ready()
            begun = time.monotonic()
            worker.rest.create(name, config)
            try:
                wait_for(f"{name} has not moved all", lambda: is_done(worker), LIMIT_S, 0.02)
            except LabError as error:
                raise LabError(f"{error}: {worker.rest.status(name)}") from None
            found[name] = rows / (time.monotonic() - begun)
            found[f"{name}_mib"] = worker.peak_mib()
            worker.rest.delete(name)
        finally:
            worker.stop()

    def is_read(worker):
        status, body = worker.rest.call("GET", "/connectors/source/offsets")
        return status == 200 and any(one["offset"].get("incrementing") == rows - 1 for one in body["offsets"])

    one("source", source, is_read)
    for name, config in sinks.items():
        postgres.query(f"DROP TABLE IF EXISTS {name}")
        config = {**config, "connection.url": target, "topics": "of-bench", "insert.mode": "upsert", "auto.create": "true"}
        one(name, config, lambda _, name=name: count(postgres, name) == rows, {"plugin.path": place} if name == "java" else None)
    shutil.rmtree(WORK / "worker", ignore_errors=True)
    return found


def median(rounds, *path):
    values = []
    for one in rounds:
        for name in path:
            one = one[name]
        values.append(one)
    return statistics.median(values)


def page(arguments, rounds):
    def three(*path):
        values = sorted(median([one], *path) for one in rounds)
        return f"{values[0]:,.0f} / {statistics.median(values):,.0f} / {values[-1]:,.0f}"

    lines = [
        "# Native connectors: benchmark results", "",
        f"Written by `make bench-connectors` on {datetime.date.today().isoformat()}: {arguments.rows:,} rows, {len(rounds)} rounds. Rows a second, min / median / max.", "",
        f"Machine: {os.cpu_count()} cores, Linux {platform.release()}. Rows of a number, two texts, a number and a double; MariaDB, PostgreSQL and SQLite with their defaults, on the same machine.", "",
        "## JDBC: tasks beside a bare client", "",
        "The client reads all of the table row by row, and writes statements of 512 rows, 2,000 rows a transaction; the tasks are called as a worker calls them, without a topic.", "",
        "| database | client reads | source | of the client's | client writes | sink | of the client's |", "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name in ("MariaDB", "PostgreSQL", "SQLite"):
        reads, source = median(rounds, name, "client_reads"), median(rounds, name, "source_reads")
        writes, sink = median(rounds, name, "client_writes"), median(rounds, name, "sink_writes")
        lines.append(f"| {name} | {three(name, 'client_reads')} | {three(name, 'source_reads')} | {source / reads:.0%} | "
                     f"{three(name, 'client_writes')} | {three(name, 'sink_writes')} | {sink / writes:.0%} |")
    java, sink = median(rounds, "worker", "java"), median(rounds, "worker", "sink")
    upserts = median(rounds, "PostgreSQL", "client_upserts")
    lines += [
        "", "## JDBC through a worker", "",
        "A table of MariaDB into a topic of the embedded log (JsonConverter with schemas), from there into PostgreSQL: by the native sink, and by Debezium's JDBC sink in Java through "
        "the bridge. From the request that creates the connector until all rows are there; memory is the most that the worker, started for it alone, had until then.", "",
        "| | rows/s | worker's memory, MiB |", "| --- | --- | --- |",
        f"| source | {three('worker', 'source')} | {three('worker', 'source_mib')} |",
        f"| sink | {three('worker', 'sink')} | {three('worker', 'sink_mib')} |",
        f"| Debezium's sink | {three('worker', 'java')} | {three('worker', 'java_mib')} |",
        f"| a bare client of PostgreSQL that upserts | {three('PostgreSQL', 'client_upserts')} | |",
        "", f"The native sink is {sink / java:.1f} × as fast as Debezium's, and has {sink / upserts:.0%} of the client's rows.", "",
    ]
    (HERE / "RESULTS.md").write_text("\n".join(lines))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=500_000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir(parents=True)
    rounds = []
    with MariaDb(WORK / "mariadb") as mariadb, Postgres(WORK / "postgres") as postgres:
        for number in range(arguments.rounds):
            found = {
                "MariaDB": client(mariadb.url, arguments.rows),
                "PostgreSQL": client(postgres.url, arguments.rows),
                "SQLite": client(WORK / f"{number}.db", arguments.rows),
                "worker": through_workers(mariadb, postgres, arguments.rows),
            }
            rounds.append(found)
            print(f"round {number + 1}: {json.dumps(found)}", flush=True)
    page(arguments, rounds)


if __name__ == "__main__":
    main()
