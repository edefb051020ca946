#!/usr/bin/env python3
"""Iceberg's own sink writes a table on the local file system, while rows come and the worker dies; at the end each row is in it
once. Its tasks agree on commits through a topic, which they reach with Kafka clients: on Gantry's log here, without a broker."""

import argparse
import json
import random
import subprocess
import sys
import time
import venv

import plugins
import runtime
from runtime import LabError, wait_for
from servers import HERE, once, target_dir

TOPIC, TABLE, NAME = "rows", "lake.rows", "lake"
COMMIT_MS = 500
SETTLE_S = 90
SHOWN = 12


def reader():
    """The Python that has PyIceberg."""
    place = target_dir() / "connectors" / "pyiceberg"
    with once(place) as missing:
        if missing:
            print("fetching PyIceberg …", flush=True)
            venv.create(place, with_pip=True, clear=False)
            subprocess.run([place / "bin" / "pip", "install", "-q", "--no-deps", "--only-binary", ":all:", "-r", HERE / "requirements.txt"], check=True)
    return place / "bin" / "python"


def say(text):
    """Progress."""
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


class Lake:
    """The file that rows are written to, and the table that they come to."""

    def __init__(self, work, seed):
        self.file, self.warehouse = work / "rows.json", work / "warehouse"
        self.random, self.written = random.Random(seed), 0
        self.python = reader()
        self.file.touch()

    def write(self, rows):
        """Adds rows to the file."""
        with open(self.file, "a", encoding="utf-8") as out:
            for _ in range(rows):
                self.written += 1
                row = {"id": self.written, "name": f"naïve {self.random.randrange(1000)}", "ratio": self.random.randrange(1000) / 8,
                       "even": self.written % 2 == 0}
                # In ASCII: Kafka's file source counts characters where it means bytes.
                out.write(json.dumps(row) + "\n")

    def read(self):
        """What is in the table: snapshots and rows; None before it is there."""
        metadata = self.warehouse.joinpath(*TABLE.split(".")) / "metadata"
        try:
            version = (metadata / "version-hint.text").read_text("ascii").strip()
        except FileNotFoundError:
            return None
        done = subprocess.run([self.python, HERE / "iceberg_rows.py", metadata / f"v{version}.metadata.json"], capture_output=True, text=True, check=False)
        if done.returncode:
            raise LabError(f"PyIceberg cannot read the table: {done.stderr[-1000:]}")
        return json.loads(done.stdout)

    def differences(self):
        """What differs between the file and the table."""
        table = self.read()
        if table is None:
            return ["there is no table"]
        with open(self.file, encoding="utf-8") as lines:
            wanted = {row["id"]: row for row in map(json.loads, lines)}
        found, seen = [], set()
        for row in table["rows"]:
            number = row["id"]
            if number in seen:
                found.append(f"row {number} stands twice")
            elif row != wanted.get(number):
                found.append(f"{row} is {wanted.get(number)} in the file")
            seen.add(number)
        return found + [f"row {number} is missing" for number in sorted(wanted.keys() - seen)]

    def source_config(self):
        """Lines of the file as texts."""
        return {"connector.class": "org.apache.kafka.connect.file.FileStreamSourceConnector", "tasks.max": "1", "file": str(self.file), "topic": TOPIC,
                "value.converter": "org.apache.kafka.connect.storage.StringConverter", "topic.creation.default.partitions": "3",
                "topic.creation.default.replication.factor": "1"}

    def sink_config(self, tasks):
        """Iceberg's sink, as its documentation has it."""
        return {"connector.class": "org.apache.iceberg.connect.IcebergSinkConnector", "tasks.max": str(tasks), "topics": TOPIC,
                "value.converter": "org.apache.kafka.connect.json.JsonConverter", "value.converter.schemas.enable": "false",
                "iceberg.catalog.type": "hadoop", "iceberg.catalog.warehouse": f"file://{self.warehouse}", "iceberg.tables": TABLE,
                "iceberg.tables.auto-create-enabled": "true", "iceberg.control.commit.interval-ms": str(COMMIT_MS),
                "iceberg.control.commit.timeout-ms": "5000"}


def run(args, worker, lake):
    """Rows, restarts and kills."""
    worker.create("rows-source", lake.source_config())
    lake.write(args.rows)
    worker.create(NAME, lake.sink_config(args.tasks))
    worker.wait_running(NAME)
    wait_for("the table gets no rows", lambda: worker.healthy(NAME) or (lake.read() or {}).get("rows"), SETTLE_S, 0.5)
    say("the first rows are in the table")
    rng = random.Random(args.seed)
    for event in ("restart", *["kill"] * args.kills):
        began = time.monotonic()
        wait_s = rng.uniform(1, 5)
        while time.monotonic() - began < wait_s:
            lake.write(args.rows // 20)
            time.sleep(0.05)
        say(f"{event}, after {lake.written:,} rows")
        if event == "kill":
            worker.kill()
            worker.restart()
        else:
            status, body = worker.rest("POST", f"/connectors/{NAME}/restart?includeTasks=true")
            if status not in (202, 204):
                raise LabError(f"restart: {status} {body}")
        worker.wait_running(NAME)


def settle(worker, lake):
    """Waits until the table has each row once; raises with what differs."""
    end = time.monotonic() + SETTLE_S
    while found := lake.differences():
        if time.monotonic() > end or any(" twice" in line for line in found):
            raise LabError("\n  ".join([f"{len(found)} differences", *found[:SHOWN], *worker.report(NAME)]))
        worker.healthy(NAME)
        time.sleep(1)
    return lake.read()["snapshots"]


def main():
    """The command line."""
    parser = runtime.add_arguments(argparse.ArgumentParser(description=__doc__), "iceberg")
    parser.add_argument("--rows", type=int, default=1000, help="rows before the connector is made; more come while it runs")
    parser.add_argument("--kills", type=int, default=2, help="how often the worker is killed")
    parser.add_argument("--tasks", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--mode", choices=["standalone", "distributed"], default="standalone")
    args = parser.parse_args()
    began = time.monotonic()
    places = [plugins.fetch(name) for name in ("file", "iceberg")]
    with runtime.workplace(args) as work:
        lake = Lake(work, args.seed)
        with runtime.start(args, work / args.runtime, places, mode=args.mode) as worker:
            run(args, worker, lake)
            snapshots = settle(worker, lake)
            worker.delete(NAME)
            worker.delete("rows-source")
    print(f"iceberg on {args.runtime}: each of {lake.written:,} rows once, in {snapshots} snapshots, after {args.kills} kills, "
          f"{time.monotonic() - began:.0f} s; 1 passed, 0 failed")


if __name__ == "__main__":
    try:
        main()
    except LabError as error:
        sys.exit(f"iceberg: {error}")
