#!/usr/bin/env python3
"""Tables of PostgreSQL followed by change data capture, while the worker, and now and then the database, is killed at
random, columns come and go, and incremental snapshots are asked for. At the end what the topic says of each key is the
row that the table has; and of a source that is exactly once each change is there once.

    tests/native/cdc_kills.py --kills 20 --seed 1
"""

import argparse
import contextlib
import json
import pathlib
import random
import shutil
import subprocess
import sys
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT / "scripts" / "lib"), str(HERE.parent / "servers")]
from postgres import Postgres  # noqa: E402
from served import DATABASE, PASSWORD, USER, Refused  # noqa: E402
from worker import Gantry, LabError, gantry_binary, target_dir, wait_for  # noqa: E402

ROWS = 400
LIMIT_S = 90
TOPIC = "kills.public.stock"
CONFIG = {
    "connector.class": "io.debezium.connector.postgresql.PostgresConnector", "topic.prefix": "kills", "database.hostname": "127.0.0.1",
    "database.user": USER, "database.password": PASSWORD, "database.dbname": DATABASE, "plugin.name": "pgoutput",
    "slot.name": "kills", "publication.name": "kills", "publication.autocreate.mode": "filtered",
    "table.include.list": "public.stock", "signal.data.collection": "public.signals", "incremental.snapshot.chunk.size": "50",
    "retriable.restart.connector.wait.ms": "200", "slot.retry.delay.ms": "200", "slot.max.retries": "100",
    "heartbeat.interval.ms": "500", "provide.transaction.metadata": "true",
}


class Writer(threading.Thread):
    """Changes the table until it is told to end. What the server may have taken before it died is asked for anew."""

    def __init__(self, server, seed):
        super().__init__(daemon=True)
        self.server, self.random, self.end, self.failure = server, random.Random(seed), threading.Event(), None
        self.transactions = 0

    def run(self):
        try:
            while not self.end.wait(0.01):
                with contextlib.suppress(Refused):
                    self.server.query(self.change())
                    self.transactions += 1
        except Exception as error:  # pylint: disable=broad-except
            self.failure = error

    def change(self):
        """Some changes of one transaction."""
        parts = []
        for _ in range(self.random.randint(1, 6)):
            key, kind = self.random.randrange(ROWS * 2), self.random.random()
            if kind < 0.5:
                parts.append(f"INSERT INTO stock (id, name, amount) VALUES ({key}, md5(random()::text), {self.random.random():.6f}) "
                             "ON CONFLICT (id) DO UPDATE SET name = excluded.name, amount = excluded.amount, version = stock.version + 1")
            elif kind < 0.8:
                parts.append(f"UPDATE stock SET amount = amount + 1, version = version + 1 WHERE id = {key}")
            elif kind < 0.9:
                parts.append(f"DELETE FROM stock WHERE id = {key}")
            else:
                parts.append(f"UPDATE stock SET id = {key} WHERE id = {(key * 7) % (ROWS * 2)} AND NOT EXISTS (SELECT FROM stock WHERE id = {key})")
        return "BEGIN; " + "; ".join(parts) + "; COMMIT;"


def records(worker):
    """All records of the topic: key, value and where it came from."""
    done = subprocess.run([gantry_binary(), "topic", "dump", TOPIC, "--max", "2000000", "--url", worker.rest.base], capture_output=True, text=True)
    if done.returncode != 0:
        return []
    found = []
    for line in done.stdout.splitlines()[1:]:
        about = json.loads(line)
        text = {name: None if about[name] is None else json.loads(bytes.fromhex(about[name])) for name in ("key", "value")}
        found.append(((about["partition"], about["offset"]), text["key"], text["value"]))
    return found


def folded(found):
    """The rows that the records say there are."""
    rows = {}
    for _, key, value in found:
        if key is None:
            continue
        after = value and value["after"]
        if after:
            rows[key["id"]] = (after["name"], round(after["amount"], 6), after["version"])
        else:
            rows.pop(key["id"], None)
    return rows


def table(server):
    """The rows that there are."""
    with contextlib.suppress(Refused):
        return {int(i): (name, round(float(amount), 6), int(version)) for i, name, amount, version in server.query("SELECT id, name, amount, version FROM stock")}
    return None


def doubles(found):
    """Changes of the log that are there more than once: each has one place there, and several records at one place differ."""
    seen, twice = set(), []
    for _, key, value in found:
        if value is None or value["source"]["snapshot"] not in ("false", None):
            continue
        place = (value["source"]["lsn"], value["op"], json.dumps(key), json.dumps(value["after"]))
        if place in seen:
            twice.append(place)
        seen.add(place)
    return twice


def worker_of(work, server, exactly_once):
    """A worker with the connector."""
    path = work / "source.json"
    path.write_text(json.dumps({"name": "kills", "config": {**CONFIG, "database.port": str(server.port)}}))
    props = {"offset.flush.interval.ms": "200", "value.converter.schemas.enable": "false", "key.converter.schemas.enable": "false"}
    return Gantry(work / "worker", [path], props={**props, **exactly_once})


def run(args, server, work):
    """Kills, then compares."""
    server.query("CREATE TABLE stock (id integer PRIMARY KEY, name text NOT NULL, amount double precision, version integer NOT NULL DEFAULT 0); "
                 "CREATE TABLE signals (id varchar(64) PRIMARY KEY, type varchar(32) NOT NULL, data varchar(2048)); "
                 f"INSERT INTO stock SELECT n, md5(n::text), n FROM generate_series(1, {ROWS}) n")
    rng, writer, incremental = random.Random(args.seed), Writer(server, args.seed), 0
    worker = worker_of(work, server, {})
    try:
        writer.start()
        for kill in range(args.kills):
            worker.wait_ready()
            time.sleep(rng.uniform(0.2, 1.5))
            if rng.random() < 0.5:
                data = json.dumps({"data-collections": ["public.stock"], "type": "incremental"})
                with contextlib.suppress(Refused):
                    server.query(f"INSERT INTO signals VALUES ('{kill}', 'execute-snapshot', '{data}')")
                    incremental += 1
                time.sleep(rng.uniform(0, 0.3))
            if rng.random() < 0.3:
                with contextlib.suppress(Refused):
                    server.query(f"ALTER TABLE stock ADD COLUMN extra{kill} integer DEFAULT {kill}")
            if rng.random() < 0.25:
                server.kill()
                time.sleep(rng.uniform(0, 0.5))
                server.start()
            worker.kill()
            worker = worker_of(work, server, {})
        worker.wait_ready()
        time.sleep(1)
        writer.end.set()
        writer.join()
        if writer.failure:
            raise writer.failure
        wanted = table(server)
        wait_for(f"the topic is not what the table is after {writer.transactions} transactions:\n{worker.tail(40)}",
                 lambda: folded(records(worker)) == wanted, LIMIT_S, 0.5)
        found = records(worker)
        twice = doubles(found)
        if twice:
            raise LabError(f"{len(twice)} changes are there twice: {twice[:3]}")
        marked = sum(value is not None and value["source"]["snapshot"] == "incremental" for _, _, value in found)
        if incremental and not marked:
            raise LabError(f"{incremental} incremental snapshots gave no row")
        print(f"cdc kills: {args.kills} kills, {writer.transactions} transactions, {len(found)} records, {marked} of incremental snapshots: "
              f"{len(wanted)} rows are equal, no change is there twice")
    finally:
        writer.end.set()
        worker.kill()


def main():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    subprocess.run(["bash", "-c", f"source {ROOT}/scripts/setup.sh; setup_postgres"], check=True)
    work = target_dir() / "native" / "cdc-kills"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    began = time.monotonic()
    with Postgres(work / "postgres") as server:
        run(args, server, work)
    shutil.rmtree(work, ignore_errors=True)
    print(f"{time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    try:
        main()
    except LabError as error:
        sys.exit(f"cdc kills: {error}")
