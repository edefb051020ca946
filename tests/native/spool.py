#!/usr/bin/env python3
"""Files arrive in directories, plain and packed, some of them faulty, while the worker that reads them is killed at random:
each record is in its topic once and in the order of its file, and each file has gone to where it belongs.

    tests/native/spool.py --kills 20 --seed 1
"""

import argparse
import bz2
import collections
import gzip
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT / "scripts" / "lib")]
from worker import STRING, Gantry, LabError, gantry_binary, target_dir, wait_for  # noqa: E402

SPOOLDIR = "com.github.jcustenborder.kafka.connect.spooldir.SpoolDir"
PARQUET = "org.gantry.connect.spooldir.SpoolDirParquetSourceConnector"
PARQUET_FILES = ROOT / "runtime" / "connectors" / "src" / "spooldir" / "tests" / "parquet"
FILES = 40
LIMIT_S = 60
STRUCT = {"type": "STRUCT", "isOptional": False}
KEY = {**STRUCT, "name": "key", "fieldSchemas": {"id": {"type": "INT64", "isOptional": False}}}
VALUE = {**STRUCT, "name": "value", "fieldSchemas": {
    "id": {"type": "INT64", "isOptional": False}, "text": {"type": "STRING", "isOptional": True}}}


class Directory:
    """What a connector reads: its directories, the files that were put there, and what has to come of them."""

    def __init__(self, work, name, make, config):
        self.name, self.make = name, make
        self.home = work / name
        self.made = collections.OrderedDict()
        self.faulty = set()
        for folder in ("input", "finished", "error", "aside"):
            (self.home / folder).mkdir(parents=True)
        self.config = {
            "connector.class": config.pop("class"), "topic": name, "input.file.pattern": r"^f.*$", "tasks.max": "2",
            "empty.poll.wait.ms": "20", "batch.size": "7", "halt.on.error": "false", "errors.tolerance": "none",
            "key.converter": "org.apache.kafka.connect.json.JsonConverter",
            **{f"{folder}.path": str(self.home / folder) for folder in ("input", "finished", "error")}, **config,
        }

    def put(self, chance):
        """A file, whole at once."""
        name = f"f{len(self.made):04}"
        data, records, is_faulty = self.make(name, chance)
        packed = ("", bytes)
        if isinstance(data, str):
            data = data.encode()
            packed = chance.choice([packed, (".gz", gzip.compress), (".bz2", bz2.compress)])
        aside = self.home / "aside" / name
        aside.write_bytes(packed[1](data))
        name += packed[0]
        aside.rename(self.home / "input" / name)
        self.made[name] = records
        if is_faulty:
            self.faulty.add(name)

    def is_done(self):
        """Whether nothing is left, not even a flag."""
        return not os.listdir(self.home / "input")

    def check(self, records):
        """Holds the records of the topic, as (file, value), against the files."""
        by_file = collections.defaultdict(list)
        for file, value in records:
            by_file[file].append(value)
        for name, expected in self.made.items():
            found = by_file.pop(name, [])
            if found != expected:
                at = next((at for at, pair in enumerate(zip(found, expected)) if pair[0] != pair[1]), min(len(found), len(expected)))
                raise LabError(f"{self.home}: {name} has {len(expected)} records, its topic {len(found)}, which differ from number {at} on")
            folder = "error" if name in self.faulty else "finished"
            if not (self.home / folder / name).exists():
                raise LabError(f"{self.home}: {name} is not in {folder}")
        if by_file:
            raise LabError(f"{self.home}: records of files that were not there: {sorted(by_file)}")
        return sum(map(len, self.made.values()))


def lines(name, chance):
    """Lines, some of them long; of one of the files so many that a kill finds the worker in the middle of it."""
    count = 40_000 if name == "f0007" else chance.randrange(0, 400)
    all_lines = [f"{name} {at} {'x' * chance.choice((0, 10, 3000 if count < 400 else 20))}" for at in range(count)]
    ends = chance.choice(("\n", "\r\n"))
    return "".join(line + ends for line in all_lines), all_lines, False


def csv(name, chance):
    """Rows with quoted fields over several lines; every sixth file has a faulty one."""
    rows = [(at, chance.choice((f"{name}", 'say "so"\nand, so', ""))) for at in range(chance.randrange(1, 300))]
    quoted = [f'{at},"{text}"' if not text else '{},"{}"'.format(at, text.replace('"', '""')) for at, text in rows]
    is_faulty = chance.randrange(6) == 0
    if is_faulty:
        rows = rows[:chance.randrange(0, len(rows))]
        quoted.insert(len(rows), "none,x")
    return "# made up\nid,text\n" + "\n".join(quoted), [{"id": at, "text": text} for at, text in rows], is_faulty


def values(name, chance):
    """JSON values."""
    all_values = [{"file": name, "at": at, "more": [1, {"é": None}]} for at in range(chance.randrange(0, 300))]
    return "\n".join(json.dumps(value, indent=chance.choice((None, 1))) for value in all_values), all_values, False


def rows(name, chance):
    """Rows of a file that pyarrow has written, some of them cut off."""
    data = (PARQUET_FILES / chance.choice(("none.parquet", "snappy.parquet", "gzip.parquet", "zstd.parquet", "lz4.parquet"))).read_bytes()
    is_faulty = chance.randrange(6) == 0
    return (data[:-100] if is_faulty else data), ([] if is_faulty else list(range(25))), is_faulty


def dump(worker, topic):
    """All records of a topic: the name of the file, and the value."""
    command = [gantry_binary(), "topic", "dump", topic, "--url", worker.rest.base]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    records = []
    for line in text.splitlines()[1:]:
        record = json.loads(line)
        headers = {name: value for name, value in record["headers"]}
        records.append((bytes.fromhex(headers["file.name"]).decode(), bytes.fromhex(record["value"]).decode()))
    return records


def run(work, kills, chance):
    schemas = {"key.schema": json.dumps(KEY), "value.schema": json.dumps(VALUE)}
    plain = {"value.converter": STRING}
    directories = [
        Directory(work, "lines", lines, {"class": f"{SPOOLDIR}LineDelimitedSourceConnector", **plain}),
        Directory(work, "rows", csv, {"class": f"{SPOOLDIR}CsvSourceConnector", "csv.skip.lines": "1", "csv.first.row.as.header": "true", **schemas}),
        Directory(work, "json", values, {"class": f"{SPOOLDIR}SchemaLessJsonSourceConnector", **plain}),
        Directory(work, "parquet", rows, {"class": PARQUET}),
    ]
    files = []
    for directory in directories:
        files.append(work / f"{directory.name}.json")
        files[-1].write_text(json.dumps({"name": directory.name, "config": directory.config}))
    parse = {"lines": str, "rows": json.loads, "json": json.loads, "parquet": lambda value: json.loads(value)["id"]}
    props = {"value.converter.schemas.enable": "false", "key.converter.schemas.enable": "false"}
    for number in range(kills + 1):
        worker = Gantry(work / "worker", files, props)
        try:
            worker.wait_ready()
            until = time.monotonic() + (chance.uniform(0.05, 1.0) if number < kills else 0)
            left = FILES // (kills + 1) if number < kills else FILES - sum(1 for _ in directories[0].made)
            for at in range(left):
                for directory in directories:
                    directory.put(chance)
                if number < kills:
                    time.sleep(max(0, (until - time.monotonic()) / (left - at)))
            if number < kills:
                worker.kill()
                continue
            for directory in directories:
                wait_for(f"{directory.home}/input is not empty; see {worker.home}", directory.is_done, LIMIT_S)
            for directory in directories:
                topic = [(file, parse[directory.name](value)) for file, value in dump(worker, directory.name)]
                count = directory.check(topic)
                print(f"{directory.name}: {count} records of {len(directory.made)} files, {len(directory.faulty)} of them faulty", flush=True)
        finally:
            worker.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    work = target_dir() / "native" / "spool"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    begun = time.monotonic()
    run(work, arguments.kills, random.Random(arguments.seed))
    print(f"each record once after {arguments.kills} kills, {time.monotonic() - begun:.0f} s")


if __name__ == "__main__":
    main()
