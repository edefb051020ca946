#!/usr/bin/env python3
"""Misbehaving Java connectors (badplugins/) beside a healthy pair of file connectors: the bad one fails with Java's trace or is
deleted in time, the healthy pair goes on, and the worker ends in time when it is told to.

Against Kafka Connect those cases are left out that end or hang its process.
"""

import argparse
import contextlib
import http.client
import os
import pathlib
import re
import signal
import subprocess
import sys
import threading
import time

import plugins
import runtime
from runtime import LabError, wait_for
from smoke import STRING, same

GRACE_MS = 2000
# Beside the graceful timeout, when there is much else to do.
SLACK_S = 4
LIMIT_S = 30
DEAD_LETTER = "dead"


class Bench:
    """A worker with the healthy pair."""

    def __init__(self, worker, work):
        self.worker, self.work = worker, work
        self.input, self.output, self.moved = work / "healthy.in", work / "healthy.out", 0
        self.input.touch()
        common = {"value.converter": STRING}
        worker.create("healthy-in", {"connector.class": "FileStreamSource", "file": str(self.input), "topic": "healthy", **common})
        worker.create("healthy-out", {"connector.class": "FileStreamSink", "file": str(self.output), "topics": "healthy", **common})
        self.healthy()

    def child(self):
        """The newest process that a connector has for itself."""
        listed = subprocess.run(["pgrep", "-n", "-P", str(self.worker.process.child.pid), "-f", "gantry.bridge.Child"], capture_output=True, text=True)
        if not listed.stdout.strip():
            raise LabError("there is no process of a connector's own")
        return int(listed.stdout)

    def healthy(self):
        """The pair moves ten lines more."""
        with open(self.input, "a", encoding="utf-8") as f:
            f.write("".join(f"line {n}\n" for n in range(self.moved, self.moved + 10)))
        self.moved += 10

        def arrived():
            if not self.worker.process.alive():
                raise LabError(f"the worker ended with status {self.worker.process.child.returncode}:\n{self.worker.process.tail(25)}")
            return self.output.exists() and len(self.output.read_text("utf-8").splitlines()) >= self.moved
        wait_for("the healthy pair stands still", arrived, LIMIT_S)
        same(self.output.read_text("utf-8").splitlines(), [f"line {n}" for n in range(self.moved)], "healthy lines")

    def source(self, mode, kind="BadSource", more=None):
        """A bad source; its name is its mode."""
        name = f"{kind}-{mode}".lower()
        self.worker.create(name, {"connector.class": f"bad.{kind}", "mode": mode, "topic": name, "count": "2", **(more or {})})
        return name

    def sink(self, mode, more=None, topics="healthy"):
        """A bad sink of the healthy topic, and the file that it writes."""
        name, path = f"sink-{mode}", self.work / f"sink-{mode}.txt"
        self.worker.create(name, {"connector.class": "bad.BadSink", "mode": mode, "topics": topics, "file": str(path), "value.converter": STRING,
                                  **(more or {})})
        return name, path

    def failed(self, name, *wanted):
        """Waits until it has failed, and wants these texts in the trace."""
        status = self.worker.wait_failed(name, LIMIT_S)
        trace = "\n".join(part.get("trace", "") for part in (status["connector"], *status["tasks"]))
        for text in wanted:
            if text not in trace:
                raise LabError(f"{name}: the trace lacks {text!r}:\n{trace[:1500]}")

    def delete(self, name):
        """Deletes it within the graceful timeout."""
        began = time.monotonic()
        self.worker.delete(name)
        took = time.monotonic() - began
        if took > GRACE_MS / 1000 + SLACK_S:
            raise LabError(f"DELETE of {name} took {took:.1f} s")

    def running(self, name):
        """Waits until it and its tasks run."""
        def there():
            self.worker.healthy(name)
            status = self.worker.client.status(name)
            return status["tasks"] and set(runtime.states(status)) == {"RUNNING"}
        wait_for(f"{name} does not run", there, LIMIT_S)

    def wrote(self, path, check, what):
        """Waits until the lines of a sink's file are as wanted."""
        def there():
            lines = path.read_text("utf-8").splitlines() if path.exists() else []
            if check(lines):
                return lines
            self.worker.healthy(path.stem)
            return None
        try:
            return wait_for(what, there, LIMIT_S)
        except LabError as error:
            raise LabError(f"{error}\n{path.read_text('utf-8')[-800:] if path.exists() else 'no file'}") from None


def alive(pid):
    """Whether a process has not ended."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text("utf-8").rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def records(lines, topic="healthy"):
    """The offsets of the records that a sink noted, in order."""
    return [int(m[1]) for m in (re.match(rf"record {topic}-0 (\d+) ", line) for line in lines) if m]


def source_throws(bench):
    """In start and in poll, exceptions and errors, each with its causes; what came before is written."""
    for mode, where in (("throw-start", "start"), ("throw-poll", "poll")):
        name = bench.source(mode)
        bench.failed(name, f"org.apache.kafka.connect.errors.ConnectException: thrown in {where}", f"\tat bad.BadSource$BadTask.{where}(BadSource.java:",
                     "Caused by: java.lang.IllegalStateException: the middle", f"Caused by: java.io.IOException: the root in {where}")
        bench.delete(name)
    same(len(bench.worker.topic_records("badsource-throw-poll")), 2, "records before the failure")
    for mode, wanted in (("error-poll", "java.lang.NoClassDefFoundError: org/example/Missing"), ("stack", "java.lang.StackOverflowError"),
                         ("bad-schema", "org.apache.kafka.connect.errors.DataException")):
        name = bench.source(mode)
        bench.failed(name, wanted)
        bench.delete(name)
    # Kafka Connect passes over a null among the records.
    name = bench.source("null-record")
    bench.running(name)
    bench.healthy()
    bench.running(name)
    bench.delete(name)


def source_hangs(bench):
    """In poll, start and stop; it is deleted all the same."""
    for mode in ("block-poll", "deaf-poll", "deaf-stop", "throw-stop"):
        name = bench.source(mode)
        bench.running(name)
        wait_for(f"{mode} gave no records", lambda name=name: len(bench.worker.topic_records(name)) == 2, LIMIT_S, 0.5)
        bench.delete(name)
    name = bench.source("block-start")
    time.sleep(1)
    bench.healthy()
    bench.delete(name)


def unanswered(worker, body):
    """Asks for a connector without waiting for what comes of it."""
    with contextlib.suppress(OSError, http.client.HTTPException):
        worker.rest("POST", "/connectors", body)


def connector_hangs(bench):
    """The connector's own start and stop."""
    # As in Kafka Connect the answer comes when the connector has started: too late for this test.
    name = "badstart-block-start"
    body = {"name": name, "config": {"connector.class": "bad.BadStart", "mode": "block-start", "topic": name}}
    threading.Thread(target=unanswered, args=(bench.worker, body), daemon=True).start()
    wait_for("the connector is not made", lambda: name in bench.worker.rest("GET", "/connectors")[1], LIMIT_S)
    bench.healthy()
    bench.delete(name)
    for mode in ("deaf-stop", "throw-stop"):
        name = bench.source(mode, "BadStart")
        bench.running(name)
        bench.delete(name)


def leaves(bench):
    """System.exit and Runtime.halt in poll do not end the worker."""
    for mode in ("exit", "halt"):
        name = bench.source(mode)
        bench.failed(name, "\tat bad.BadSource$BadTask.poll(")
        bench.healthy()
        bench.delete(name)
    name = bench.source("exit-thread")
    time.sleep(2)
    bench.healthy()
    bench.delete(name)


def memory(bench):
    """A full heap fails the task that filled it; other Java connectors start afterwards."""
    name = bench.source("memory")
    bench.failed(name, "java.lang.OutOfMemoryError")
    bench.healthy()
    bench.delete(name)
    name = bench.source("good")
    bench.running(name)
    bench.delete(name)


def own_process(bench):
    """A connector in a process of its own: its end is its own, its tasks start again, and it does not outlive the worker."""
    own = {"gantry.task.isolation": "process", "gantry.jvm.options": "-Xmx64m"}
    name = bench.source("good", more={**own, "gantry.restart.max": "5", "gantry.restart.backoff.ms": "100"})
    bench.running(name)
    child = bench.child()
    os.kill(child, signal.SIGKILL)
    trace = wait_for("the end of its process is not told", lambda: bench.worker.client.status(name)["connector"].get("trace"), LIMIT_S)
    if "has ended: signal: 9" not in trace:
        raise LabError(f"the trace does not tell the end: {trace}")
    wait_for("its task does not start again", lambda: runtime.states(bench.worker.client.status(name))[1:] == ["RUNNING"], LIMIT_S)
    bench.healthy()
    bench.worker.rest("POST", f"/connectors/{name}/restart?includeTasks=true")
    bench.running(name)
    last = bench.child()
    bench.delete(name)
    wait_for("its process stays when it is gone", lambda: not alive(last), LIMIT_S)
    name = bench.source("memory", more=own)
    bench.failed(name, "has ended")
    bench.healthy()
    bench.delete(name)
    name = bench.source("good", more=own)
    bench.running(name)
    last = bench.child()
    bench.worker.restart()
    wait_for("a process outlives the worker", lambda: not alive(last), LIMIT_S)
    bench.worker.delete(name)


def sink_throws(bench):
    """In put and in preCommit."""
    name, _ = bench.sink("throw-put")
    bench.failed(name, "Caused by: org.apache.kafka.connect.errors.ConnectException: thrown in put", "\tat bad.BadSink$BadTask.put(BadSink.java:",
                 "Caused by: java.io.IOException: the root in put")
    bench.delete(name)
    name, path = bench.sink("throw-commit")
    lines = bench.wrote(path, lambda lines: sum(line.startswith("commit") for line in lines) >= 2, "preCommit is not called again after it threw")
    same(records(lines)[:10], list(range(10)), "records of a sink whose preCommit throws")
    bench.delete(name)


def sink_hangs(bench):
    """In put and in stop."""
    for mode in ("block-put", "deaf-stop"):
        name, path = bench.sink(mode)
        bench.wrote(path, lambda lines, mode=mode: "block" in lines if mode == "block-put" else records(lines), f"{mode} got nothing")
        bench.healthy()
        bench.delete(name)


def retries(bench):
    """RetriableException: the same records again until they are taken."""
    name, path = bench.sink("retry", {"count": "3"})
    lines = bench.wrote(path, lambda lines: len(records(lines)) >= bench.moved, "the records do not come after the retries")
    same(lines.count("retriable"), 3, "retries")
    same(records(lines), list(range(bench.moved)), "records after retries")
    bench.delete(name)


def errant(bench):
    """Reported records go to the dead letter queue with their error in headers; the sink goes on."""
    name, path = bench.sink("errant", {
        "errors.tolerance": "all", "errors.deadletterqueue.topic.name": DEAD_LETTER, "errors.deadletterqueue.topic.replication.factor": "1",
        "errors.deadletterqueue.context.headers.enable": "true"})
    bench.wrote(path, lambda lines: len(records(lines)) >= bench.moved, "the sink does not go on")
    dead = bench.worker.topic_records(DEAD_LETTER)
    same([r.value.decode() for r in dead], [f"line {n}" for n in range(0, bench.moved, 3)], "dead letters")
    headers = {k: v.decode() for k, v in dead[1].headers}
    want = {"__connect.errors.topic": "healthy", "__connect.errors.partition": "0", "__connect.errors.offset": "3",
            "__connect.errors.connector.name": name, "__connect.errors.task.id": "0", "__connect.errors.stage": "TASK_PUT",
            "__connect.errors.class.name": "org.apache.kafka.connect.sink.SinkTask",
            "__connect.errors.exception.class.name": "org.apache.kafka.connect.errors.DataException", "__connect.errors.exception.message": "errant 3"}
    same({k: headers.get(k) for k in want}, want, "headers of a dead letter")
    if "\tat bad.BadSink$BadTask.put(" not in headers.get("__connect.errors.exception.stacktrace", ""):
        raise LabError(f"headers of a dead letter: {headers}")
    bench.delete(name)
    name, _ = bench.sink("errant")
    bench.healthy()
    bench.failed(name, "bad.BadSink$BadTask.put(")
    bench.delete(name)


def rewinds(bench):
    """context.offset in put and in open: the records come again from there."""
    name, path = bench.sink("rewind", {"count": "1"})
    lines = bench.wrote(path, lambda lines: len(records(lines)) >= 2 * bench.moved, "no records after the rewind")
    begin = lines.index("rewind")
    same(records(lines[begin:])[:bench.moved], list(range(bench.moved)), "records after the rewind")
    bench.delete(name)


def pauses(bench):
    """context.pause: no records until context.resume; put is still called."""
    name, path = bench.sink("pause", {"count": "1"})
    bench.wrote(path, lambda lines: "pause" in lines, "it does not pause")
    bench.healthy()
    lines = bench.wrote(path, lambda lines: "resume" in lines and len(records(lines)) >= bench.moved, "no records after the pause")
    same([line for line in lines[lines.index("pause"):lines.index("resume")] if line.startswith("record")], [], "records in the pause")
    same(records(lines), list(range(bench.moved)), "records of a sink that pauses")
    bench.delete(name)


def commits(bench):
    """requestCommit commits before the interval; what preCommit leaves out is not committed."""
    name, path = bench.sink("request-commit")
    bench.wrote(path, lambda lines: f"commit healthy-0 {bench.moved}" in lines, "no commit")
    want = {"offsets": [{"partition": {"kafka_topic": "healthy", "kafka_partition": 0}, "offset": {"kafka_offset": bench.moved}}]}
    wait_for("the offset is not committed", lambda: bench.worker.rest("GET", f"/connectors/{name}/offsets")[1] == want, LIMIT_S, 0.5)
    bench.delete(name)
    name, path = bench.sink("never-commit")
    bench.wrote(path, lambda lines: sum(line.startswith("commit") for line in lines) >= 2, "no commit")
    same(bench.worker.rest("GET", f"/connectors/{name}/offsets")[1], {"offsets": []}, "offsets of a sink that commits nothing")
    bench.delete(name)


LOGGED = {"slf4j": "bad.by.slf4j", "log4j 1": "bad.by.log4j1", "log4j 2": "bad.by.log4j2", "java.util.logging": "bad.by.jul", "a thread": "bad.by.thread",
          "System.out": "stdout", "System.err": "stderr"}


def logs(bench):
    """Whatever a plugin logs with is in the worker's log, with logger, connector and task."""
    name = bench.source("log")
    bench.running(name)
    wait_for("nothing is logged", lambda: "line 4 by System.out" in bench.worker.text() and "line 4 by a thread" in bench.worker.text(), LIMIT_S)
    # An entry may go over several lines, and ends with its fields.
    entries = re.split(r"\n(?=[\[\d]\d{3})", bench.worker.text())
    for way, logger in LOGGED.items():
        found = [entry for entry in entries if f"line 3 by {way}" in entry]
        if not found:
            raise LabError(f"nothing that was logged by {way} is in the log")
        if f'logger="{logger}"' not in found[0] or f'task="{name}-0"' not in found[0]:
            raise LabError(f"logged by {way} without logger, connector or task: {found[0]}")
    if "\tat bad.Loggers.all(Loggers.java:" not in bench.worker.text():
        raise LabError("the stack trace of an exception that was logged is not in the log")
    bench.delete(name)


CASES = [source_throws, sink_throws, retries, errant, rewinds, pauses, commits, logs, source_hangs, connector_hangs, sink_hangs, leaves, memory, own_process]
# They end Kafka Connect's process, or block it; it has no log4j 1 on its class path here.
GANTRY_ONLY = {leaves, memory, logs, connector_hangs, own_process}


def ends_in_time(bench):
    """SIGTERM while connectors hang in poll, put and stop."""
    for mode in ("deaf-poll", "deaf-stop"):
        bench.running(bench.source(mode))
    bench.sink("block-put")
    bench.healthy()
    took, status = bench.worker.stop(GRACE_MS / 1000 * 4 + 2 * SLACK_S)
    limit = GRACE_MS / 1000 + SLACK_S
    if took > limit and bench.worker.name == "gantry":
        raise LabError(f"the worker took {took:.1f} s to end")
    print(f"     ended {took:.1f} s after SIGTERM with status {status}", flush=True)
    if bench.worker.name == "gantry" and status != 0:
        raise LabError(f"the worker ended with status {status}")


def run(args, work, cases):
    """All cases on one worker; the names of those that failed."""
    failed, props = [], {"task.shutdown.graceful.timeout.ms": GRACE_MS}
    # Gantry's healthy pair is native.
    places = [plugins.misbehaving(), *([plugins.fetch("file")] if args.runtime == "kafka" else [])]
    with runtime.start(args, work / args.runtime, places, props) as worker:
        bench = Bench(worker, work)
        for case in cases:
            start = time.monotonic()
            try:
                case(bench)
                if case is not ends_in_time:
                    bench.healthy()
                print(f"ok   {case.__name__} ({time.monotonic() - start:.1f} s)", flush=True)
            except (LabError, OSError) as error:
                failed.append(case.__name__)
                print(f"FAIL {case.__name__}: {error}", flush=True)
                if not worker.process.alive() and case is not ends_in_time:
                    worker.restart()
                for name in worker.rest("GET", "/connectors")[1] if worker.process.alive() else ():
                    if not name.startswith("healthy"):
                        worker.rest("DELETE", f"/connectors/{name}")
    return failed


def main():
    """The command line."""
    parser = runtime.add_arguments(argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter), "contain")
    parser.add_argument("--only", default="", help="part of a case's name")
    args = parser.parse_args()
    began = time.monotonic()
    cases = [c for c in CASES if args.only in c.__name__ and not (args.runtime == "kafka" and c in GANTRY_ONLY)]
    with runtime.workplace(args) as work:
        failed = run(args, work, [*cases, ends_in_time])
        args.failed = bool(failed)
    print(f"contain on {args.runtime}, {time.monotonic() - began:.0f} s: {len(cases) + 1 - len(failed)} passed, {len(failed)} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except LabError as error:
        sys.exit(f"contain: {error}")
