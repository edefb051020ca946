#!/usr/bin/env python3
"""Records of a topic as JSON, Avro and Parquet, in a bucket of a real S3 server and in a directory, while the worker is killed
at random and the server is away now and then: at the end readers of other people find each record once.

    tests/native/objects.py --kills 10 --seed 1
"""

import argparse
import hashlib
import json
import os
import pathlib
import random
import shutil
import string
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT / "scripts" / "lib"), str(HERE.parent / "servers")]
from s3 import BUCKET, REGION, ROLE, S3, Way  # noqa: E402
from worker import JSON, STRING, FILE_SOURCE, Gantry, LabError, small_disk, target_dir, wait_for  # noqa: E402

SINK = "io.confluent.connect.s3.S3SinkConnector"
FORMATS, PARTITIONERS = "io.confluent.connect.s3.format.", "io.confluent.connect.storage.partitioner."
LIMIT_S = 90
LARGE = 4 << 20
FIELDS = [{"field": "id", "type": "int64"}, {"field": "region", "type": "string"}, {"field": "amount", "type": "double"},
          {"field": "ts", "type": "int64", "name": "org.apache.kafka.connect.data.Timestamp", "version": 1},
          {"field": "tags", "type": "array", "items": {"type": "string"}},
          {"field": "counts", "type": "map", "optional": True, "keys": {"type": "string"}, "values": {"type": "int64"}},
          {"field": "note", "type": "string", "optional": True}]
LATER = [*FIELDS, {"field": "extra", "type": "int32", "optional": True}]


class Records:
    """The file that records are written to, and what they are."""

    def __init__(self, file, chance):
        self.file, self.chance, self.rows = file, chance, {}
        file.touch()

    def write(self, count, large=False):
        with open(self.file, "a", encoding="ascii") as out:
            for _ in range(count):
                number = len(self.rows)
                note = None if number % 7 == 0 else f"note {number}"
                if large:
                    note = "".join(self.chance.choices(string.ascii_letters, k=1 << 12)) * (LARGE >> 12)
                row = {"id": number, "region": "large" if large else self.chance.choice(["eu", "us", "a/b=c"]), "amount": number / 8,
                       "ts": 1_700_000_000_000 + number * 10_000, "note": note, "tags": ["a", "b", "c"][:number % 4],
                       "counts": None if number % 5 == 0 else {"n": number} if number % 2 else {}}
                # The schema changes, and changes back, in the middle of files.
                is_later = number // 500 % 2 == 1
                if is_later:
                    row["extra"] = number
                schema = {"type": "struct", "name": "shop.Row", "optional": False, "fields": LATER if is_later else FIELDS}
                out.write(json.dumps({"schema": schema, "payload": row}) + "\n")
                text = None if note is None else [len(note), hashlib.md5(note.encode()).hexdigest()]
                self.rows[number] = [number, row["region"], row["amount"], text, row["tags"], row["counts"], row.get("extra")]

    def differences(self, found, once=True):
        """What differs between the file and what was read."""
        seen, faults = {}, []
        for name, rows in found.items():
            for row in rows:
                if row[0] in seen and once:
                    faults.append(f"{row[0]} stands in {seen[row[0]]} and in {name} twice")
                elif row != self.rows.get(row[0]):
                    faults.append(f"{row} in {name} should be {self.rows.get(row[0])}")
                seen[row[0]] = name
        return faults + [f"{number} is missing" for number in self.rows if number not in seen]


class Lake:
    """Where records come to."""

    def __init__(self, server, way, work):
        self.server, self.work, self.url = server, work, f"https://127.0.0.1:{way.port}"
        self.reader = subprocess.Popen([server.python, HERE / "objects_read.py"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        key, secret = server.keys
        self.access = {"store.url": self.url, "s3.bucket.name": BUCKET, "s3.region": REGION, "aws.access.key.id": key,
                       "aws.secret.access.key": secret, "gantry.objects.ssl.truststore.location": str(server.ca),
                       "s3.part.retries": "1", "s3.retry.backoff.ms": "50"}

    def sink(self, name, form, more):
        return {"connector.class": SINK, "topics": "rows", "tasks.max": "2", "storage.class": "io.confluent.connect.s3.storage.S3Storage",
                "format.class": FORMATS + form, "topics.dir": name, "retry.backoff.ms": "300", "s3.part.size": "5242880", **self.access, **more}

    def role(self):
        """Who writes has only the rights of a role."""
        prefix = "s3.credentials.provider."
        return {prefix + "class": "io.confluent.connect.s3.auth.AwsAssumeRoleCredentialsProvider", prefix + "sts.role.arn": ROLE,
                prefix + "sts.role.session.name": "lake", "gantry.objects.sts.endpoint": self.server.url}

    def aiven(self, name, form, suffix, packed, **more):
        """Aiven's connector, which may write a record twice."""
        key, secret = self.server.keys
        return {"connector.class": "io.aiven.kafka.connect.s3.AivenKafkaConnectS3SinkConnector", "topics": "rows", "tasks.max": "2",
                "aws.s3.bucket.name": BUCKET, "aws.s3.region": REGION, "aws.s3.endpoint": self.url, "aws.access.key.id": key,
                "aws.secret.access.key": secret, "gantry.objects.ssl.truststore.location": str(self.server.ca), "format.output.type": form,
                "format.output.fields": "value", "format.output.envelope": "false", "file.compression.type": packed, "file.max.records": "200",
                "file.name.template": name + "/{{topic}}/{{partition:padding=true}}-{{start_offset:padding=true}}" + suffix,
                "kafka.retry.backoff.ms": "300", **more}

    def sinks(self):
        """Each format, each in another way."""
        directory = self.work / "directory"
        directory.mkdir(exist_ok=True)
        in_time = {"timestamp.extractor": "RecordField", "timestamp.field": "ts", "locale": "en", "timezone": "Europe/Berlin",
                   "partition.duration.ms": "3600000", "path.format": "'d'=YYYY-MM-dd/'h'=HH"}
        return {
            "json": self.sink("json", "json.JsonFormat", {"flush.size": "90", "partitioner.class": PARTITIONERS + "FieldPartitioner",
                                                          "partition.field.name": "region"}),
            "avro": self.sink("avro", "avro.AvroFormat", {"flush.size": "150", "avro.codec": "snappy", "rotate.interval.ms": "600000",
                                                          "partitioner.class": PARTITIONERS + "TimeBasedPartitioner", **in_time}),
            "parquet": self.sink("parquet", "parquet.ParquetFormat", {"flush.size": "120", "s3.object.tagging": "true", **self.role()}),
            "files": self.sink("files", "json.JsonFormat", {"flush.size": "70", "store.url": f"file://{directory}", "s3.compression.type": "gzip",
                                                            "partitioner.class": PARTITIONERS + "FieldPartitioner", "partition.field.name": "region"}),
        }

    def read(self, name):
        """Objects with their rows."""
        place = {"directory": str(self.work / "directory" / BUCKET / name)}
        if name != "files":
            key, secret = self.server.keys
            place = {"url": self.server.url, "region": REGION, "ca": str(self.server.ca), "bucket": BUCKET, "prefix": f"{name}/", "key": key,
                     "secret": secret}
        self.reader.stdin.write(json.dumps(place) + "\n")
        self.reader.stdin.flush()
        answer = self.reader.stdout.readline()
        if not answer:
            raise LabError(f"{name} cannot be read; what the reader says stands above")
        return json.loads(answer)

    def close(self):
        self.reader.stdin.close()
        self.reader.wait()


def files(work, configs):
    paths = []
    for name, config in configs.items():
        path = work / f"{name}.json"
        path.write_text(json.dumps({"name": name, "config": config}))
        paths.append(path)
    return paths


def start(work, paths):
    worker = Gantry(work / "worker", paths, {"offset.flush.interval.ms": "500"})
    worker.wait_ready()
    return worker


def kills(lake, way, records, work, count, chance):
    source = {"connector.class": FILE_SOURCE, "file": str(records.file), "topic": "rows", "value.converter": STRING,
              "topic.creation.default.partitions": "3", "topic.creation.default.replication.factor": "1"}
    sinks = lake.sinks()
    # Its files with schemas want one of the key, too.
    keyed = {"transforms": "key", "transforms.key.type": "org.apache.kafka.connect.transforms.ValueToKey", "transforms.key.fields": "id"}
    aivens = {"aiven": lake.aiven("aiven", "jsonl", ".jsonl.gz", "gzip"),
              "aiven-avro": lake.aiven("aiven-avro", "avro", ".avro", "none", **keyed),
              "aiven-parquet": lake.aiven("aiven-parquet", "parquet", ".parquet", "none", **keyed)}
    others = {"source": source, **aivens}
    paths = files(work, {**others, **sinks})
    away = 0
    for number in range(count):
        worker = start(work, paths)
        try:
            until = time.monotonic() + chance.uniform(0.3, 2.5)
            if number == count // 2:
                records.write(6, large=True)
            while time.monotonic() < until:
                records.write(40)
                if chance.random() < 0.06:
                    way.close()
                    time.sleep(0.3)
                    way.open()
                    away += 1
                time.sleep(0.05)
        finally:
            worker.kill()
    # What is in no full file yet is read again and ends by the clock.
    for config in sinks.values():
        config.update({"rotate.schedule.interval.ms": "500", "timezone": config.get("timezone", "UTC")})
    worker = start(work, files(work, {**others, **sinks}))
    try:
        for name in sinks:
            check(lake, records, worker, name)
        for name in aivens:
            check(lake, records, worker, name, once=False)
        check_names(lake, records)
        faults(lake, way, worker)
    finally:
        worker.stop()
    print(f"{len(records.rows)} records, {count} kills, the server was away {away} times", flush=True)


def check(lake, records, worker, name, once=True):
    end, found = time.monotonic() + LIMIT_S, {}
    while time.monotonic() < end:
        found = lake.read(name)
        if len({row[0] for rows in found.values() for row in rows}) == len(records.rows):
            break
        time.sleep(0.5)
    differences = records.differences(found, once)
    if differences:
        raise LabError(f"{name}: {len(differences)} differences, {differences[:6]}; {worker.rest.status(name)}; see {worker.home}")
    count = sum(map(len, found.values()))
    print(f"{name}: {count} rows for {len(records.rows)} records, in {len(found)} objects", flush=True)


def check_names(lake, records):
    """Names as Confluent's connector gives them."""
    for name, rows in lake.read("json").items():
        _, topic, region, *between, file = name.split("/")
        if topic != "rows" or region != f"region={rows[0][1].split('/')[0]}" or not file.startswith("rows+") or not file.endswith(".json"):
            raise LabError(f"{name} is no name of Confluent's")
    if not any("/d=2023-11-14/h=23/rows+" in name for name in lake.read("avro")):
        raise LabError("no Avro file has the first hour in its name")
    if not all(name.endswith(".snappy.parquet") for name in lake.read("parquet")):
        raise LabError("a Parquet file does not say its codec")


def failed(worker, name, config, text):
    """The task fails, and says this."""
    worker.rest.create(name, config)

    def said():
        status = worker.rest.status(name)
        return status and any(task["state"] == "FAILED" and text in task["trace"] for task in status["tasks"])

    try:
        wait_for(f"{name} does not fail with {text!r}", said, 20, 0.1)
    except LabError as error:
        raise LabError(f"{error}: {worker.rest.status(name)}") from None
    worker.rest.delete(name)


def faults(lake, way, worker):
    """What goes wrong on the way is said, or passes."""
    one = lake.sink("faults", "json.JsonFormat", {"flush.size": "1000", "tasks.max": "1"})
    failed(worker, "no-bucket", {**one, "s3.bucket.name": "nowhere"}, "Non-existent S3 bucket: nowhere")
    failed(worker, "no-access", {**one, "aws.secret.access.key": "wrong"}, "refuses access to bucket")
    failed(worker, "no-directory", {**one, "store.url": f"file://{lake.work}/json.json"}, "which is no directory")
    status, body = worker.rest.call("PUT", f"/connector-plugins/{SINK}/config/validate", {**one, "name": "x", "parquet.codec": "lzo"})
    errors = {item["value"]["name"]: item["value"]["errors"] for item in body["configs"] if item["value"]["errors"]}
    if status != 200 or list(errors) != ["parquet.codec"]:
        raise LabError(f"validate says {status} {errors}")
    if os.getuid() == 0:
        full_disk(lake, worker)


def full_disk(lake, worker):
    """No file is there in part; all are when there is room."""
    with small_disk(lake.work / "small", "4m") as enlarge:
        place = lake.work / "small" / "store"
        place.mkdir()
        worker.rest.create("small", lake.sink("small", "json.JsonFormat", {"flush.size": "100000", "rotate.schedule.interval.ms": "500",
                                                                           "timezone": "UTC", "store.url": f"file://{place}"}))
        wait_for("the disk is not full", lambda: "written again" in worker.log.read_text("utf-8", "replace"), 20, 0.1)
        if [path for path in place.rglob("*.json") if not path.name.startswith(".")] and (lake.work / "small").stat() is None:
            raise LabError("a file is there in part")
        enlarge("200m")
        count = lambda: sum(len(path.read_bytes().splitlines()) for path in place.rglob("*.json") if not path.name.startswith("."))  # noqa: E731
        total = sum(map(len, lake.read("json").values()))
        wait_for("the disk has room, but records are missing", lambda: count() == total, 30, 0.2)
        worker.rest.delete("small")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    subprocess.run(["bash", "-c", f"source {ROOT}/scripts/setup.sh; setup_venv"], check=True)
    work = target_dir() / "native" / "objects"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    begun, chance = time.monotonic(), random.Random(arguments.seed)
    with S3(work / "s3") as server:
        way = Way(server.port)
        records = Records(work / "rows.json", chance)
        lake = Lake(server, way, work)
        try:
            kills(lake, way, records, work, arguments.kills, chance)
        finally:
            lake.close()
            way.close()
    print(f"equal after {arguments.kills} kills, {time.monotonic() - begun:.0f} s")


if __name__ == "__main__":
    main()
