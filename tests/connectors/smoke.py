#!/usr/bin/env python3
"""What a user does with Java plugins over REST: Kafka's own connectors, transformations and converters from plugin jars mixed
with others, pause, stop, restart, offsets, transactions, and connectors that throw. Each test stands alone."""

import argparse
import json
import sys
import time

import plugins
import runtime
from runtime import LabError, wait_for

STRING = "org.apache.kafka.connect.storage.StringConverter"
JSON = "org.apache.kafka.connect.json.JsonConverter"
BYTES = "org.apache.kafka.connect.converters.ByteArrayConverter"
FILE_SOURCE = "org.apache.kafka.connect.file.FileStreamSourceConnector"
FILE_SINK = "org.apache.kafka.connect.file.FileStreamSinkConnector"
TOOLS = "org.apache.kafka.connect.tools."
TRANSFORMS = "org.apache.kafka.connect.transforms."
DEBEZIUM = "io.debezium.transforms."
LIMIT_S = 30
ALTERED = "The offsets for this connector have been altered successfully"
RESET = "The offsets for this connector have been reset successfully"
EXTERNAL = ("The Connect framework-managed offsets for this connector have been altered successfully. However, if this connector manages "
            "offsets externally, they will need to be manually altered in the system that the connector uses.")


class Bench:
    """A worker and a directory for the files of a test."""

    def __init__(self, worker, work):
        self.worker, self.work = worker, work

    def file(self, name, lines=None):
        """A file, with lines in it or not there."""
        path = self.work / name
        if lines is not None:
            path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        return path

    def source(self, name, path, topic, more=None):
        """A FileStreamSource of Kafka's."""
        self.worker.create(name, {"connector.class": FILE_SOURCE, "file": str(path), "topic": topic, "value.converter": STRING, **(more or {})})

    def sink(self, name, path, topic, more=None):
        """A FileStreamSink of Kafka's."""
        self.worker.create(name, {"connector.class": FILE_SINK, "file": str(path), "topics": topic, "value.converter": STRING, **(more or {})})

    def lines(self, path, count):
        """The lines of a file once there are that many."""
        def there():
            text = path.read_text("utf-8").splitlines() if path.exists() else []
            return text if len(text) >= count else None
        return self.wait(f"{path.name} lacks lines", there, 0.05)

    def wait(self, what, there, step_s):
        """Waits; says how all connectors fare when it was in vain."""
        try:
            return wait_for(what, there, LIMIT_S, step_s)
        except LabError as error:
            reports = [line for name in self.worker.rest("GET", "/connectors")[1] for line in self.worker.report(name)]
            raise LabError("\n     ".join([str(error), *reports])) from None

    def values(self, topic, count, step_s=1):
        """The values of a topic once there are that many."""
        def there():
            found = [r.value for r in self.worker.topic_records(topic)]
            return found if len(found) >= count else None
        return self.wait(f"{topic} lacks records", there, step_s)

    def state(self, name, wanted):
        """Waits until the connector is in a state, with its tasks."""
        def there():
            status = self.worker.client.status(name)
            found = runtime.states(status) if status else []
            return wanted in found[:1] and (found[1:] == [] if wanted == "STOPPED" else all(s == wanted for s in found[1:]))
        wait_for(f"{name} is not {wanted}: {self.worker.client.status(name)}", there, LIMIT_S)

    def ask(self, method, path, want, body=None):
        """A request whose status must be as given; its body."""
        status, answer = self.worker.rest(method, path, body)
        if status != want:
            raise LabError(f"{method} {path}: {status} {answer}")
        return answer


def same(got, want, what):
    """Raises unless both are equal."""
    if got != want:
        raise LabError(f"{what}: {str(got)[:1500]}\n  wanted: {str(want)[:1500]}")


def file_to_file(bench):
    """Kafka's Java file connectors move lines; a sink that cannot write fails with Java's trace."""
    lines = [f"line {i} ü" for i in range(2000)]
    out = bench.file("copy.out")
    bench.source("copy-in", bench.file("copy.in", lines), "copy")
    bench.sink("copy-out", out, "copy")
    same(bench.lines(out, len(lines)), lines, "the copy")
    bench.sink("copy-fails", bench.work / "no-folder" / "x", "copy")
    trace = bench.worker.wait_failed("copy-fails")["tasks"][0]["trace"]
    if "\tat org.apache.kafka.connect.file.FileStreamSinkTask.start(" not in trace or "Caused by: java.nio.file.NoSuchFileException" not in trace:
        raise LabError(f"no trace of Java's: {trace}")


def lifecycle(bench):
    """Pause, resume, stop, restart and delete of a Java source and a Java sink."""
    path, out = bench.file("life.in", ["a"]), bench.file("life.out")
    bench.source("life-in", path, "life")
    bench.sink("life-out", out, "life")
    bench.lines(out, 1)

    def more(line):
        with open(path, "a", encoding="utf-8") as f:
            f.write(line + "\n")
    for name, line in (("life-in", "b"), ("life-out", "c")):
        bench.ask("PUT", f"/connectors/{name}/pause", 202)
        bench.state(name, "PAUSED")
        before = len(out.read_text("utf-8").splitlines())
        more(line)
        time.sleep(1.5)
        same(len(out.read_text("utf-8").splitlines()), before, f"lines while {name} is paused")
        bench.ask("PUT", f"/connectors/{name}/resume", 202)
        bench.lines(out, before + 1)
    bench.ask("POST", "/connectors/life-in/restart?includeTasks=true", 202)
    bench.ask("POST", "/connectors/life-out/tasks/0/restart", 204)
    bench.ask("PUT", "/connectors/life-in/stop", 204)
    bench.state("life-in", "STOPPED")
    more("d")
    bench.ask("PUT", "/connectors/life-in/resume", 202)
    same(bench.lines(out, 4), ["a", "b", "c", "d"], "the lines, each once")
    bench.worker.delete("life-in")
    bench.ask("GET", "/connectors/life-in/status", 404)


def offsets(bench):
    """Offsets of a Java source are seen, changed by its own alterOffsets, and reset."""
    path = bench.file("offsets.in", ["one", "two", "three"])
    bench.source("offsets-in", path, "offsets")
    bench.values("offsets", 3)
    partition = {"filename": str(path)}
    seen = {"offsets": [{"partition": partition, "offset": {"position": 14}}]}
    wait_for("the offsets are not there", lambda: bench.ask("GET", "/connectors/offsets-in/offsets", 200) == seen, LIMIT_S)
    change = {"offsets": [{"partition": partition, "offset": {"position": 4}}]}
    bench.ask("PATCH", "/connectors/offsets-in/offsets", 400, change)
    bench.ask("PUT", "/connectors/offsets-in/stop", 204)
    bench.state("offsets-in", "STOPPED")
    wrong = {"offsets": [{"partition": partition, "offset": {"position": -3}}]}
    answer = bench.ask("PATCH", "/connectors/offsets-in/offsets", 500, wrong)["message"]
    same(answer, "The value for the 'position' key in the offset should be a non-negative value", "refusal of a wrong offset")
    same(bench.ask("PATCH", "/connectors/offsets-in/offsets", 200, change), {"message": ALTERED}, "PATCH")
    bench.ask("PUT", "/connectors/offsets-in/resume", 202)
    same(bench.values("offsets", 5)[3:], [b"two", b"three"], "records from the new offset")
    bench.ask("PUT", "/connectors/offsets-in/stop", 204)
    bench.state("offsets-in", "STOPPED")
    same(bench.ask("DELETE", "/connectors/offsets-in/offsets", 200), {"message": RESET}, "DELETE")
    same(bench.ask("GET", "/connectors/offsets-in/offsets", 200), {"offsets": []}, "offsets after the reset")
    bench.ask("PUT", "/connectors/offsets-in/resume", 202)
    same(bench.values("offsets", 8)[5:], [b"one", b"two", b"three"], "records from the start")


ENVELOPE = {
    "type": "struct", "name": "t.public.people.Envelope", "version": 2, "fields": [
        {"field": side, "type": "struct", "name": "t.public.people.Value", "optional": True, "fields": [
            {"field": "id", "type": "int32"}, {"field": "name", "type": "string", "optional": True}]} for side in ("before", "after")] + [
        {"field": "source", "type": "struct", "name": "io.debezium.connector.postgresql.Source", "fields": [
            {"field": "table", "type": "string"}, {"field": "lsn", "type": "int64"}]},
        {"field": "op", "type": "string"}, {"field": "ts_ms", "type": "int64", "optional": True}],
}


def change(op, before, after):
    """A Debezium change event as JsonConverter writes it."""
    payload = {"before": before, "after": after, "source": {"table": "people", "lsn": 7}, "op": op, "ts_ms": 1000}
    return json.dumps({"schema": ENVELOPE, "payload": payload}, separators=(",", ":"))


def transformations(bench):
    """Debezium's ExtractNewRecordState between Kafka's own transformations and a predicate, in a sink."""
    events = [change("c", None, {"id": 1, "name": "Ada"}), change("u", {"id": 1, "name": "Ada"}, {"id": 1, "name": None}),
              change("d", {"id": 1, "name": None}, None)]
    bench.source("chain-in", bench.file("chain.in", events), "chain")
    out = bench.file("chain.out")
    bench.sink("chain-out", out, "chain", {
        "value.converter": JSON, "value.converter.schemas.enable": "true", "transforms": "unwrap,mark,none,rename",
        "transforms.unwrap.type": DEBEZIUM + "ExtractNewRecordState", "transforms.unwrap.add.fields": "op,source.lsn",
        "transforms.unwrap.delete.tombstone.handling.mode": "rewrite",
        "transforms.mark.type": TRANSFORMS + "InsertField$Value", "transforms.mark.static.field": "via", "transforms.mark.static.value": "gantry",
        "transforms.none.type": DEBEZIUM + "ExtractNewRecordState", "transforms.none.predicate": "other",
        "transforms.rename.type": TRANSFORMS + "ReplaceField$Value", "transforms.rename.renames": "name:called",
        "predicates": "other", "predicates.other.type": TRANSFORMS + "predicates.TopicNameMatches", "predicates.other.pattern": "other",
    })
    same(bench.lines(out, 3), [
        "Struct{id=1,called=Ada,__deleted=false,__op=c,__source_lsn=7,via=gantry}",
        "Struct{id=1,__deleted=false,__op=u,__source_lsn=7,via=gantry}",
        "Struct{id=1,__deleted=true,__op=d,__source_lsn=7,via=gantry}"], "unwrapped changes")


def routing(bench):
    """Debezium's ByLogicalTableRouter in a source, behind a transformation of Kafka's."""
    bench.source("route-in", bench.file("route.in", ["x", "y"]), "shard_1", {
        "transforms": "prefix,route", "transforms.prefix.type": TRANSFORMS + "RegexRouter", "transforms.prefix.regex": "(.*)",
        "transforms.prefix.replacement": "db.$1", "transforms.route.type": DEBEZIUM + "ByLogicalTableRouter",
        "transforms.route.topic.regex": "(.*)shard_(.*)", "transforms.route.topic.replacement": "$1all_shards"})
    same(bench.values("db.all_shards", 2), [b"x", b"y"], "routed records")


def converters(bench):
    """Debezium's ByteArrayConverter and BinaryDataConverter beside Kafka's, in a source that gives bytes and headers."""
    about = {"source.cluster.bootstrap.servers": bench.worker.bootstrap, "target.cluster.bootstrap.servers": bench.worker.bootstrap}
    bench.worker.create("beat", {
        "connector.class": "org.apache.kafka.connect.mirror.MirrorHeartbeatConnector", "source.cluster.alias": "a", "target.cluster.alias": "b",
        # It makes its topic on Kafka's brokers, and goes on without: where there are none, it is not to try for a minute.
        **about, "admin.timeout.ms": "3000", "emit.heartbeats.interval.seconds": "1", "heartbeats.topic.replication.factor": "1", "key.converter": BYTES,
        "value.converter": "io.debezium.converters.ByteArrayConverter", "transforms": "head", "transforms.head.type": TRANSFORMS + "InsertHeader",
        "transforms.head.header": "h", "transforms.head.value.literal": "v", "header.converter": STRING})
    wait_for("no heartbeats", lambda: bench.worker.topic_records("heartbeats"), LIMIT_S, 1)
    beat = bench.worker.topic_records("heartbeats")[0]
    # Two length-prefixed texts: source and target.
    same((beat.key, beat.headers), (b"\0\1a\0\1b", (("h", b"v"),)), "the heartbeat's key and headers")
    same(len(beat.value), 10, "length of the heartbeat's value")


def cloud_events(bench):
    """A sink reads CloudEvents by Debezium's converter."""
    event = {"id": "1", "source": "/debezium/postgresql/t", "specversion": "1.0", "type": "io.debezium.connector.postgresql.DataChangeEvent",
             "time": "2024-01-01T00:00:00.000Z", "datacontenttype": "application/json", "data": {"id": 5}}
    bench.source("events-in", bench.file("events.in", [json.dumps(event)]), "events")
    out = bench.file("events.out")
    bench.sink("events-out", out, "events", {
        "value.converter": "io.debezium.converters.CloudEventsConverter", "value.converter.serializer.type": "json",
        "value.converter.data.serializer.type": "json", "value.converter.json.schemas.enable": "false"})
    line = bench.lines(out, 1)[0]
    if "specversion=1.0" not in line or "id=5" not in line:
        raise LabError(f"the event became {line}")


def unknown(bench):
    """Plugins that are not there, or are of another kind, are refused before anything starts."""
    for key, name in (("connector.class", "org.example.Missing"), ("value.converter", "org.example.Missing"), ("transforms.a.type", FILE_SINK)):
        config = {"connector.class": FILE_SINK, "topics": "t", "file": "/dev/null", "transforms": "a" if key[0] == "t" else "", key: name}
        config = {k: v for k, v in config.items() if v}
        status, answer = bench.worker.rest("POST", "/connectors", {"name": "unknown", "config": config})
        if status not in (400, 500) or name not in answer["message"]:
            raise LabError(f"{key}={name}: {status} {answer}")


def throwing(bench):
    """Connectors that throw in their own methods."""
    def make(mode):
        config = {"connector.class": "bad.BadStart", "mode": mode, "topic": "bad"}
        status, answer = bench.worker.rest("POST", "/connectors", {"name": f"bad-{mode}", "config": config})
        return status, answer if status == 201 else answer["message"]
    # The connector is there all the same.
    same(make("throw-start"), (500, "Failed to transition connector bad-throw-start to state STARTED"), "answer to a connector that does not start")
    same(make("raise")[0], 201, "answer to a connector that fails later")
    for name, wanted in (
            ("bad-throw-start", ["org.apache.kafka.connect.errors.ConnectException: thrown in the connector's start", "\tat bad.BadStart.start(",
                                 "Caused by: java.lang.IllegalStateException: the middle", "Caused by: java.io.IOException: the root in the connector's start"]),
            ("bad-raise", ["java.lang.IllegalStateException: raised by the connector", "\tat bad.BadStart.raise("])):
        trace = bench.worker.wait_failed(name)["connector"]["trace"]
        for text in wanted:
            if text not in trace:
                raise LabError(f"{name}: the trace lacks {text!r}:\n{trace}")
        bench.worker.delete(name)
    if bench.worker.name == "gantry":    # Kafka Connect answers after 90 s that the request timed out
        make("throw-configs")
        same(runtime.states(bench.worker.client.status("bad-throw-configs"))[1:], [], "tasks of a connector that gives none")
        bench.worker.delete("bad-throw-configs")
    status, answer = bench.worker.rest("PUT", "/connector-plugins/bad.BadStart/config/validate", {"connector.class": "bad.BadStart", "mode": "throw-validate"})
    if status != 500 or "thrown in validate" not in answer["message"]:
        raise LabError(f"validate that throws: {status} {answer}")
    answer = bench.ask("PUT", "/connector-plugins/bad.BadStart/config/validate", 200, {"name": "x", "connector.class": "bad.BadStart", "count": "-1"})
    errors = {c["value"]["name"]: c["value"]["errors"] for c in answer["configs"] if c["value"]["errors"]}
    same(errors, {"count": ["Invalid value -1 for configuration count: Value must be at least 0"]}, "errors of validation")


def external_offsets(bench):
    """A source that leaves offsets to the worker."""
    bench.worker.create("plain", {"connector.class": "bad.BadSource", "topic": "plain", "count": "4", "value.converter": STRING})
    same(bench.values("plain", 4), [f"record {i}".encode() for i in range(1, 5)], "records of the source")
    bench.ask("PUT", "/connectors/plain/stop", 204)
    bench.state("plain", "STOPPED")
    offset = {"offsets": [{"partition": {"source": "bad"}, "offset": {"next": 2}}]}
    same(bench.ask("PATCH", "/connectors/plain/offsets", 200, offset), {"message": EXTERNAL}, "PATCH")
    bench.ask("PUT", "/connectors/plain/resume", 202)
    same(bench.values("plain", 6)[4:], [b"record 3", b"record 4"], "records from the new offset")


def transactions(bench):
    """A source sets the bounds of its transactions itself; what it aborts is not to be seen."""
    config = {"connector.class": "bad.TransactionSource", "topic": "numbers", "count": "8", "value.converter": STRING,
              "exactly.once.support": "required", "transaction.boundary": "connector"}
    bench.worker.create("numbers", config)
    want = [str(n).encode() for n in range(80) if n // 10 % 4 != 2]
    same(bench.values("numbers", len(want)), want, "numbers of committed transactions")
    offset = {"offsets": [{"partition": {"source": "numbers"}, "offset": {"next": 80}}]}
    wait_for("the offset is not the last", lambda: bench.ask("GET", "/connectors/numbers/offsets", 200) == offset, LIMIT_S)
    for mode, key in (("unsupported", "exactly.once.support"), ("no-bounds", "transaction.boundary")):
        answer = bench.ask("PUT", "/connector-plugins/bad.TransactionSource/config/validate", 200, {"name": "x", **config, "mode": mode})
        if not [c for c in answer["configs"] if c["value"]["name"] == key and c["value"]["errors"]]:
            raise LabError(f"{mode} was not refused")


def tools(bench):
    """Kafka's Verifiable and Mock connectors, Java's."""
    bench.worker.create("verify-in", {"connector.class": f"{TOOLS}VerifiableSourceConnector", "topic": "verify", "throughput": "500", "id": "7"})
    bench.worker.create("verify-out", {"connector.class": f"{TOOLS}VerifiableSinkConnector", "topics": "verify", "id": "8"})
    found = bench.values("verify", 50)
    same([json.loads(value)["payload"] for value in found[:50]], list(range(50)), "numbers")
    wait_for("the sink prints nothing", lambda: '"name":"verify-out","topic":"verify","sinkTask":0}' in bench.worker.text(), LIMIT_S)
    bench.worker.create("mock-in", {"connector.class": f"{TOOLS}MockSourceConnector", "mock_mode": "task-failure", "delay_ms": "100"})
    bench.worker.create("mock-out", {"connector.class": f"{TOOLS}MockSinkConnector", "mock_mode": "task-failure", "delay_ms": "100", "topics": "verify"})
    bench.worker.create("mock-raises", {"connector.class": f"{TOOLS}MockSourceConnector", "mock_mode": "connector-failure", "delay_ms": "100"})
    for name, kind in (("mock-in", "Source"), ("mock-out", "Sink")):
        trace = bench.worker.wait_failed(name)["tasks"][0]["trace"]
        if "java.lang.RuntimeException" not in trace or f"\tat {TOOLS}Mock{kind}Task." not in trace:
            raise LabError(f"{name}: {trace}")
    trace = bench.worker.wait_failed("mock-raises")["connector"]["trace"]
    if f"\tat {TOOLS}MockConnector" not in trace:
        raise LabError(f"mock-raises: {trace}")


def policy(bench):
    """A policy of a plugin's decides what connectors may set of Kafka's clients."""
    def errors(**overrides):
        config = {"name": "p", "connector.class": FILE_SOURCE, "file": "x", "topic": "t",
                  **{f"producer.override.{name.replace('_', '.')}": text for name, text in overrides.items()}}
        answer = bench.ask("PUT", f"/connector-plugins/{FILE_SOURCE}/config/validate", 200, config)
        return {c["value"]["name"]: c["value"]["errors"] for c in answer["configs"] if c["value"]["name"].startswith("producer.override.")}
    same(errors(batch_size="10"), {"producer.override.batch.size": []}, "what is allowed")
    same(errors(batch_size="2000"), {"producer.override.batch.size": ["too large"]}, "what the value forbids")
    same(errors(acks="1"), {"producer.override.acks": ["a test lets p, a source, set no acks of its PRODUCER"]}, "what is forbidden")
    config = {"connector.class": FILE_SOURCE, "file": "x", "topic": "t", "producer.override.batch.size": "ten"}
    answer = bench.ask("PUT", "/connectors/p/config", 500, config)
    same(answer["message"], "Invalid value ten for configuration batch.size: Not a number of type INT", "a value of another type")


TESTS = [file_to_file, lifecycle, offsets, transformations, routing, converters, cloud_events, unknown, throwing, external_offsets, tools]
ONCE = [transactions]
POLICY = [policy]
POLICY_PROPS = {"connector.client.config.override.policy": "bad.StrictPolicy", "strict.owner": "a test"}


def suite(args, tests, label, props, mode):
    """Runs tests on a worker of their own; names of those that failed."""
    failed, tests = [], [test for test in tests if args.only in test.__name__]
    if not tests:
        return failed
    places = [plugins.fetch(name) for name in ("file", "mirror", "tools", "debezium-postgres")] + [plugins.misbehaving()]
    with runtime.start(args, args.work / args.runtime / label, places, props, mode) as worker:
        for test in tests:
            work = args.work / label / test.__name__
            work.mkdir(parents=True)
            began = time.monotonic()
            try:
                test(Bench(worker, work))
                print(f"ok   {test.__name__} ({time.monotonic() - began:.1f} s)", flush=True)
            except (LabError, KeyError, AssertionError) as error:
                failed.append(test.__name__)
                print(f"FAIL {test.__name__}: {error if isinstance(error, LabError) else repr(error)}", flush=True)
            for name in worker.rest("GET", "/connectors")[1]:
                worker.delete(name)
    return failed


def main():
    """The command line."""
    parser = runtime.add_arguments(argparse.ArgumentParser(description=__doc__), "smoke")
    parser.add_argument("--only", default="", help="part of a test's name")
    args = parser.parse_args()
    began = time.monotonic()
    native = {"gantry.prefer.native": "false"} if args.runtime == "gantry" else {}
    with runtime.workplace(args):
        # Kafka Connect has those on its own class path, and finds none of them elsewhere.
        tests = TESTS if args.runtime == "gantry" else [test for test in TESTS if test is not tools]
        failed = suite(args, tests, "plain", native, "standalone")
        # Kafka has transactions of sources in distributed mode alone.
        failed += suite(args, ONCE, "once", {**native, "exactly.once.source.support": "enabled"}, "distributed")
        failed += suite(args, POLICY, "policy", {**native, **POLICY_PROPS}, "standalone")
        args.failed = bool(failed)
    total = len([t for t in tests + ONCE + POLICY if args.only in t.__name__])
    print(f"smoke on {args.runtime}, {time.monotonic() - began:.0f} s: {total - len(failed)} passed, {len(failed)} failed")
    return 1 if failed or not total else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except LabError as error:
        sys.exit(f"smoke: {error}")
