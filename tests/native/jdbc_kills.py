#!/usr/bin/env python3
"""A table of MariaDB through a topic into tables of PostgreSQL and SQLite, by the JDBC connectors, while the worker, and
now and then a database, is killed at random: the tables are equal at the end, and one that is written exactly once has
each change once.

    tests/native/jdbc_kills.py --kills 20 --seed 1
"""

import argparse
import contextlib
import json
import pathlib
import random
import shutil
import sqlite3
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT / "scripts" / "lib"), str(HERE.parent / "servers")]
from mariadb import MariaDb  # noqa: E402
from postgres import Postgres  # noqa: E402
from served import DATABASE, PASSWORD, USER, Refused  # noqa: E402
from worker import Gantry, LabError, target_dir, wait_for  # noqa: E402

CONFLUENT = "io.confluent.connect.jdbc."
ROWS = 300
LIMIT_S = 90


class Tables:
    """The table that is changed, and those that follow it."""

    def __init__(self, mariadb, postgres, file):
        self.mariadb, self.postgres, self.file = mariadb, postgres, file

    def source(self):
        return self.mariadb.query("SELECT id, name, amount FROM stock ORDER BY id")

    def of_postgres(self, sql):
        with contextlib.suppress(Refused):
            return self.postgres.query(sql)

    def of_sqlite(self, sql):
        with sqlite3.connect(self.file, timeout=10) as connection:
            try:
                return [[str(value) for value in row] for row in connection.execute(sql)]
            except sqlite3.OperationalError:
                return None


def connectors(tables, work):
    """The files of the connectors."""
    login = {"connection.user": USER, "connection.password": PASSWORD, "connection.backoff.ms": "200"}
    mariadb = {"connection.url": f"jdbc:mariadb://127.0.0.1:{tables.mariadb.port}/{DATABASE}?nullCatalogMeansCurrent=true", **login}
    postgres = {"connection.url": f"jdbc:postgresql://127.0.0.1:{tables.postgres.port}/{DATABASE}", **login}
    sqlite = {"connection.url": f"jdbc:sqlite:{tables.file}?journal_mode=wal"}
    key = {"pk.mode": "record_value", "pk.fields": "id", "insert.mode": "upsert"}
    sink = {"topics": "of-stock", "auto.create": "true", "retry.backoff.ms": "1000"}
    configs = {
        "source": {
            "connector.class": CONFLUENT + "JdbcSourceConnector", **mariadb, "mode": "timestamp+incrementing", "poll.interval.ms": "100",
            "incrementing.column.name": "id", "timestamp.column.name": "changed", "table.whitelist": "stock", "topic.prefix": "of-",
            "timestamp.delay.interval.ms": "200",
        },
        "copy": {"connector.class": CONFLUENT + "JdbcSinkConnector", **postgres, **sink, **key, "table.name.format": "copy"},
        # Each record of the topic once, whatever dies.
        "history": {"connector.class": CONFLUENT + "JdbcSinkConnector", **postgres, **sink, "table.name.format": "history",
                    "gantry.offsets.table": "offsets"},
        "file": {"connector.class": CONFLUENT + "JdbcSinkConnector", **sqlite, **sink, **key, "table.name.format": "copy"},
    }
    files = []
    for name, config in configs.items():
        path = work / f"{name}.json"
        path.write_text(json.dumps({"name": name, "config": config}))
        files.append(path)
    return files


def kills(tables, work, count, chance):
    files = connectors(tables, work)
    tables.mariadb.query(
        "CREATE TABLE stock (id INT PRIMARY KEY AUTO_INCREMENT, name VARCHAR(40), amount DECIMAL(10,2), "
        "changed TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6));"
    )
    made, died = 0, 0
    for number in range(count + 1):
        worker = Gantry(work / "worker", files)
        try:
            worker.wait_ready()
            until = time.monotonic() + (chance.uniform(0.2, 2.5) if number < count else 0)
            while True:
                new = ",".join(f"('n{made + at}', {chance.randrange(100000) / 100})" for at in range(ROWS // (count + 1)))
                made += ROWS // (count + 1)
                changed = ", ".join(str(chance.randrange(1, made + 1)) for _ in range(5))
                tables.mariadb.query(
                    f"INSERT INTO stock (name, amount) VALUES {new}; "
                    f"UPDATE stock SET amount = amount + 1, name = concat(name, '\\'') WHERE id IN ({changed}) AND length(name) < 30;"
                )
                if time.monotonic() > until:
                    break
                if chance.random() < 0.1:
                    server = chance.choice((tables.mariadb, tables.postgres))
                    server.kill()
                    server.start()
                    died += 1
                time.sleep(0.1)
            if number < count:
                worker.kill()
            else:
                compare(tables, worker)
        finally:
            worker.stop()
    print(f"databases died {died} times", flush=True)


def compare(tables, worker):
    source = tables.source()
    copies = {"PostgreSQL": lambda: tables.of_postgres("SELECT id, name, amount FROM copy ORDER BY id"),
              "SQLite": lambda: [[i, n, f"{float(a):.2f}"] for i, n, a in tables.of_sqlite("SELECT id, name, amount FROM copy ORDER BY id") or []]}
    for name, copy in copies.items():
        wait_for(f"the copy in {name} is not the table; see {worker.home}", lambda: copy() == source, LIMIT_S, 0.5)
    lacking = "SELECT count(*) FROM copy c WHERE NOT EXISTS (SELECT 1 FROM history h WHERE h.id = c.id AND h.name = c.name AND h.amount = c.amount)"
    wait_for(f"the history lacks the last state of some rows; see {worker.home}", lambda: tables.of_postgres(lacking) == [["0"]], LIMIT_S, 0.5)
    # Offsets and rows are of one transaction: whatever died, there are as many of both.
    [[rows, records, different]] = tables.of_postgres(
        "SELECT count(*), (SELECT sum(next_offset) FROM offsets), (SELECT count(*) FROM (SELECT DISTINCT id, changed FROM history) v) FROM history"
    )
    if rows != records:
        raise LabError(f"the history has {rows} rows of {records} records; see {worker.home}")
    print(f"{len(source)} rows, {records} changes read, {different} of them different", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    subprocess.run(["bash", "-c", f"source {ROOT}/scripts/setup.sh; setup_mariadb; setup_postgres"], check=True)
    work = target_dir() / "native" / "jdbc-kills"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    begun = time.monotonic()
    with MariaDb(work / "mariadb") as mariadb, Postgres(work / "postgres") as postgres:
        kills(Tables(mariadb, postgres, work / "copy.db"), work, arguments.kills, random.Random(arguments.seed))
    print(f"equal after {arguments.kills} kills, {time.monotonic() - begun:.0f} s")


if __name__ == "__main__":
    main()
