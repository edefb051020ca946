"""Debezium's PostgreSQL connector: rows per second of a snapshot and of changes, and the memory that it takes."""

import os
import threading
import time

from sides import LabError, plugins, running
from servers import DATABASE, PASSWORD, USER, Postgres

POLL_S = 0.05
LIMIT_S = 600
# Rows of one transaction of the writer's.
TRANSACTION = 1000
SETTLE_S = 3
ROW = ("{n} AS id, 'customer ' || {n} AS name, 'Copenhagen' AS city, ({n} % 1000)::int AS amount, {n} / 8.0::float8 AS ratio, {n} % 2 = 0 AS active, "
       "timestamp '2024-01-01' + {n} * interval '1 second' AS seen, (19.99 + {n})::numeric(12,2) AS price, NULL::text AS note, "
       "decode(md5({n}::text), 'hex') AS raw").replace("{n}", "n")


def config(port, table):
    """The connector, with Debezium's own defaults for batches and queues."""
    return {"connector.class": "io.debezium.connector.postgresql.PostgresConnector", "tasks.max": "1", "topic.prefix": "t",
            "database.hostname": "127.0.0.1", "database.port": str(port), "database.user": USER, "database.password": PASSWORD,
            "database.dbname": DATABASE, "plugin.name": "pgoutput", "slot.name": f"slot_{table}", "publication.name": f"publication_{table}",
            "publication.autocreate.mode": "filtered", "table.include.list": f"public.{table}", "poll.interval.ms": "10",
            "slot.drop.on.stop": "true"}


class Memory(threading.Thread):
    """The highest resident memory of all that counts together, and the mean."""

    def __init__(self, side):
        super().__init__(daemon=True)
        self.side, self.values, self.end = side, [], threading.Event()
        self.start()

    def run(self):
        while not self.end.wait(0.1):
            self.values.append(self.side.rss_mib())

    def stop(self):
        """Highest and mean, in MiB."""
        self.end.set()
        self.join()
        return max(self.values), sum(self.values) / len(self.values)


def until(side, topic, name, count, first):
    """Waits until so many records are there; when more than `first` were, and when all were."""
    began, seen = time.monotonic(), None
    while (written := side.written(topic)) < count:
        now = time.monotonic()
        if seen is None and written > first:
            seen = now, written
        if now - began > LIMIT_S or "FAILED" in str(side.rest.status(name)):
            raise LabError(f"{topic}: {written} of {count} records after {now - began:.0f} s: {side.rest.status(name)}")
        time.sleep(POLL_S)
    end = time.monotonic()
    return (seen or (began, first)), end


def one(side, database, table, options):
    """A snapshot, then changes."""
    database.sql(f"DROP TABLE IF EXISTS {table}; CREATE TABLE {table} AS SELECT {ROW} FROM generate_series(1::bigint, {options.rows}) n; "
                 f"ALTER TABLE {table} ADD PRIMARY KEY (id); ANALYZE {table}")
    name, topic = f"source-{table}", f"t.public.{table}"
    memory = Memory(side)
    cpu, began = side.cpu_s(), time.monotonic()
    side.rest.create(name, config(database.port, table))
    (first, at_first), end = until(side, topic, name, options.rows, 0)
    snapshot = {"per_s": (options.rows - at_first) / (end - first), "whole_s": end - began, "cpu_us": (side.cpu_s() - cpu) / options.rows * 1e6}
    time.sleep(SETTLE_S)
    writer = threading.Thread(target=change, args=(database, table, options.rows, options.changes))
    cpu, began = side.cpu_s(), time.monotonic()
    writer.start()
    _, end = until(side, topic, name, options.rows + options.changes, options.rows)
    writer.join()
    stream = {"per_s": options.changes / (end - began), "cpu_us": (side.cpu_s() - cpu) / options.changes * 1e6}
    peak, mean = memory.stop()
    side.rest.delete(name)
    return {"snapshot": snapshot, "stream": stream, "peak_mib": peak, "mean_mib": mean, "load": os.getloadavg()[0]}


def change(database, table, rows, changes):
    """Inserts and updates in turn, a thousand to a transaction, as fast as the database takes them."""
    text = []
    for begin in range(0, changes, TRANSACTION):
        count = min(TRANSACTION, changes - begin)
        if begin // TRANSACTION % 2:
            text.append(f"UPDATE {table} SET amount = amount + 1 WHERE id > {begin} AND id <= {begin + count};")
        else:
            start = rows + begin + 1
            text.append(f"INSERT INTO {table} SELECT {ROW} FROM generate_series({start}::bigint, {start + count - 1}) n;")
    database.sql("\n".join(text))


def measure(work, options, say):
    """Rounds of both in turn, with one database; an uncounted run in each worker first."""
    places = [plugins.fetch("debezium-postgres")]
    found = {}
    small = type(options)(**{**vars(options), "rows": max(options.rows // 10, 1000), "changes": max(options.changes // 10, 1000)})
    with Postgres(work / "postgres") as database:
        for number in range(options.database_rounds):
            for name in options.sides:
                with running(name, work / f"{name}-{number}", places) as side:
                    one(side, database, "warm", small)
                    result = one(side, database, "run", options)
                found.setdefault(name, []).append(result)
                say(f"{name:6} snapshot {result['snapshot']['per_s']:,.0f} rows/s ({result['snapshot']['cpu_us']:.0f} µs CPU), changes "
                    f"{result['stream']['per_s']:,.0f}/s ({result['stream']['cpu_us']:.0f} µs CPU), {result['peak_mib']:.0f} MiB at most, "
                    f"{result['mean_mib']:.0f} in the mean, load {result['load']:.1f}")
    return found
