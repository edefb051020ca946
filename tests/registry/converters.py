#!/usr/bin/env python3
"""Connectors whose data carry only the id of their schema, through a worker and its own registry: lines arrive whole in each format,
a schema that changes becomes a version, a record with an id that nobody knows goes to the dead letter queue and is named."""

import http.client
import json
import pathlib
import shutil
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "scripts" / "lib"))
from worker import Gantry, LabError, free_port, target_dir, wait_for  # noqa: E402

TLS = HERE.parents[1] / "gateway" / "tests" / "tls"
LINES = 2_000
LIMIT_S = 60
FORMATS = {
    "avro": "io.confluent.connect.avro.AvroConverter",
    "protobuf": "io.confluent.connect.protobuf.ProtobufConverter",
    "json": "io.confluent.connect.json.JsonSchemaConverter",
}
# Where the id stands: in front of the data, or in a header.
IN_HEADER = {"value.converter.value.schema.id.serializer": "io.confluent.kafka.serializers.schema.id.HeaderSchemaIdSerializer"}


def registry(port, path):
    """What the registry answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=LIMIT_S)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        body = json.loads(answer.read())
        if answer.status != 200:
            raise LabError(f"GET {path}: {answer.status} {body}")
        return body
    finally:
        connection.close()


def converter(name, port, more=None):
    """The keys of a format's converter."""
    keys = {"key.converter": "org.apache.kafka.connect.storage.StringConverter", "value.converter": FORMATS[name],
            "value.converter.schema.registry.url": f"http://127.0.0.1:{port}"}
    if name == "json":
        # An object that may have any members cannot get another one: old data may have it with another meaning.
        keys["value.converter.object.additional.properties"] = "false"
    return {**keys, **(more or {})}


def source(work, topic, keys, more=None):
    """Lines of a file as structs with one field."""
    return {
        "connector.class": "FileStreamSource", "tasks.max": "1", "file": str(work / f"{topic}.in"), "topic": topic, **keys,
        "transforms": "hoist,name", "transforms.hoist.type": "org.apache.kafka.connect.transforms.HoistField$Value",
        "transforms.hoist.field": "line", "transforms.name.type": "org.apache.kafka.connect.transforms.SetSchemaMetadata$Value",
        "transforms.name.schema.name": "lab.Row", **(more or {}),
    }


def sink(work, topic, keys, more=None):
    """The field of structs as lines of a file."""
    return {
        "connector.class": "FileStreamSink", "tasks.max": "1", "file": str(work / f"{topic}.out"), "topics": topic, **keys,
        "transforms": "extract", "transforms.extract.type": "org.apache.kafka.connect.transforms.ExtractField$Value",
        "transforms.extract.field": "line", **(more or {}),
    }


def lines_of(path):
    """The lines of a file that may not be there yet."""
    return path.read_text().splitlines() if path.exists() else []


def arrive(worker, out, expected):
    """Waits until a file has exactly these lines."""
    try:
        wait_for(f"{out.name} is not whole", lambda: len(lines_of(out)) >= len(expected), LIMIT_S)
    except LabError as error:
        raise LabError(f"{error}: {len(lines_of(out))} of {len(expected)} lines\n{worker.tail(30)}") from error
    if lines_of(out) != expected:
        raise LabError(f"{out.name} differs from what was read")


def there_and_back(worker, work, port, name, topic, more):
    """Lines through a topic in one format; then more lines of another schema."""
    expected = [f"{topic} line {number} é" for number in range(LINES)]
    (work / f"{topic}.in").write_text("".join(f"{line}\n" for line in expected))
    keys = converter(name, port)
    worker.rest.create(f"{topic}-source", source(work, topic, {**keys, **more}))
    worker.rest.create(f"{topic}-sink", sink(work, topic, keys))
    arrive(worker, work / f"{topic}.out", expected)
    versions = registry(port, f"/subjects/{topic}-value/versions")
    if versions != [1]:
        raise LabError(f"{topic}: versions {versions}")
    # A field more, which has a value where it is missing.
    grown = {"transforms": "hoist,add,name", "transforms.add.type": "org.apache.kafka.connect.transforms.InsertField$Value",
             "transforms.add.timestamp.field": "at?"}
    status, answer = worker.rest.call("PUT", f"/connectors/{topic}-source/config", source(work, topic, {**keys, **more}, grown))
    if status != 200:
        raise LabError(f"{topic}: {status} {answer}")
    with open(work / f"{topic}.in", "a", encoding="utf-8") as file:
        file.write(f"{topic} last\n")
    arrive(worker, work / f"{topic}.out", [*expected, f"{topic} last"])
    latest = registry(port, f"/subjects/{topic}-value/versions/latest")
    if latest["version"] != 2 or "at" not in latest["schema"]:
        raise LabError(f"{topic}: no second version but {latest}")


def unknown_id(worker, work, port):
    """A record whose schema nobody knows: set aside with what was wrong, and the next one arrives."""
    topic = "strays"
    keys = converter("avro", port)
    dead = {"errors.tolerance": "all", "errors.deadletterqueue.topic.name": "dead", "errors.deadletterqueue.context.headers.enable": "true",
            "errors.deadletterqueue.topic.replication.factor": "1"}
    (work / f"{topic}.in").write_text("before\n")
    worker.rest.create(f"{topic}-source", source(work, topic, keys))
    worker.rest.create(f"{topic}-sink", sink(work, topic, keys, dead))
    arrive(worker, work / f"{topic}.out", ["before"])
    stray = b"\x00\x00\x00\x10\x00\x02a".hex()
    status, answer = worker.rest.call("POST", f"/gantry/topics/{topic}/records", {"value": stray})
    if status != 200:
        raise LabError(f"the stray record is not written: {status} {answer}")
    with open(work / f"{topic}.in", "a", encoding="utf-8") as file:
        file.write("after\n")
    arrive(worker, work / f"{topic}.out", ["before", "after"])

    named = b"Schema 4096 not found".hex()
    wait_for("the dead letter queue does not name the id", lambda: named in worker.rest.text("/gantry/topics/dead/records"), LIMIT_S)


def guarded(work):
    """A registry that asks for certificates, passwords and tokens: they are shown, and never told."""
    port, rights = free_port(), work / "rights.json"
    users = [{"username": "ann", "password": "wonder land"}, {"username": "ci", "token": "t0ken"}]
    permissions = [{"username": "ann", "operation": ["Read", "Write"], "resource": "Subject:safe-*"},
                   {"username": "ci", "operation": "Read", "resource": "Subject:safe-*"}]
    rights.write_text(json.dumps({"users": users, "permissions": permissions}), encoding="utf-8")
    props = {"gantry.schema.registry.listeners": f"https://127.0.0.1:{port}", "gantry.schema.registry.rights.file": rights,
             "gantry.schema.registry.listeners.https.ssl.keystore.location": TLS / "server.jks",
             "gantry.schema.registry.listeners.https.ssl.keystore.password": "changeit",
             "gantry.schema.registry.listeners.https.ssl.key.password": "keysecret",
             "gantry.schema.registry.listeners.https.ssl.truststore.location": TLS / "trust.jks",
             "gantry.schema.registry.listeners.https.ssl.client.auth": "required"}
    at = "value.converter.schema.registry"
    tls = {f"{at}.url": f"https://127.0.0.1:{port}", f"{at}.ssl.truststore.location": str(TLS / "ca.pem"), f"{at}.ssl.truststore.type": "PEM",
           f"{at}.ssl.keystore.location": str(TLS / "client.pem"), f"{at}.ssl.keystore.type": "PEM"}
    user = {"value.converter.basic.auth.credentials.source": "USER_INFO", "value.converter.basic.auth.user.info": "ann:wonder land"}
    token = {"value.converter.bearer.auth.credentials.source": "STATIC_TOKEN", "value.converter.bearer.auth.token": "t0ken"}
    wrong = {**user, "value.converter.basic.auth.user.info": "ann:wonder wall"}
    worker = Gantry(work / "guarded", props=props)
    try:
        worker.wait_ready()
        (work / "safe.in").write_text("one\n")
        worker.rest.create("safe-source", source(work, "safe", converter("avro", port, {**tls, **user})))
        worker.rest.create("safe-sink", sink(work, "safe", converter("avro", port, {**tls, **token})))
        arrive(worker, work / "safe.out", ["one"])
        (work / "refused.in").write_text("one\n")
        worker.rest.create("refused", source(work, "refused", converter("avro", port, {**tls, **wrong})))

        def refused():
            tasks = (worker.rest.status("refused") or {}).get("tasks") or [{}]
            return "Unauthorized; error code: 401" in tasks[0].get("trace", "")

        wait_for("a wrong password is not told", refused, LIMIT_S)
        log = (work / "guarded" / "gantry.log").read_text()
        if "wonder" in log or "t0ken" in log:
            raise LabError("a secret is in the log")
    finally:
        worker.kill()


def main():
    """Runs everything in one worker."""
    work = target_dir() / "registry-converters"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    port = free_port()
    worker = Gantry(work / "worker", props={"gantry.schema.registry.listeners": f"http://127.0.0.1:{port}"})
    try:
        worker.wait_ready()
        for name in FORMATS:
            there_and_back(worker, work, port, name, name, {})
        there_and_back(worker, work, port, "avro", "headers", IN_HEADER)
        unknown_id(worker, work, port)
    finally:
        worker.kill()
    guarded(work)
    print(f"{len(FORMATS) + 1} ways of {LINES} lines with an id for a schema arrive whole; a stray id is named; TLS, passwords and tokens are shown")


if __name__ == "__main__":
    try:
        main()
    except LabError as error:
        sys.exit(f"converters: {error}")
