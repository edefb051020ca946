#!/usr/bin/env python3
"""Topics into a real OpenSearch by the Elasticsearch sinks, while the worker, and once the server, is killed at random:
at the end the documents are what the records say, each with the version of the last record of its key.

    tests/native/elasticsearch.py --kills 20 --seed 1
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
from opensearch import OpenSearch  # noqa: E402
from served import Refused  # noqa: E402
from worker import JSON, STRING, Gantry, LabError, gantry_binary, target_dir, wait_for  # noqa: E402

CONFLUENT = "io.confluent.connect.elasticsearch.ElasticsearchSinkConnector"
AIVEN = "io.aiven.connect.elasticsearch.ElasticsearchSinkConnector"
OPENSEARCH = "io.aiven.kafka.connect.opensearch.OpensearchSinkConnector"
KEYS, ROUND = 60, 400
# So few that a task takes them all while the server is not there.
FEW = 150
COMMIT_MS = 200
LIMIT_S = 60
SCHEMA = {"type": "struct", "optional": False, "fields": [
    {"field": "id", "type": "int32", "optional": False}, {"field": "name", "type": "string", "optional": True},
    {"field": "price", "type": "bytes", "name": "org.apache.kafka.connect.data.Decimal", "parameters": {"scale": "2"}, "optional": False},
    {"field": "at", "type": "int64", "name": "org.apache.kafka.connect.data.Timestamp", "optional": False},
]}


class Records:
    """What was written to the topics, which have one queue each, and what it makes of documents."""

    def __init__(self, chance):
        self.chance, self.stock = chance, []

    def more(self, count=ROUND):
        """Records of some keys; now and then one is a tombstone, and each has one of two fields."""
        made = []
        for number in range(len(self.stock), len(self.stock) + count):
            key = f"k{self.chance.randrange(KEYS)}"
            value = None if self.chance.random() < 0.1 else {self.chance.choice("ab"): number, "text": "x\"\n\u00e9" * self.chance.randrange(5)}
            made.append((key, value))
        self.stock += made
        return made

    def last(self):
        """Documents by the last record of each key, with its offset."""
        last = {key: (offset, value) for offset, (key, value) in enumerate(self.stock)}
        return {key: found for key, found in last.items() if found[1] is not None}

    def merged(self):
        """Documents of all fields that the records of a key have had."""
        merged = {}
        for key, value in self.stock:
            if value is not None:
                merged.setdefault(key, {}).update(value)
        return merged

    def each(self):
        """One document for each record."""
        return {f"stock+0+{offset}": value for offset, (_, value) in enumerate(self.stock) if value is not None}


def load(worker, topic, records):
    text = [json.dumps({"key": key.encode().hex(), "value": None if value is None else json.dumps(value).encode().hex()}) for key, value in records]
    command = [gantry_binary(), "topic", "load", topic, "--url", worker.rest.base]
    done = subprocess.run(command, input="\n".join(text), text=True, capture_output=True)
    if done.returncode != 0:
        raise LabError(f"{topic} was not written: {done.stderr}; see {worker.home}")


def connectors(server, work):
    plain = {"key.converter": STRING, "value.converter": JSON, "value.converter.schemas.enable": "false"}
    common = {**plain, "connection.url": server.url, "schema.ignore": "true", "batch.size": "50", "max.retries": "1000", "retry.backoff.ms": "50",
              "gantry.elasticsearch.retry.backoff.max.ms": "500"}
    stock = {**common, "topics": "stock"}
    configs = {
        "copy": {"connector.class": CONFLUENT, **stock, "behavior.on.null.values": "delete", "connection.compression": "true"},
        "each": {"connector.class": OPENSEARCH, **stock, "key.ignore": "true", "transforms": "to", "transforms.to.regex": ".*",
                 "transforms.to.type": "org.apache.kafka.connect.transforms.RegexRouter", "transforms.to.replacement": "Each"},
        "merged": {"connector.class": CONFLUENT, **stock, "write.method": "upsert", "behavior.on.null.values": "ignore",
                   "transforms": "to", "transforms.to.regex": ".*",
                   "transforms.to.type": "org.apache.kafka.connect.transforms.RegexRouter", "transforms.to.replacement": "merged"},
        "stream": {"connector.class": CONFLUENT, **stock, "key.ignore": "true", "behavior.on.null.values": "ignore",
                   "data.stream.type": "logs", "data.stream.dataset": "shop"},
        "aivens": {"connector.class": OPENSEARCH, **stock, "key.ignore": "true", "data.stream.enabled": "true", "data.stream.prefix": "shop"},
        "plain": {"connector.class": AIVEN, **stock, "type.name": "_doc", "topic.index.map": "stock:plain", "behavior.on.null.values": "delete"},
        "typed": {"connector.class": CONFLUENT, **common, "topics": "typed", "behavior.on.malformed.documents": "warn", "errors.tolerance": "all",
                  "errors.deadletterqueue.topic.name": "dead", "errors.deadletterqueue.topic.replication.factor": "1"},
        "shaped": {"connector.class": CONFLUENT, **common, "topics": "shaped", "schema.ignore": "false", "value.converter.schemas.enable": "true"},
    }
    files = []
    for name, config in configs.items():
        path = work / f"{name}.json"
        path.write_text(json.dumps({"name": name, "config": config}))
        files.append(path)
    return files


def documents(server, index):
    try:
        return server.documents(index)
    except (Refused, OSError):
        return {}


def compare(server, worker, records):
    copies = {
        "stock": lambda found: found == records.last(),
        "plain": lambda found: found == records.last(),
        "each": lambda found: {key: value for key, (_, value) in found.items()} == records.each(),
        "merged": lambda found: {key: value for key, (_, value) in found.items()} == records.merged(),
        "logs-shop-stock": lambda found: {key: without_time(value) for key, (_, value) in found.items()} == records.each(),
        "shop-stock": lambda found: {key: without_time(value) for key, (_, value) in found.items()} == records.each(),
    }
    for index, is_equal in copies.items():
        try:
            wait_for("", lambda: is_equal(documents(server, index)), LIMIT_S, 0.2)
        except LabError:
            found = documents(server, index)
            (worker.home / f"{index}.json").write_text(json.dumps(found, indent=1))
            states = {name: worker.rest.status(name) for name in worker.rest.call("GET", "/connectors")[1]}
            raise LabError(f"{index} has {len(found)} documents, and they are not what the records say; see {worker.home}: {json.dumps(states)[:3000]}") from None
    print(f"{len(records.stock)} records, {len(records.last())} keys, {len(records.each())} documents of one record each", flush=True)


def without_time(value):
    if not isinstance(value.get("@timestamp"), int):
        raise LabError(f"a document of the data stream has no time: {value}")
    return {name: field for name, field in value.items() if name != "@timestamp"}


def refused(server, worker):
    """Documents that do not fit the mapping are in the dead letter queue, and all others are written."""
    load(worker, "typed", [("fits", {"n": 1})])
    wait_for("the first document was not written", lambda: "fits" in documents(server, "typed"), LIMIT_S)
    load(worker, "typed", [(f"t{number}", {"n": "none" if number % 10 == 0 else number}) for number in range(100)])
    expected = {"fits", *(f"t{number}" for number in range(100) if number % 10)}
    wait_for("documents that fit were not written", lambda: set(documents(server, "typed")) == expected, LIMIT_S)

    def dead():
        command = [gantry_binary(), "topic", "dump", "dead", "--url", worker.rest.base]
        done = subprocess.run(command, capture_output=True, text=True)
        lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        return sorted(bytes.fromhex(line["key"]).decode() for line in lines if "key" in line)
    wait_for("the dead letter queue has not what was refused", lambda: dead() == sorted(f"t{number}" for number in range(0, 100, 10)), LIMIT_S, 0.2)


def shaped(server, worker):
    """Types come from the schema."""
    price = "BNI="  # 12.34
    value = {"schema": SCHEMA, "payload": {"id": 1, "name": "a", "price": price, "at": 1700000000000}}
    load(worker, "shaped", [("s", value)])
    wait_for("the document was not written", lambda: documents(server, "shaped") == {"s": (0, {"id": 1, "name": "a", "price": 12.34, "at": 1700000000000})}, LIMIT_S)
    fields = server.call("GET", "/shaped/_mapping")["shaped"]["mappings"]["properties"]
    text = {"type": "text", "fields": {"keyword": {"type": "keyword", "ignore_above": 256}}}
    expected = {"id": {"type": "integer"}, "name": text, "price": {"type": "double"}, "at": {"type": "date"}}
    if fields != expected:
        raise LabError(f"the mapping is {fields}")


def kills(server, work, count, chance):
    files, records = connectors(server, work), Records(chance)
    # In one round the server dies and comes back, in another it is not there when the worker dies.
    returns, lacks = chance.sample(range(count), 2)
    for number in range(count + 1):
        worker = Gantry(work / "worker", files, props={"offset.flush.interval.ms": str(COMMIT_MS)})
        try:
            worker.wait_ready()
            # Confluent's are not made while the server is not there.
            for file in files:
                worker.rest.wait_running(file.stem)
            if number == 0:
                shaped(server, worker)
                refused(server, worker)
            load(worker, "stock", records.more())
            if number == lacks:
                # All that comes after it is taken, and waits.
                wait_for("a document was not written", lambda: {key: value for key, (_, value) in documents(server, "each").items()} == records.each(), LIMIT_S)
            if number in (returns, lacks):
                # In the other round documents are on their way.
                server.kill()
                load(worker, "stock", records.more(FEW))
                # What is not written must not be committed.
                time.sleep(3 * COMMIT_MS / 1000)
            if number == lacks:
                worker.kill()
            if number in (returns, lacks):
                server.start()
            if number < count:
                time.sleep(chance.uniform(0, 0.7))
                worker.kill()
            else:
                compare(server, worker, records)
        finally:
            worker.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20, help="two of them with the server: at least 2")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    if arguments.kills < 2:
        parser.error("at least 2 kills")
    work = target_dir() / "native" / "elasticsearch"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    begun = time.monotonic()
    with OpenSearch(work / "opensearch") as server:
        kills(server, work, arguments.kills, random.Random(arguments.seed))
    print(f"equal after {arguments.kills} kills, {time.monotonic() - begun:.0f} s")


if __name__ == "__main__":
    main()
