#!/usr/bin/env python3
"""Replays whole pipelines recorded from Kafka Connect: files and records in, then what is in the topics, the sink
files and the task states is compared. Starts gantry itself, or uses --url."""

import json
import re
import shlex
import subprocess
import sys
import time

from common import HERE, LabError, Later, Score, arguments, fill, scratch, token, worker
from worker import gantry_binary, quote

STEP_S = 0.1
# A topic that must not exist has this long to appear.
ABSENT_S = 1.0
EXTRA_RECORDS = 1000
TOOL_MARGIN_S = 30
VOLATILE_HEADERS = {"__connect.errors.exception.stacktrace", "__connect.errors.timestamp"}


class Topics:
    """`gantry topic load` and `dump`, or another tool with the same verbs and options."""

    def __init__(self, command, url):
        self.command, self.url = shlex.split(command), url

    def run(self, verb, topic, options, stdin=None, limit_s=TOOL_MARGIN_S):
        """One call of the tool; its standard output."""
        argv = [*self.command, verb, topic, *options, "--url", self.url]
        done = subprocess.run(argv, input=stdin, capture_output=True, text=True, timeout=limit_s, check=False)
        if done.returncode != 0:
            raise LabError(f"{' '.join(argv)}: status {done.returncode}: {done.stderr.strip()[:500]}")
        return done.stdout

    def load(self, topic, records):
        """Writes records given as JSON objects with hex bytes."""
        self.run("load", topic, [], "".join(json.dumps(r) + "\n" for r in records))

    def dump(self, topic, most, timeout_s):
        """(number of partitions, records), or None when there is no such topic."""
        options = ["--max", str(most), "--timeout-ms", str(int(timeout_s * 1000))]
        lines = [json.loads(t) for t in self.run("dump", topic, options, limit_s=timeout_s + TOOL_MARGIN_S).splitlines()
                 if t.startswith("{")]
        if not lines or lines[0].get("missing"):
            return None
        return lines[0]["partitions"], lines[1:]


class Scenario:
    """One recorded pipeline."""

    def __init__(self, spec, rest, topics, wait_s, settle_s):
        self.spec, self.rest, self.topics = spec, rest, topics
        self.wait_s, self.settle_s = wait_s, settle_s
        self.names = {"run": token()}

    def readable(self, data):
        """Bytes (as hex) as text with the placeholders put back; bytes that are no UTF-8 stay hex."""
        if data is None:
            return None
        try:
            text = bytes.fromhex(data).decode("utf-8")
        except UnicodeDecodeError:
            return {"hex": data}
        for name, value in self.names.items():
            text = text.replace(value, "${" + name + "}")
        return text

    def topic(self, name, want):
        """What a topic holds."""
        found = self.topics.dump(name, want, self.wait_s if want else ABSENT_S)
        if found is not None:
            time.sleep(self.settle_s)
            found = self.topics.dump(name, want + EXTRA_RECORDS, self.settle_s)
        if found is None:
            return {"missing": True}
        partitions, records = found
        out = []
        for r in records:
            headers = [[k, "<nonempty>" if k in VOLATILE_HEADERS and v else self.readable(v)] for k, v in r["headers"]]
            # A record without a key may go to any partition.
            out.append({"partition": r["partition"] if partitions == 1 else "any", "key": self.readable(r["key"]),
                        "value": self.readable(r["value"]), "headers": headers})
        return {"partitions": partitions, "records": out}

    def file(self, name, want):
        """The text of a sink file once it has `want` lines."""
        path, data = self.home / name, b""
        end = time.monotonic() + self.wait_s
        while data.count(b"\n") < want and time.monotonic() < end:
            time.sleep(STEP_S)
            data = path.read_bytes() if path.exists() else b""
        time.sleep(self.settle_s)
        return self.readable((path.read_bytes() if path.exists() else b"").hex())

    def state(self, name, want):
        """The states of a connector once all its tasks are in `want`."""
        end = time.monotonic() + self.wait_s
        while True:
            status = self.rest.status(name)
            if status:
                tasks = [t["state"] for t in status["tasks"]]
                if (tasks and all(t == want for t in tasks)) or time.monotonic() > end:
                    return {"connector": status["connector"]["state"], "tasks": tasks}
            elif time.monotonic() > end:
                return {"missing": True}
            time.sleep(STEP_S)

    def absent(self, name, _want):
        """Whether a topic still does not exist."""
        time.sleep(ABSENT_S)
        return self.topics.dump(name, 0, self.settle_s) is None

    def run(self):
        """Runs it; returns {item: what was found}."""
        found = {}
        with scratch() as self.home:
            self.names["tmp"] = str(self.home)
            for name, text in self.spec.get("files", {}).items():
                (self.home / name).write_text(fill(text, self.names), encoding="utf-8", newline="")
            for topic, records in self.spec.get("load", {}).items():
                self.topics.load(fill(topic, self.names), records)
            connectors = fill(self.spec["connectors"], self.names)
            try:
                for number, connector in enumerate(connectors):
                    found[f"create:{number}"] = self.rest.call("POST", "/connectors", connector)[0]
                for item, want in self.spec["collect"].items():
                    kind, _, name = item.partition(":")
                    found[item] = getattr(self, kind)(fill(name, self.names), want)
            finally:
                for connector in connectors:
                    self.rest.call("DELETE", "/connectors/" + quote(connector["name"]))
        return found


def differences(expected, found):
    """What is not as recorded. The first line of a trace is the recorder's note, not a promise."""
    out = []
    for item, want in expected.items():
        if isinstance(want, dict):
            want = {k: v for k, v in want.items() if k != "trace_head_info"}
        if want != found.get(item):
            out.append(f"{item}: expected {json.dumps(want, ensure_ascii=False)[:900]}")
            out.append(f"{' ' * len(item)}     found {json.dumps(found.get(item), ensure_ascii=False)[:900]}")
    return out


def main():
    """Runs the scenarios; the exit status is 1 when one that must pass does not."""
    p = arguments(__doc__, "pipeline.json")
    p.add_argument("--topic-tool", help="a command with gantry's `topic` verbs (default: gantry topic)")
    p.add_argument("--settle", type=float, default=0.3,
                   help="after what was expected has come, what should not come gets this many seconds to show")
    args = p.parse_args()
    score = Score(Later(args.later or HERE / "pipeline-later.txt"))
    with worker(args.url, args.mode) as rest:
        topics = Topics(args.topic_tool or f"{shlex.quote(gantry_binary())} topic", rest.base)
        for spec in json.loads(args.data.read_text(encoding="utf-8"))["scenarios"]:
            if not re.search(args.only, spec["id"]):
                continue
            # What is known to be missing need not be waited for.
            wait_s = 2 if score.later.reason(spec["id"]) else args.wait
            try:
                found = Scenario(spec, rest, topics, wait_s, args.settle).run()
                score.add(spec["id"], differences(spec["expect"], found))
            except (LabError, OSError, subprocess.SubprocessError) as error:
                score.add(spec["id"], [str(error)])
    if args.write_later:
        score.write_later()
    return score.finish("pipelines")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except LabError as error:
        sys.exit(f"pipelines: {error}")
