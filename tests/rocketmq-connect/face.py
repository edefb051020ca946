#!/usr/bin/env python3
"""A user of RocketMQ Connect changes to Gantry: its worker file, a connector file and its REST calls, word for word, against the
release binary. Lines must flow file → topic → file, each once, over a restart too; what is wrong must have its HTTP status."""

import argparse
import json
import pathlib
import shutil
import subprocess
import sys
import time
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts" / "lib"))
from worker import LabError, Proc, Rest, free_port, gantry_binary, target_dir  # noqa: E402

PACKAGE = "org.apache.rocketmq.connect.file."
LIMIT_S = 60
SECRET = "a-very-secret-key"
# What RocketMQ Connect delivers as conf/connect-standalone.conf.
WORKER_FILE = """\
workerId=standalone-worker
storePathRootDir={home}/storeRoot

## Http port for user to access REST API
httpPort={port}

# Rocketmq namesrvAddr
namesrvAddr=localhost:9876

# RocketMQ acl
aclEnable=false
accessKey=rocketmq
secretKey={secret}

autoCreateGroupEnable=false
clusterName="DefaultCluster"

pluginPaths=rocketmq-connect-sample/target/rocketmq-connect-sample-0.0.1-SNAPSHOT.jar
offsetCommitIntervalMsConfig=500
"""


def expect(what, seen, wanted):
    """Ends the run when something is not as it must be."""
    if seen != wanted:
        raise LabError(f"{what}: {seen!r} instead of {wanted!r}")


def wait(what, is_so):
    """Waits until something is so."""
    end = time.monotonic() + LIMIT_S
    while not is_so():
        if time.monotonic() > end:
            raise LabError(f"not within {LIMIT_S} s: {what}")
        time.sleep(0.02)


class Worker:
    """`gantry standalone connect-standalone.conf` with a client for each of its two REST APIs."""

    def __init__(self, home, files=()):
        rocketmq_port, kafka_port = free_port(), free_port()
        conf = home / "connect-standalone.conf"
        conf.write_text(WORKER_FILE.format(home=home, port=rocketmq_port, secret=SECRET), encoding="utf-8")
        self.log = home / "gantry.log"
        self.log.unlink(missing_ok=True)
        argv = [gantry_binary(), "standalone", str(conf), *map(str, files), "--set", f"listeners=http://127.0.0.1:{kafka_port}"]
        self.process = Proc(argv, self.log, cwd=home)
        self.rocketmq = Rest(f"http://127.0.0.1:{rocketmq_port}")
        self.kafka = Rest(f"http://127.0.0.1:{kafka_port}")
        self.process.wait_ready(self.kafka)

    def ok(self, method, path, config=None):
        """The body of an answer that must succeed."""
        status, answer = self.rocketmq.call(method, path, config)
        expect(f"{method} {path} {answer}", (status, answer.get("status")), (200, 200))
        return answer["body"]

    def refused(self, method, path, code, part, config=None):
        """An answer that must be refused with `code`, in HTTP and in the envelope, and a message with `part`."""
        status, answer = self.rocketmq.call(method, path, config)
        expect(f"{method} {path} {answer}", (status, answer.get("errorCode")), (code, code))
        if part not in answer["message"]:
            raise LabError(f"{method} {path}: no `{part}` in {answer['message']}")

    def state(self, name, state):
        """Waits until a connector and its task are in a state, as both APIs see it."""
        def is_so():
            status = self.ok("GET", f"/connectors/{name}/status")
            return [status["connector"]["state"]] + [t["state"] for t in status["tasks"]] == [state] * 2
        wait(f"{name} is {state}", is_so)
        seen = self.kafka.status(name)
        expect(f"{name} on Kafka Connect's side", [seen["connector"]["state"], seen["tasks"][0]["state"]], [state] * 2)

    def stop(self):
        """Ends it in order; gives what it has logged."""
        expect("exit status", self.process.stop(), 0)
        return self.log.read_text("utf-8")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()


def append(path, lines):
    """Appends lines to a file."""
    with open(path, "a", encoding="utf-8") as f:
        f.writelines(line + "\n" for line in lines)


def arrive(path, lines):
    """Waits for exactly these lines in a file."""
    text = "".join(line + "\n" for line in lines)
    wait(f"{len(lines)} lines in {path}", lambda: path.exists() and len(path.read_bytes()) >= len(text))
    expect(str(path), path.read_text("utf-8"), text)


def first_life(home, source, sink):
    """A new worker with one connector file."""
    beside = home / "beside.txt"
    connector_file = home / "connect-file-sink.properties"
    connector_file.write_text(
        f"name=beside\nconnector.class={PACKAGE}FileSinkConnector\nfile={beside}\nconnect.topicnames=fileTopic\nisKey=true\n",
        encoding="utf-8")
    with Worker(home, [connector_file]) as worker:
        return use(worker, home, source, sink)


def use(worker, home, source, sink):
    """What a user does with a running worker. Returns the lines that went through, and the worker's log."""
    in_file, out_file = source["filename"], pathlib.Path(sink["filename"])
    lines = [f"first {n}" for n in range(1000)]
    append(in_file, lines)
    expect("workers", len(worker.ok("GET", "/getClusterInfo")), 1)
    expect("POST gives back what came", worker.ok("POST", "/connectors/src", source), source)
    # As its command line does: the configuration in the query.
    query = urllib.parse.urlencode({"config": json.dumps(sink)})
    worker.ok("GET", f"/connectors/snk?{query}")
    arrive(out_file, lines)
    arrive(home / "beside.txt", lines)
    expect("connectors", sorted(worker.ok("GET", "/connectors/list")), ["beside", "snk", "src"])
    expect("Kafka Connect's configuration of the source", worker.kafka.call("GET", "/connectors/src/config")[1], {
        "name": "src", "connector.class": "org.apache.kafka.connect.file.FileStreamSourceConnector", "file": in_file,
        "topic": "fileTopic", "tasks.max": "1",
        "value.converter": "org.apache.kafka.connect.storage.StringConverter"})
    expect("running tasks", len(worker.ok("GET", "/allocated/tasks")["runningTasks"]), 3)

    expect("pause", worker.ok("GET", "/connectors/src/pause"), "Connector [src] paused successfully")
    worker.state("src", "PAUSED")
    more = [f"while paused {n}" for n in range(100)]
    append(in_file, more)
    expect("resume", worker.ok("GET", "/connectors/src/resume"), "Connector [src] resumed successfully")
    worker.state("src", "RUNNING")
    arrive(out_file, lines + more)

    worker.refused("POST", "/connectors/src", 409, "Connector with same config already exist.", source)
    worker.refused("POST", "/connectors/bad", 400, "connector.class", {})
    worker.refused("POST", "/connectors/bad", 400, "tasks.max=3", {**source, "tasks.max": "3"})
    worker.refused("GET", "/connectors/nobody/status", 404, "No status found for connector nobody")
    worker.refused("GET", "/connectors/nobody/stop", 404, "Connector [nobody] does not exist")
    worker.refused("GET", "/nowhere", 404, "Not found")
    worker.refused("PUT", "/connectors/src", 405, "Method Not Allowed")

    adapter = home / "adapter.json"
    adapter.write_text(json.dumps({
        "name": "adapter", "connector.class": "org.apache.rocketmq.connect.kafka.connector.KafkaRocketmqSinkConnector",
        "connect.topicnames": "fileTopic", "max.tasks": 1, "kafka.connector.configs": {
            "connector.class": "org.apache.kafka.connect.file.FileStreamSinkConnector", "file": str(home / "adapter.txt"),
            "value.converter": "org.apache.kafka.connect.storage.StringConverter"}}), encoding="utf-8")
    subprocess.run([gantry_binary(), "connector", "create", str(adapter), "--url", worker.kafka.base], check=True,
                   stdout=subprocess.DEVNULL)
    arrive(home / "adapter.txt", lines + more)

    expect("stop", worker.ok("GET", "/connectors/beside/stop"), "Connector [beside] deleted successfully")
    expect("stopped on Kafka Connect's side", worker.kafka.call("GET", "/connectors/beside")[0], 404)
    return lines + more, worker.stop()


def second_life(home, source, sink, lines):
    """The same worker file and connectors again: everything goes on where it was."""
    more = [f"second {n}" for n in range(100)]
    append(source["filename"], more)
    with Worker(home) as worker:
        worker.ok("POST", "/connectors/src", source)
        worker.ok("POST", "/connectors/snk", sink)
        arrive(pathlib.Path(sink["filename"]), lines + more)
        expect("stop all", worker.ok("GET", "/connectors/stopAll"), "[snk, src] connectors are deleted")
        expect("connectors", worker.ok("GET", "/connectors/list"), {})
        worker.stop()


def check_log(log):
    """What the worker says of the keys that it found."""
    for part in [
        "httpPort as gantry.rocketmq.connect.port",
        "storePathRootDir as gantry.data.dir",
        "secretKey as gantry.rocketmq.secret.key",
        "gantry.log=rocketmq puts them on RocketMQ",
        "clusterName is left out: ",
        "isKey is left out: ",
        "connect.topicnames as topics",
    ]:
        if part not in log:
            raise LabError(f"the worker did not say `{part}`")
    if SECRET in log:
        raise LabError("the secret key is in the log")


def main():
    """Runs it."""
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--work", type=pathlib.Path, default=target_dir() / "rocketmq-connect")
    home = p.parse_args().work.resolve()
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    converter = "org.apache.rocketmq.connect.runtime.converter.record.StringConverter"
    source = {"connector.class": PACKAGE + "FileSourceConnector", "filename": str(home / "in.txt"),
              "connect.topicname": "fileTopic", "max.tasks": "1", "value.converter": converter}
    sink = {"connector.class": PACKAGE + "FileSinkConnector", "filename": str(home / "out.txt"),
            "connect.topicnames": "fileTopic;", "consume.from.where": "CONSUME_FROM_FIRST_OFFSET"}
    try:
        lines, log = first_life(home, source, sink)
        check_log(log)
        second_life(home, source, sink, lines)
    except LabError as error:
        sys.exit(f"FAIL: {error}")
    print("a worker file, a connector file and REST calls of RocketMQ Connect: as they should be")


if __name__ == "__main__":
    main()
