"""kafka-connect-py from PyPI: its command `kc`, and its library where the command has no word for it."""

import json
import os
import pathlib
import shutil
import subprocess
import sys

from check import LabError
from worker import FILE_SINK, FILE_SOURCE, STRING

HERE = pathlib.Path(__file__).resolve().parent
REQUIREMENTS = HERE / "requirements.txt"

# The command sends a quoted string to /validate, and has no `stop`; the library has both and keeps the worker's answer.
LIBRARY = """
import json, sys
from kafka_connect import KafkaConnect
from requests.exceptions import HTTPError
url, method, *arguments = json.load(sys.stdin)
try:
    answer = {"ok": getattr(KafkaConnect(url), method)(*arguments)}
except HTTPError as error:
    answer = {"status": error.response.status_code, "message": error.response.json()["message"]}
print(json.dumps(answer))
"""


def install(home):
    """A virtual environment with the client, made anew when the wanted versions change."""
    stamp = home / "requirements.txt"
    if stamp.exists() and stamp.read_bytes() == REQUIREMENTS.read_bytes():
        return
    shutil.rmtree(home, ignore_errors=True)
    print(f"installing {REQUIREMENTS.name} into {home}", flush=True)
    for argv in ([sys.executable, "-m", "venv", str(home)],
                 [str(home / "bin" / "pip"), "install", "-q", "--no-deps", "-r", str(REQUIREMENTS)]):
        if subprocess.run(argv, check=False).returncode != 0:
            raise LabError(f"{' '.join(argv)} failed; see its output above")
    shutil.copy(REQUIREMENTS, stamp)


class Client:
    """The installed client, pointed at one worker."""

    def __init__(self, installed, url, checks):
        self.bin, self.url, self.checks = installed / "bin", url, checks

    def kc(self, *argv):
        """What one command prints on standard output."""
        env = {**os.environ, "KAFKA_CONNECT_URL": self.url}
        done = subprocess.run([str(self.bin / "kc"), *argv], capture_output=True, text=True, check=False, env=env)
        if done.returncode != 0:
            raise LabError(f"kc {' '.join(argv)} ended with status {done.returncode}: {done.stdout}{done.stderr}")
        return done.stdout.strip()

    def json(self, *argv):
        """The JSON that one command prints."""
        text = self.kc(*argv)
        try:
            return json.loads(text)
        except ValueError:
            raise LabError(f"kc {' '.join(argv)} printed no JSON: {text}") from None

    def library(self, method, *arguments):
        """What a method of the library returns ("ok"), or the worker's refusal ("status", "message")."""
        done = subprocess.run([str(self.bin / "python"), "-c", LIBRARY], input=json.dumps([self.url, method, *arguments]),
                              capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise LabError(f"{method}{arguments} raised: {done.stderr}")
        return json.loads(done.stdout)

    def states(self, name):
        """The states of a connector and of its tasks."""
        status = self.json("status", name)
        return [status["connector"]["state"], *(task["state"] for task in status["tasks"])]

    def become(self, what, name, *states):
        """The connector and its tasks come into these states."""
        self.checks.soon(f"states of {name} after {what}", lambda: self.states(name), [*states])


def configs(home):
    """A source of one line, a sink of what it writes, and a sink whose folder is missing."""
    common = {"key.converter": STRING, "value.converter": STRING}
    return {
        "lines": {"connector.class": FILE_SOURCE, "file": str(home / "in.txt"), "topic": "lines", **common},
        "copy": {"connector.class": FILE_SINK, "file": str(home / "out.txt"), "topics": "lines", **common},
        "lost": {"connector.class": FILE_SINK, "file": str(home / "missing" / "out.txt"), "topics": "lines", **common},
    }


def create(client, checks, wanted):
    """Connectors are created; a second time and without sense they are refused."""
    for name, config in wanted.items():
        made = client.json("create", "-d", json.dumps({"name": name, "config": config}))
        checks.same(f"create {name}", made, {
            "name": name, "config": {**config, "name": name}, "tasks": [{"connector": name, "task": 0}],
            "type": "source" if name == "lines" else "sink"})
    lines = json.dumps({"name": "lines", "config": wanted["lines"]})
    again = client.kc("create", "-d", lines)
    checks.that("create twice shows 409", again.startswith("409 Client Error: Conflict"), again)
    checks.same("create twice, message", client.library("create_connector", json.loads(lines)),
                {"status": 409, "message": "Connector lines already exists"})
    refused = client.library("create_connector", {"name": "bad", "config": {**wanted["copy"], "tasks.max": "many"}})
    checks.same("create with a bad value, status", refused.get("status"), 400)
    checks.that("create with a bad value, message", "Invalid value many for configuration tasks.max" in refused["message"], refused)
    checks.that("create without sense shows 400", client.kc("create", "-d", '{"name": "bad", "config": {}}').startswith("400"), "")


def lists(client, checks, wanted):
    """The lists of connectors, expanded and filtered."""
    checks.same("list", sorted(client.json("list")), sorted(wanted))
    checks.same("list --pattern", client.json("list", "--pattern", "li.*"), ["lines"])
    checks.soon("list --state", lambda: sorted(client.json("list", "--state", "RUNNING")), sorted(wanted))
    info = client.json("list", "--expand", "info")
    checks.same("list --expand info", info["copy"]["info"]["config"], {**wanted["copy"], "name": "copy"})
    status = client.json("list", "--expand", "status")
    checks.same("list --expand status", status["lines"]["status"]["type"], "source")


def read(client, checks, wanted):
    """One connector, its configuration and its tasks."""
    config = {**wanted["lines"], "name": "lines"}
    checks.same("get", client.json("get", "lines"), {
        "name": "lines", "config": config, "tasks": [{"connector": "lines", "task": 0}], "type": "source"})
    checks.same("config", client.json("config", "lines"), config)
    tasks = client.json("list-tasks", "lines")
    checks.same("list-tasks", [task["id"] for task in tasks], [{"connector": "lines", "task": 0}])
    checks.same("list-tasks, class of the task", tasks[0]["config"].get("task.class"),
                "org.apache.kafka.connect.file.FileStreamSourceTask")
    checks.same("task-status", client.json("task-status", "lines", "0")["state"], "RUNNING")
    topics = {"lines": {"topics": ["lines"]}}
    checks.soon("list-topics", lambda: client.json("list-topics", "lines"), topics)
    checks.same("list-topics of an unknown connector", client.json("list-topics", "nobody"), {"nobody": {"topics": []}})
    for command in ("get", "config", "status", "list-tasks", "delete"):
        shown = client.kc(command, "nobody")
        checks.that(f"{command} of an unknown connector shows 404", shown.startswith("404 Client Error: Not Found"), shown)
    checks.same("get of an unknown connector, message", client.library("get_connector", "nobody"),
                {"status": 404, "message": "Connector nobody not found"})
    checks.same("restart of an unknown connector shows the worker's message", client.json("restart", "nobody"),
                {"error_code": 404, "message": "Unknown connector: nobody"})


def change(client, checks, wanted):
    """A new configuration; pause, stop and resume."""
    config = {**wanted["copy"], "errors.tolerance": "all"}
    updated = client.json("update", "copy", "-d", json.dumps(config))
    checks.same("update", updated["config"], {**config, "name": "copy"})
    checks.same("config after update", client.json("config", "copy"), {**config, "name": "copy"})
    client.become("update", "copy", "RUNNING", "RUNNING")
    checks.same("pause prints nothing", client.kc("pause", "copy"), "")
    client.become("pause", "copy", "PAUSED", "PAUSED")
    checks.same("list --state PAUSED", client.json("list", "--state", "paused"), ["copy"])
    client.kc("resume", "copy")
    client.become("resume", "copy", "RUNNING", "RUNNING")
    checks.same("stop", client.library("stop_connector", "copy"), {"ok": None})
    client.become("stop", "copy", "STOPPED")
    client.kc("resume", "--all", "--pattern", "copy")
    client.become("resume --all", "copy", "RUNNING", "RUNNING")


def restart(client, checks, home):
    """Restarts of a connector, of its tasks, and of those that failed: one fails until its folder is there."""
    client.become("create", "lost", "RUNNING", "FAILED")
    trace = client.json("task-status", "lost", "0")["trace"]
    checks.that("the trace names the file", str(home / "missing" / "out.txt") in trace, trace)
    (home / "missing").mkdir()
    answer = client.json("restart", "lost", "--include-tasks", "--only-failed")
    checks.same("restart --include-tasks --only-failed answers with the status", answer["name"], "lost")
    client.become("restart of what failed", "lost", "RUNNING", "RUNNING")
    client.kc("restart", "copy")
    client.become("restart", "copy", "RUNNING", "RUNNING")
    client.kc("restart", "lines", "--include-tasks")
    client.become("restart --include-tasks", "lines", "RUNNING", "RUNNING")
    checks.same("restart-task", client.json("restart-task", "copy", "0"), None)
    client.become("restart-task", "copy", "RUNNING", "RUNNING")
    unknown = client.library("restart_connector_task", "copy", 7)
    checks.same("restart-task of an unknown task", unknown, {"status": 404, "message": "Unknown task: copy-7"})
    everything = client.json("restart", "--all")
    checks.same("restart --all", sorted(everything), ["copy", "lines", "lost"])
    line = (home / "in.txt").read_text()
    for name, file in (("copy", "out.txt"), ("lost", "missing/out.txt")):
        checks.soon(f"what {name} wrote, once for all its restarts", lambda f=home / file: f.exists() and f.read_text(), line)


def plugins(client, checks, wanted):
    """The plugins, and the validation of a configuration."""
    found = {plugin["class"]: plugin for plugin in client.json("list-plugins")}
    checks.same("list-plugins", found.get(FILE_SOURCE), {"class": FILE_SOURCE, "type": "source", "version": "4.3.1"})
    good = client.library("validate_connector_config", "FileStreamSink", {**wanted["copy"], "name": "copy"})["ok"]
    checks.same("validate, errors", good["error_count"], 0)
    checks.same("validate, name", good["name"], FILE_SINK)
    bad = client.library("validate_connector_config", "FileStreamSink", {**wanted["copy"], "name": "x", "tasks.max": "many"})["ok"]
    errors = {c["value"]["name"]: c["value"]["errors"] for c in bad["configs"] if c["value"]["errors"]}
    checks.same("validate, the bad value", errors,
                {"tasks.max": ["Invalid value many for configuration tasks.max: Not a number of type INT",
                               "Invalid value null for configuration tasks.max: Value must be non-null"]})
    unknown = client.library("validate_connector_config", "Nothing", {"connector.class": "Nothing"})
    checks.that("validate of an unknown plugin", "Failed to find any class" in unknown.get("message", ""), unknown)


def run(installed, url, home, checks):
    """All commands of `kc`, in an order in which each has something to do."""
    client = Client(installed, url, checks)
    wanted = configs(home)
    (home / "in.txt").write_text("one line\n")
    checks.same("info", client.json("info")["version"], "4.3.1")
    checks.same("list of an empty worker", client.json("list"), [])
    plugins(client, checks, wanted)
    create(client, checks, wanted)
    lists(client, checks, wanted)
    read(client, checks, wanted)
    change(client, checks, wanted)
    restart(client, checks, home)
    client.kc("pause", "lines")
    client.become("pause", "lines", "PAUSED", "PAUSED")
    checks.same("reset-topics", client.json("reset-topics", "lines"), None)
    checks.same("list-topics after reset", client.json("list-topics", "lines"), {"lines": {"topics": []}})
    client.kc("delete", "lost")
    checks.same("list after delete", sorted(client.json("list")), ["copy", "lines"])
    client.kc("delete", "--all")
    checks.same("list after delete --all", client.json("list"), [])
