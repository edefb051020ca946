#!/usr/bin/env python3
"""Debezium both ways between two databases, while they change and the worker dies: PostgreSQL → topic → MariaDB and
MariaDB → topic → PostgreSQL. At the end the tables are equal, row by row and in every type."""

import argparse
import datetime
import json
import random
import sys
import threading
import time
import uuid

import plugins
import runtime
from runtime import LabError, wait_for
from servers import DATABASE, PASSWORD, USER, MariaDb, Postgres

TEXTS = ["", "plain", "it's \"quoted\" \\ and %", "naïve – 日本語 🦀", "tab\tand\nline", "x" * 300, "NULL", " spaces "]
BATCH = 40
PAUSE_S = 0.1
SETTLE_S = 120
SNAPSHOT_S = 120
SHOWN = 12
FIELD = "·"
NULL = "∅"

# Column, kind, type in PostgreSQL, type in MariaDB (None: not in a table of MariaDB's own).
COLUMNS = [
    ("tiny", "int", "smallint", "smallint"),
    ("number", "int", "integer", "int"),
    ("large", "long", "bigint", "bigint"),
    ("amount", "decimal", "numeric(20,4)", "decimal(20,4)"),
    ("single", "real", "real", "float"),
    ("ratio", "real", "double precision", "double"),
    ("label", "text", "text", "text"),
    ("short", "text", "varchar(400)", "varchar(400)"),
    ("payload", "bytes", "bytea", "blob"),
    ("flag", "bool", "boolean", "bit(1)"),
    ("born", "timestamp", "timestamp(6)", "datetime(6)"),
    ("seen", "zoned", "timestamptz", "timestamp(6) NULL"),
    ("day", "date", "date", "date"),
    ("clock", "time", "time(6)", "time(6)"),
    ("ident", "uuid", "uuid", None),
    ("doc", "json", "jsonb", "json"),
]
ADDED = ("added", "text", "text", "text")

CANONICAL = {
    "postgres": {
        "text": "encode(convert_to({c}::text, 'UTF8'), 'hex')", "json": "encode(convert_to({c}::text, 'UTF8'), 'hex')",
        "bytes": "encode({c}, 'hex')", "bool": "{c}::int::text", "timestamp": "to_char({c}, 'YYYY-MM-DD HH24:MI:SS.US')",
        "zoned": "to_char({c} AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')", "time": "to_char({c}, 'HH24:MI:SS.US')",
    },
    "mariadb": {
        "text": "LOWER(HEX(CONVERT({c} USING utf8mb4)))", "json": "LOWER(HEX(CONVERT({c} USING utf8mb4)))", "bytes": "LOWER(HEX({c}))",
        "bool": "CAST({c} + 0 AS CHAR)", "timestamp": "DATE_FORMAT({c}, '%Y-%m-%d %H:%i:%s.%f')",
        "zoned": "DATE_FORMAT({c}, '%Y-%m-%d %H:%i:%s.%f')", "time": "TIME_FORMAT({c}, '%H:%i:%s.%f')",
    },
}
PLAIN = {"postgres": "{c}::text", "mariadb": "CAST({c} AS CHAR)"}


def canonical(dialect, kind, column):
    """An expression whose text is the same in both databases for the same value."""
    quoted = f'"{column}"' if dialect == "postgres" else f"`{column}`"
    return f"COALESCE({CANONICAL[dialect].get(kind, PLAIN[dialect]).format(c=quoted)}, '{NULL}')"


def value(kind, rng):
    """A value of a kind; None now and then."""
    if rng.random() < 0.15:
        return None
    moment = datetime.datetime(2001, 1, 1) + datetime.timedelta(microseconds=rng.randrange(28 * 365 * 86400 * 10**6))
    return {
        "int": lambda: rng.choice([0, -1, 32767, -32768, rng.randrange(-30000, 30000)]),
        "long": lambda: rng.choice([0, 2**63 - 1, -2**63, rng.randrange(-10**15, 10**15)]),
        "decimal": lambda: f"{rng.choice([0, 1, -1, 9999999999999999, rng.randrange(-10**9, 10**9)])}.{rng.randrange(10000):04d}",
        "real": lambda: rng.randrange(-4000, 4000) / 8,
        "text": lambda: rng.choice(TEXTS),
        "bytes": lambda: rng.randbytes(rng.choice([0, 1, 16, 200])),
        "bool": lambda: rng.random() < 0.5,
        "timestamp": lambda: moment, "zoned": lambda: moment, "date": moment.date, "time": moment.time,
        "uuid": lambda: uuid.UUID(int=rng.getrandbits(128)),
        "json": lambda: json.dumps({"k": rng.randrange(100), "t": rng.choice(["é", "b"])}, ensure_ascii=False),
    }[kind]()


def literal(dialect, given):
    """SQL for a value."""
    if given is None:
        return "NULL"
    if isinstance(given, bool):
        return str(given).upper() if dialect == "postgres" else f"b'{int(given)}'"
    if isinstance(given, (int, float)):
        return str(given)
    if isinstance(given, bytes):
        return f"'\\x{given.hex()}'" if dialect == "postgres" else f"x'{given.hex()}'"
    if isinstance(given, (datetime.datetime, datetime.time)):
        given = given.isoformat(*([" "] if isinstance(given, datetime.datetime) else []), timespec="microseconds")
    text = str(given).replace("'", "''")
    return f"'{text}'" if dialect == "postgres" else "'" + text.replace("\\", "\\\\") + "'"


class Way:
    """A source table, its copy, and the writer that changes the source."""

    def __init__(self, source, sink, prefix, seed):
        self.source, self.sink, self.dialect, self.prefix = source, sink, source.name, prefix
        self.random = random.Random(seed)
        self.columns = [c for c in COLUMNS if c[2 if self.dialect == "postgres" else 3]]
        self.schema = "public" if self.dialect == "postgres" else DATABASE
        self.table, self.signals = "items", "debezium_signal"
        self.copy = f"{prefix}_{self.schema}_{self.table}"
        self.topic = f"{prefix}.{self.schema}.{self.table}"
        self.connectors = (f"{prefix}-source", f"{prefix}-sink")
        self.live, self.next, self.operations = [], 1, 0
        self.lock, self.end, self.failure = threading.Lock(), threading.Event(), None
        self.thread = threading.Thread(target=self.work, daemon=True)

    def make(self, rows):
        """The tables, with rows for the snapshot."""
        at = 2 if self.dialect == "postgres" else 3
        fields = ", ".join(f"{c[0]} {c[at]}" for c in self.columns)
        self.source.sql(f"CREATE TABLE {self.table} (id int PRIMARY KEY, {fields}); "
                        f"CREATE TABLE {self.signals} (id varchar(64) PRIMARY KEY, type varchar(32) NOT NULL, data varchar(2048) NULL)")
        for begin in range(0, rows, 500):
            self.source.sql("".join(self.insert() for _ in range(min(500, rows - begin))))

    def insert(self):
        """A new row."""
        number, self.next = self.next, self.next + 1
        self.live.append(number)
        values = ", ".join(literal(self.dialect, value(c[1], self.random)) for c in self.columns)
        return f"INSERT INTO {self.table} (id, {', '.join(c[0] for c in self.columns)}) VALUES ({number}, {values});\n"

    def change(self):
        """A change at random."""
        kind = self.random.random()
        if kind < 0.4 or len(self.live) < 10:
            return self.insert()
        index = self.random.randrange(len(self.live))
        number = self.live[index]
        if kind < 0.55:
            self.live[index] = self.live[-1]
            self.live.pop()
            return f"DELETE FROM {self.table} WHERE id = {number};\n"
        if kind < 0.58:
            self.live[index], self.next = self.next, self.next + 1
            return f"UPDATE {self.table} SET id = {self.live[index]} WHERE id = {number};\n"
        changed = self.random.sample(self.columns, self.random.randint(1, 4))
        values = ", ".join(f"{c[0]} = {literal(self.dialect, value(c[1], self.random))}" for c in changed)
        return f"UPDATE {self.table} SET {values} WHERE id = {number};\n"

    def work(self):
        """Changes the source until it is told to end."""
        try:
            while not self.end.wait(PAUSE_S):
                with self.lock:
                    changes = "".join(self.change() for _ in range(BATCH))
                    self.source.sql(f"BEGIN;\n{changes}COMMIT;\n")
                    self.operations += BATCH
        except Exception as error:  # pylint: disable=broad-except
            self.failure = error

    def add_column(self):
        """DDL while rows change."""
        with self.lock:
            self.source.sql(f"ALTER TABLE {self.table} ADD COLUMN {ADDED[0]} {ADDED[2]}")
            self.columns.append(ADDED)

    def signal_snapshot(self):
        """Asks for an incremental snapshot."""
        data = json.dumps({"data-collections": [f"{self.schema}.{self.table}"], "type": "incremental"})
        self.source.sql(f"INSERT INTO {self.signals} VALUES ('{uuid.uuid4()}', 'execute-snapshot', '{data}')")

    def dump(self, database, table):
        """All rows as texts, by id."""
        fields = ", ".join(["id", *(canonical(database.name, c[1], c[0]) for c in self.columns)])
        rows = {row[0]: row[1:] for row in database.sql(f"SELECT {fields} FROM {table}")}
        return rows

    def copied(self):
        """How many rows the copy has; 0 before it is there."""
        known = self.sink.value(f"SELECT count(*) FROM information_schema.tables WHERE table_name = '{self.copy}'")
        return int(self.sink.value(f"SELECT count(*) FROM {self.copy}")) if known != "0" else 0

    def differences(self):
        """What differs between the table and its copy."""
        have = self.sink.value(f"SELECT count(*) FROM information_schema.columns WHERE table_name = '{self.copy}'")
        if int(have) < len(self.columns) + 1:
            return [f"{self.copy} has {have} columns"]
        one, other = self.dump(self.source, self.table), self.dump(self.sink, self.copy)
        found = [f"row {i} is missing" for i in one.keys() - other.keys()] + [f"row {i} is too much" for i in other.keys() - one.keys()]
        for number in one.keys() & other.keys():
            found += [f"row {number}, {column[0]}: {a} in the source, {b} in the copy"
                      for column, a, b in zip(self.columns, one[number], other[number]) if a != b]
        return found

    def source_config(self, bootstrap):
        """The Debezium source, with the keys that users have."""
        common = {
            "tasks.max": "1", "topic.prefix": self.prefix, "database.hostname": "127.0.0.1", "database.port": str(self.source.port),
            "database.user": USER, "database.password": PASSWORD, "table.include.list": f"{self.schema}.{self.table}",
            "signal.data.collection": f"{self.schema}.{self.signals}", "incremental.snapshot.chunk.size": "100", "poll.interval.ms": "100",
            # At once when the database or the worker comes back.
            "errors.max.retries": "-1", "retriable.restart.connector.wait.ms": "500",
        }
        if self.dialect == "postgres":
            return {"connector.class": "io.debezium.connector.postgresql.PostgresConnector", "database.dbname": DATABASE,
                    "plugin.name": "pgoutput", "slot.name": f"gantry_{self.prefix}", "publication.autocreate.mode": "filtered", **common}
        return {"connector.class": "io.debezium.connector.mariadb.MariaDbConnector", "database.server.id": "5401",
                "database.include.list": DATABASE, "database.ssl.mode": "disable",
                "schema.history.internal.kafka.bootstrap.servers": bootstrap,
                "schema.history.internal.kafka.topic": f"schema-changes.{self.prefix}", **common}

    def sink_config(self):
        """Debezium's JDBC sink into the other database, which makes and alters the table."""
        url = f"jdbc:postgresql://127.0.0.1:{self.sink.port}/{DATABASE}" if self.sink.name == "postgres" else \
            f"jdbc:mariadb://127.0.0.1:{self.sink.port}/{DATABASE}"
        return {"connector.class": "io.debezium.connector.jdbc.JdbcSinkConnector", "tasks.max": "1", "topics": self.topic,
                "connection.url": url, "connection.username": USER, "connection.password": PASSWORD, "insert.mode": "upsert",
                "delete.enabled": "true", "primary.key.mode": "record_key", "schema.evolution": "basic", "batch.size": "200"}


def say(text):
    """Progress."""
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def run(args, worker, way):
    """One way, on a started worker."""
    worker.create(way.connectors[0], way.source_config(worker.bootstrap))
    worker.create(way.connectors[1], way.sink_config())

    def snapshot():
        for name in way.connectors:
            worker.healthy(name)
        return way.copied() >= args.rows
    wait_for(f"{way.copy} lacks rows of the snapshot", snapshot, SNAPSHOT_S, 0.5)
    say(f"{way.copy}: the snapshot is there; now rows change")
    way.thread.start()
    rng = random.Random(args.seed)
    for event in ("restart", "column", "snapshot", *["kill"] * args.kills):
        time.sleep(rng.uniform(1, 3))
        say(f"{event}, after {way.operations:,} changes")
        if event == "kill":
            worker.kill()
            worker.restart()
        elif event == "restart":
            status, body = worker.rest("POST", f"/connectors/{way.connectors[0]}/restart?includeTasks=true")
            if status not in (202, 204):
                raise LabError(f"restart: {status} {body}")
        elif event == "column":
            way.add_column()
        else:
            way.signal_snapshot()
        for name in way.connectors:
            worker.wait_running(name)
    while way.operations < args.rows and not way.failure:
        time.sleep(0.1)
    way.end.set()
    way.thread.join()
    if way.failure:
        raise way.failure


def settle(worker, way):
    """Waits until the copy equals the table; raises with what differs."""
    end = time.monotonic() + SETTLE_S
    while found := way.differences():
        if time.monotonic() > end:
            causes = [line for name in way.connectors for line in worker.report(name)]
            raise LabError("\n  ".join([f"{way.copy}: {len(found)} differences", *found[:SHOWN], *causes]))
        for name in way.connectors:
            worker.healthy(name)
        time.sleep(1)
    say(f"{way.copy}: {len(way.live):,} rows are equal after {way.operations:,} changes")


def check_topic(worker, way):
    """The topic holds a snapshot, changes, an incremental snapshot and tombstones."""
    seen = {"r": 0, "c": 0, "u": 0, "d": 0, "incremental": 0, "tombstone": 0}
    for record in worker.topic_records(way.topic):
        if record.value is None:
            seen["tombstone"] += 1
        else:
            change = record.json()
            seen[change["op"]] += 1
            seen["incremental"] += change["source"]["snapshot"] == "incremental"
    say(f"{way.topic}: {', '.join(f'{n:,} {k}' for k, n in seen.items())}")
    if not all(seen.values()):
        raise LabError(f"{way.topic} lacks a kind of record: {seen}")


def main():
    """The command line."""
    parser = runtime.add_arguments(argparse.ArgumentParser(description=__doc__), "debezium")
    parser.add_argument("--rows", type=int, default=1000, help="rows in each table before the snapshot, and changes at least")
    parser.add_argument("--kills", type=int, default=1, help="how often the worker is killed on each way")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--mode", choices=["standalone", "distributed"], default="standalone")
    args = parser.parse_args()
    began = time.monotonic()
    places = [plugins.fetch(name) for name in ("debezium-postgres", "debezium-mariadb", "debezium-jdbc")]
    with runtime.workplace(args) as work, Postgres(work / "postgres") as postgres, MariaDb(work / "mariadb") as mariadb:
        ways = [Way(postgres, mariadb, "pg", args.seed), Way(mariadb, postgres, "maria", args.seed + 1)]
        for way in ways:
            way.make(args.rows)
        with runtime.start(args, work / args.runtime, places, mode=args.mode) as worker:
            say(f"{args.runtime} and both databases run")
            # One after the other: two dialects of the JDBC sink do not go together in one JVM, as its types are singletons.
            for way in ways:
                try:
                    run(args, worker, way)
                    settle(worker, way)
                    check_topic(worker, way)
                finally:
                    way.end.set()
                for name in way.connectors:
                    worker.delete(name)
    print(f"debezium on {args.runtime}: each copy equals its table after {args.kills} kills, {time.monotonic() - began:.0f} s; 1 passed, 0 failed")


if __name__ == "__main__":
    try:
        main()
    except LabError as error:
        sys.exit(f"debezium: {error}")
