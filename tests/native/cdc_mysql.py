#!/usr/bin/env python3
"""A table of MariaDB through Debezium's connector, which runs natively, into a copy by the JDBC sink, while the worker and
now and then the server is killed at random and the table is altered: the copy equals the table. Then what goes wrong in
production: each fault must say what it is and what to do.

    tests/native/cdc_mysql.py --kills 20 --seed 1
"""

import argparse
import json
import pathlib
import random
import shutil
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT / "scripts" / "lib"), str(HERE.parent / "servers")]
from mariadb import MariaDb  # noqa: E402
from served import DATABASE, PASSWORD, USER  # noqa: E402
from worker import Gantry, LabError, gantry_binary, target_dir, wait_for  # noqa: E402

CLASS = "io.debezium.connector.mariadb.MariaDbConnector"
BINLOG = ["--log-bin=binlog", "--server-id=1", "--binlog-format=ROW", "--binlog-row-image=FULL", "--character-set-server=utf8mb4"]
LIMIT_S = 60
BATCH = 20
# The most that a row may have through JSON and the sink's packets.
LARGE = 4 << 20


def source(mariadb, **more):
    """A source connector's config."""
    return {
        "connector.class": CLASS, "tasks.max": "1", "topic.prefix": "shop", "database.hostname": "127.0.0.1", "database.port": str(mariadb.port),
        "database.user": USER, "database.password": PASSWORD, "database.server.id": "5601", "table.include.list": f"{DATABASE}.items",
        "signal.data.collection": f"{DATABASE}.signals", "incremental.snapshot.chunk.size": "50",
        "retriable.restart.connector.wait.ms": "300", "schema.history.internal.kafka.bootstrap.servers": "unused:9092",
        "schema.history.internal.kafka.topic": "unused", **more,
    }


def sink(mariadb):
    """The copy's."""
    return {
        "connector.class": "io.confluent.connect.jdbc.JdbcSinkConnector", "topics": f"shop.{DATABASE}.items", "table.name.format": "items",
        "connection.url": f"jdbc:mariadb://127.0.0.1:{mariadb.port}/copy", "connection.user": USER, "connection.password": PASSWORD,
        "connection.backoff.ms": "300", "retry.backoff.ms": "500", "max.retries": "100", "insert.mode": "upsert", "pk.mode": "record_key",
        "delete.enabled": "true", "auto.evolve": "true", "transforms": "unwrap", "transforms.unwrap.type": "io.debezium.transforms.ExtractNewRecordState",
    }


def written(work, name, config):
    """A connector's file."""
    path = work / f"{name}.json"
    path.write_text(json.dumps({"name": name, "config": config}))
    return path


class Table:
    """The table that is changed, and its copy."""

    def __init__(self, mariadb, chance):
        self.mariadb, self.chance, self.next, self.columns = mariadb, chance, 1, ["id", "name", "amount", "note"]
        mariadb.query(
            "CREATE TABLE items (id INT PRIMARY KEY, name VARCHAR(60), amount DECIMAL(10,2) UNSIGNED, note MEDIUMTEXT) CHARSET=utf8mb4; "
            "CREATE TABLE signals (id VARCHAR(64) PRIMARY KEY, type VARCHAR(32), data VARCHAR(2048)); CREATE DATABASE copy; CREATE TABLE copy.items (id INT PRIMARY KEY, name VARCHAR(60), amount DECIMAL(10,2), note LONGTEXT) CHARSET=utf8mb4;"
        )

    def change(self):
        """One transaction with several rows in each statement."""
        rows = ",".join(f"({self.next + at}, 'näme {self.chance.randrange(99)}', {self.chance.randrange(9999) / 100}, 'x')" for at in range(BATCH))
        self.next += BATCH
        low = self.chance.randrange(1, self.next)
        self.mariadb.query(
            f"BEGIN; INSERT INTO items (id, name, amount, note) VALUES {rows}; UPDATE items SET amount = amount + 1, name = CONCAT('c', name) "
            f"WHERE id BETWEEN {low} AND {low + 15} AND LENGTH(name) < 50; DELETE FROM items WHERE id = {self.chance.randrange(1, self.next)}; "
            f"UPDATE items SET id = {self.next} WHERE id = {self.chance.randrange(1, self.next)}; COMMIT;"
        )
        self.next += 1

    def alter(self, number):
        """DDL between changes."""
        self.mariadb.query(f"ALTER TABLE items ADD COLUMN more{number} INT DEFAULT {number} {self.chance.choice(['FIRST', 'AFTER name', ''])}")
        self.columns.append(f"more{number}")
        if number % 2 == 0:
            self.mariadb.query(f"RENAME TABLE items TO items_old; CREATE TABLE items LIKE items_old; INSERT INTO items SELECT * FROM items_old WHERE id < 0; "
                               f"DROP TABLE items; RENAME TABLE items_old TO items;")

    def rows(self, database):
        """All rows as texts."""
        known = {row[0] for row in self.mariadb.query(f"SELECT column_name FROM information_schema.columns WHERE table_schema = '{database}' AND table_name = 'items'")}
        if not known.issuperset(self.columns):
            return None
        columns = ", ".join("MD5(note)" if column == "note" else column for column in self.columns)
        return self.mariadb.query(f"SELECT {columns} FROM {database}.items ORDER BY id")


def kills(mariadb, work, count, chance):
    """Changes, deaths, and at the end the same rows on both sides."""
    table = Table(mariadb, chance)
    files = [written(work, "source", source(mariadb)), written(work, "sink", sink(mariadb))]
    table.change()
    died = 0
    for number in range(count + 1):
        worker = Gantry(work / "worker", files)
        try:
            worker.wait_ready()
            until = time.monotonic() + (chance.uniform(0.3, 2.0) if number < count else 0)
            while True:
                table.change()
                if time.monotonic() > until:
                    break
                if chance.random() < 0.08:
                    mariadb.kill()
                    mariadb.start()
                    died += 1
                time.sleep(0.03)
            table.alter(number)
            table.change()
            if number == 1:
                mariadb.query(f"SET GLOBAL max_allowed_packet=67108864; UPDATE items SET note = REPEAT('y', {LARGE}) WHERE id = (SELECT MIN(id) FROM (SELECT id FROM items) i)")
            if number < count:
                worker.kill()
                continue
            rows, changes = equal(table, worker), once(worker)
            print(f"{rows} rows are equal after {count} kills of the worker and {died} of the server, none of {changes} changes came twice", flush=True)
            asked = json.dumps({"type": "incremental", "data-collections": [f"{DATABASE}.items"]})
            mariadb.query(f"DELETE FROM copy.items; INSERT INTO signals VALUES (UUID(), 'execute-snapshot', '{asked}')")
            table.change()
            worker.kill()
        finally:
            worker.stop()
    worker = Gantry(work / "worker", files)
    try:
        worker.wait_ready()
        table.change()
        print(f"{equal(table, worker)} rows are equal after an incremental snapshot", flush=True)
    finally:
        worker.stop()


def equal(table, worker):
    """Waits until the copy equals the table: how many rows it has."""
    want = table.rows(DATABASE)
    wait_for(f"the copy is not the table; see {worker.home}", lambda: table.rows("copy") == want, LIMIT_S, 0.5)
    healthy(worker)
    return len(want)


def once(worker):
    """How many changes there are, each once by its place in the binary log."""
    command = [gantry_binary(), "topic", "dump", f"shop.{DATABASE}.items", "--max", "2000000", "--url", worker.rest.base]
    done, seen = subprocess.run(command, capture_output=True, text=True, check=True), set()
    for line in done.stdout.splitlines()[1:]:
        key, value = (json.loads(bytes.fromhex(text)) if text else None for text in map(json.loads(line).get, ("key", "value")))
        change = value and value["payload"]
        if not change or change["source"]["snapshot"] not in ("false", None):
            continue
        place = (*map(change["source"].get, ("file", "pos", "row")), change["op"], json.dumps(key["payload"]))
        if place in seen:
            raise LabError(f"{place} came twice; see {worker.home}")
        seen.add(place)
    return len(seen)


def healthy(worker):
    """Nothing has failed."""
    for name in ("source", "sink"):
        status = worker.rest.status(name)
        if any(task["state"] != "RUNNING" for task in status["tasks"]):
            raise LabError(f"{name}: {status}")


def fails(worker, name, words):
    """Waits until a connector's task has failed and says these words."""
    def trace():
        status = worker.rest.status(name)
        tasks = status["tasks"] if status else []
        return tasks and tasks[0]["state"] == "FAILED" and tasks[0]["trace"]
    text = wait_for(f"{name} has not failed", trace, LIMIT_S, 0.1)
    missing = [word for word in words if word not in text]
    if missing:
        raise LabError(f"{name}: {missing} is not in {text}")
    print(f"{name}: says what it is", flush=True)


def faults(mariadb, work):
    """What goes wrong must say what it is."""
    mariadb.query(f"CREATE USER 'blind'@'%' IDENTIFIED BY '{PASSWORD}'; GRANT SELECT, RELOAD ON *.* TO 'blind'@'%'; CREATE TABLE odd (id INT PRIMARY KEY, a INT);")
    common = {"snapshot.mode": "no_data", "errors.max.retries": "0"}
    worker = Gantry(work / "faults", [])
    try:
        worker.wait_ready()
        rest = worker.rest

        def create(name, **more):
            rest.create(name, source(mariadb, **{"topic.prefix": name, "database.server.id": str(5700 + len(name)), **common, **more}))
        status, body = rest.call("PUT", f"/connector-plugins/{CLASS}/config/validate", source(mariadb, **{"name": "x", "database.password": "wrong"}))
        errors = [error for value in body["configs"] for error in value["value"]["errors"]]
        if status != 200 or not any("Access denied" in error for error in errors) or any("wrong" in error for error in errors):
            raise LabError(f"validate: {status} {errors}")
        create("privileges", **{"database.user": "blind"})
        fails(worker, "privileges", ["BINLOG MONITOR", "REPLICATION SLAVE"])
        mariadb.query("GRANT BINLOG MONITOR ON *.* TO 'blind'@'%'")
        create("replication", **{"database.user": "blind"})
        fails(worker, "replication", ["user 'blind' may not read the binary log at binlog.", "grant it REPLICATION SLAVE"])
        mariadb.query("SET GLOBAL binlog_format=STATEMENT")
        create("format")
        fails(worker, "format", ["binlog_format is STATEMENT", "binlog_format=ROW"])
        mariadb.query("SET GLOBAL binlog_format=ROW")
        # Two readers with one number.
        create("twin", **{"database.server.id": "5799"})
        wait_for("nothing reads", lambda: mariadb.query("SELECT COUNT(*) FROM information_schema.processlist WHERE command = 'Binlog Dump'") != [["0"]], LIMIT_S, 0.1)
        create("twin-2", **{"database.server.id": "5799"})
        fails(worker, "twin", ["database.server.id"])
        rest.call("DELETE", "/connectors/twin-2")
        # The structure at the position is known by the offset: a position without one finds other columns than there are.
        create("columns", **{"table.include.list": f"{DATABASE}.odd"})
        rest.wait_running("columns", LIMIT_S, 0.1)
        mariadb.query("INSERT INTO odd VALUES (1, 1)")
        wait_for("the row is not read", lambda: offset(rest, "columns").get("ts_sec"), LIMIT_S, 0.2)
        at = offset(rest, "columns")
        rest.call("PUT", "/connectors/columns/stop")
        mariadb.query("INSERT INTO odd VALUES (2, 2); ALTER TABLE odd ADD COLUMN b INT; INSERT INTO odd VALUES (3, 3, 3)")
        wait_for("not stopped", lambda: not rest.status("columns")["tasks"], LIMIT_S, 0.1)
        rest.call("DELETE", "/connectors/columns/offsets")
        at = {key: value for key, value in at.items() if key in ("file", "pos", "gtids")}
        status, body = rest.call("PATCH", "/connectors/columns/offsets", {"offsets": [{"partition": {"server": "columns"}, "offset": at}]})
        if status != 200:
            raise LabError(f"offsets: {status} {body}")
        rest.call("PUT", "/connectors/columns/resume")
        fails(worker, "columns", [f"{DATABASE}.odd", "now it has 3 columns", "rows have 2 columns", "snapshot.mode=recovery", "binlog."])
        # The position's file is gone.
        create("purged")
        rest.wait_running("purged", LIMIT_S, 0.1)
        wait_for("there is no offset", lambda: offset(rest, "purged").get("file"), LIMIT_S, 0.2)
        rest.call("PUT", "/connectors/purged/stop")
        wait_for("not stopped", lambda: not rest.status("purged")["tasks"], LIMIT_S, 0.1)
        mariadb.query("INSERT INTO odd VALUES (4, 4, 4); FLUSH BINARY LOGS; INSERT INTO odd VALUES (5, 5, 5); FLUSH BINARY LOGS;")
        last = mariadb.query("SHOW BINARY LOGS")[-1][0]
        wait_for("the old files are in use", lambda: mariadb.query(f"PURGE BINARY LOGS TO '{last}'; SHOW BINARY LOGS")[0][0] == last, LIMIT_S, 0.3)
        rest.call("PUT", "/connectors/purged/resume")
        fails(worker, "purged", ["no longer available on the server", "snapshot.mode=when_needed", "reset its offsets", "binlog."])
    finally:
        worker.stop()


def offset(rest, name):
    """The committed position of a connector."""
    _, body = rest.call("GET", f"/connectors/{name}/offsets")
    found = [entry["offset"] for entry in body["offsets"] if set(entry["partition"]) == {"server"}]
    return found[0] if found else {}


def main():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--faults", action="store_true", help="only these")
    arguments = parser.parse_args()
    subprocess.run(["bash", "-c", f"source {ROOT}/scripts/setup.sh; setup_mariadb"], check=True)
    work = target_dir() / "native" / "cdc-mysql"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    begun = time.monotonic()
    with MariaDb(work / "mariadb", BINLOG) as mariadb:
        if not arguments.faults:
            kills(mariadb, work, arguments.kills, random.Random(arguments.seed))
        faults(mariadb, work)
    print(f"done in {time.monotonic() - begun:.0f} s")


if __name__ == "__main__":
    main()
