#!/usr/bin/env python3
"""Replays REST transcripts recorded from Kafka Connect and compares status, headers and JSON of every answer. Starts
gantry itself, or uses --url. The matching rules are those of the recording; each is stated where it is applied."""

import http.client
import json
import re
import sys
import time
import urllib.parse

from common import HERE, LabError, Later, Score, arguments, fill, scratch, token, worker
from worker import CONFLICT_LIMIT_S, quote

POLL_S = 0.1
CLEAN_LIMIT_S = 20
WAITING_CASE_S = 1.0     # a step that is known to fail is not waited for longer
MAX_DIFFERENCES = 8

# Text that Kafka's JSON library or the JVM made: no client can depend on it.
JVM_TEXT = re.compile(
    r'Cannot invoke "|Cannot deserialize|Cannot construct instance|REDACTED|Unrecognized field|No content to map'
    r"|java\.|through reference chain|class [a-z]+\.[a-z]")
# For a malformed request real Connect often answers 500 with such text; an honest client error is as good.
CLIENT_ERRORS = (400, 404, 409, 422)
CONFLICT = re.compile(rb"rebalance|stale configuration|momentarily", re.I)
# Lists whose order says nothing, by the name of the field that holds them.
UNORDERED = {"recommended_values", "configs", "topics", "offsets"}
# A longer list of recommended values is a list of plugins: other plugins may be there too.
PLUGIN_LIST = 6


def normalise(value):
    """Replaces what differs from run to run or from worker to worker by a mark, where there is something."""
    if isinstance(value, list):
        return [normalise(v) for v in value]
    if isinstance(value, str):
        value = re.sub(r"Invalid regex: (null|Cannot invoke.*)$", "Invalid regex: <jvm>", value)
        return re.sub(r"(?s), available (\w+) are: .*", r", available \1 are: <list>", value)
    if not isinstance(value, dict):
        return value
    out = {}
    # Plugins have versions of their own.
    versioned = isinstance(value.get("name"), str) and value["name"].endswith("plugin.version")
    for key, item in value.items():
        text = isinstance(item, str) and item != ""
        if versioned and key in ("default_value", "value", "recommended_values"):
            if text:
                out[key] = "<version>"
                continue
            if isinstance(item, list):
                out[key] = ["<version>"] * len(item)
                continue
        if key == "worker_id" and text:
            out[key] = "<worker>"
        elif key == "trace" and text:
            out[key] = "<trace>"
        elif key in ("version", "commit", "kafka_cluster_id") and text:
            out[key] = f"<{key}>"
        elif key == "last_modified" and isinstance(item, int):
            out[key] = "<millis>"
        elif key == "documentation" and isinstance(item, str):
            out[key] = "<doc>" if text else ""
        else:
            out[key] = normalise(item)
    return out


def brief(value):
    """A value for a message."""
    return json.dumps(value, ensure_ascii=False)[:240]


def identity(item):
    """What tells one element of an unordered list from the others."""
    if isinstance(item, dict):
        definition = item.get("definition")
        name = item.get("name") or (definition.get("name") if isinstance(definition, dict) else None)
        if name:
            return name
    return json.dumps(item, sort_keys=True)


class Matcher:
    """Compares a recorded body with an answer in one of the modes exact, subset, set, configs, loose_message."""

    def __init__(self, mode):
        self.mode, self.out = mode, []

    def note(self, path, text):
        """Keeps a difference."""
        self.out.append(f"{path} {text}")

    def compare(self, want, got, path="$"):
        """Notes what differs below `path`."""
        if len(self.out) >= MAX_DIFFERENCES:
            return
        if isinstance(want, dict) and isinstance(got, dict):
            self.objects(want, got, path)
        elif isinstance(want, list) and isinstance(got, list):
            self.lists(want, got, path)
        elif type(want) is not type(got) or want != got:
            self.note(path, f"expected {brief(want)} found {brief(got)}")

    def objects(self, want, got, path):
        """Every recorded field must be there; others may only in mode subset."""
        for key, value in want.items():
            if key not in got:
                self.note(f"{path}.{key}", "is missing")
            elif key == "message" and self.free_message(want):
                if got[key] is not None and not isinstance(got[key], str):
                    self.note(f"{path}.message", "is no string")
            else:
                self.compare(value, got[key], f"{path}.{key}")
        if self.mode != "subset":
            for key in got:
                if key not in want:
                    self.note(f"{path}.{key}", f"is not expected: {brief(got[key])}")

    def free_message(self, error):
        """Whether any text will do."""
        if self.mode == "loose_message":
            return True
        return "error_code" in error and isinstance(error["message"], str) and bool(JVM_TEXT.search(error["message"]))

    def lists(self, want, got, path):
        """By position, or by identity where order says nothing."""
        field = path.rsplit(".", 1)[-1]
        if field == "recommended_values" and len(want) > PLUGIN_LIST:
            for item in want:
                if item not in got:
                    self.note(path, f"lacks {brief(item)}")
        elif field in UNORDERED or (path == "$" and self.mode in ("configs", "set")):
            self.unordered(want, got, path)
        elif self.mode == "subset":
            for item in want:
                if not any(matches(item, other, "subset") for other in got):
                    self.note(path, f"lacks {brief(item)}")
        elif len(want) != len(got):
            self.note(path, f"has {len(got)} elements, expected {len(want)}: {brief(got)}")
        else:
            for number, (one, other) in enumerate(zip(want, got)):
                self.compare(one, other, f"{path}[{number}]")

    def unordered(self, want, got, path):
        """Pairs elements by identity."""
        wanted = {identity(i): i for i in want}
        present = {identity(i): i for i in got}
        for key, item in wanted.items():
            if key in present:
                self.compare(item, present[key], f"{path}[{key}]")
            else:
                self.note(path, f"lacks {key[:200]}")
        if self.mode != "subset":
            for key in present:
                if key not in wanted:
                    self.note(path, f"has {key[:200]} too many")


def matches(want, got, mode):
    """Whether a body is as recorded."""
    matcher = Matcher(mode)
    matcher.compare(want, got)
    return not matcher.out


def judge(step, want, got):
    """The differences of one answer."""
    mode = step.get("match", "exact")
    if mode == "error":
        return [] if got["status"] >= 400 else [f"expected an error, found {got['status']}"]
    if want["status"] == 500 and got["status"] in CLIENT_ERRORS and isinstance(want["body"], dict):
        if JVM_TEXT.search(want["body"].get("message") or ""):
            return []
    out = []
    if want["status"] != got["status"]:
        out.append(f"status {got['status']}, expected {want['status']}: {brief(got['body'])}")
    if mode == "status_only":
        return out
    out += judge_headers(want, got)
    if want["kind"] == "text":          # an HTML page of Jetty: that there is one, is enough
        return out
    if want["kind"] != got["kind"]:
        return out + [f"body is {got['kind']}, expected {want['kind']}: {brief(got['body'])}"]
    expected, body = normalise(want["body"]), got["body"]
    if step["method"] in ("POST", "PUT", "PATCH") and isinstance(expected, dict) and isinstance(body, dict):
        if {"name", "config", "tasks", "type"} <= expected.keys() and isinstance(body.get("tasks"), list):
            # Whether tasks are listed at once depends on the worker's mode and on timing.
            expected, body = {**expected, "tasks": []}, {**body, "tasks": []}
    matcher = Matcher(mode)
    matcher.compare(expected, body)
    return out + matcher.out


def judge_headers(want, got):
    """Location exactly; the content type without its parameters, where there is a body."""
    out = []
    for name in ("location", "content-type"):
        one, other = want["headers"].get(name), got["headers"].get(name)
        if name == "content-type":
            if want["kind"] == "empty":
                continue
            one, other = (v.split(";")[0].strip().lower() if v else v for v in (one, other))
        if one != other:
            out.append(f"{name} is {other!r}, expected {one!r}")
    return out


def at(value, path):
    """The element at a path of keys and positions, or None."""
    for part in path:
        if isinstance(value, dict):
            value = value.get(part)
        elif isinstance(value, list) and isinstance(part, int) and -len(value) <= part < len(value):
            value = value[part]
        else:
            return None
    return value


def reached(body, conditions):
    """Whether all conditions of an `until` hold."""
    for path, operator, operand in conditions:
        value = at(body, path)
        if operator == "==":
            good = value == operand
        elif operator == "len":
            good = isinstance(value, (list, dict)) and len(value) == operand
        elif operator == "all_state":
            good = isinstance(value, list) and len(value) == operand[0] and all(t.get("state") == operand[1] for t in value)
        elif operator == "in":
            good = isinstance(value, list) and operand in value
        else:
            raise LabError(f"the recording has an unknown condition {operator}")
        if not good:
            return False
    return True


class Scenario:
    """One recorded conversation."""

    def __init__(self, spec, rest, score, wait_s):
        self.spec, self.rest, self.score, self.wait_s = spec, rest, score, wait_s
        self.names = {"run": token(), "base": rest.base}
        self.leftovers = set()

    def run(self):
        """Sends every step and adds each to the score."""
        with scratch() as home:
            self.names["tmp"] = str(home)
            for name, text in (self.spec.get("files") or {}).items():
                (home / name).write_text(fill(text, self.names), encoding="utf-8")
            self.leftovers = clean(self.rest)
            for number, step in enumerate(self.spec["steps"]):
                if "sleep" in step:
                    time.sleep(step["sleep"])
                elif "append" in step:
                    with open(home / step["append"][0], "a", encoding="utf-8") as f:
                        f.write(step["append"][1])
                else:
                    case = f"{self.spec['id']}/{number:02d}"
                    self.score.add(case, self.step(case, step))
            clean(self.rest)

    def step(self, case, step):
        """The differences of one step; with an `until`, those of the last try."""
        limit_s = WAITING_CASE_S if self.score.later.reason(case) else max(self.wait_s, step.get("timeout", 0))
        end = time.monotonic() + limit_s
        while True:
            got = self.send(step)
            out = judge(step, step["expect"], got)
            if "until" in step and not reached(fill(got["body"], self.names), fill(step["until"], self.names)):
                out = out or [f"{brief(step['until'])} was never true: {brief(got['body'])}"]
            if not out or "until" not in step or time.monotonic() > end:
                return [f"{step['method']} {step['path'][:100]}: {d}" for d in out]
            time.sleep(POLL_S)

    def send(self, step):
        """One request, again while the worker rebalances."""
        headers, body = fill(dict(step.get("headers") or {}), self.names), None
        if "raw_hex" in step:
            body = bytes.fromhex(step["raw_hex"])
        elif "raw" in step:
            body = fill(step["raw"], self.names).encode()
        elif "body" in step:
            body = json.dumps(fill(step["body"], self.names), ensure_ascii=False).encode()
        if body is not None and not any(k.lower() == "content-type" for k in headers):
            headers["Content-Type"] = "application/json"
        headers = {k: v for k, v in headers.items() if v is not None}
        path = fill(step["path"], self.names)
        end = time.monotonic() + CONFLICT_LIMIT_S
        while True:
            try:
                status, found, data = self.rest.send(step["method"], path, body, headers)
            except (OSError, http.client.HTTPException) as error:
                return {"status": -1, "headers": {}, "kind": "text", "body": f"{type(error).__name__}: {error}"}
            if status != 409 or not CONFLICT.search(data) or time.monotonic() > end:
                return self.answer(step["method"], status, found, data)
            time.sleep(POLL_S)

    def plain(self, text):
        """Puts the placeholders back."""
        for value in (self.names["tmp"], urllib.parse.quote(self.names["tmp"], safe="")):
            text = text.replace(value, "${tmp}")
        return text.replace(self.names["run"], "${run}").replace(self.names["base"], "${base}")

    def answer(self, method, status, headers, data):
        """An answer in the form of the recording."""
        out = {"status": status, "headers": {k: self.plain(v) for k, v in headers.items()}, "kind": "empty", "body": None}
        text = self.plain(data.decode("utf-8", "replace"))
        if not text:
            return out
        try:
            body = json.loads(text)
        except ValueError:
            return {**out, "kind": "text", "body": text[:2000]}
        if method == "GET":
            body = self.without_leftovers(body)
        if isinstance(body, dict) and isinstance(body.get("offsets"), list):
            # A null offset means the same as no entry.
            body["offsets"] = [o for o in body["offsets"] if not (isinstance(o, dict) and o.get("offset", 0) is None)]
        return {**out, "kind": "json", "body": normalise(body)}

    def without_leftovers(self, body):
        """Leaves out connectors of earlier scenarios that cannot be deleted."""
        if isinstance(body, list):
            return [b for b in body if not (isinstance(b, str) and b in self.leftovers)]
        if isinstance(body, dict):
            return {k: v for k, v in body.items() if k not in self.leftovers}
        return body


def clean(rest):
    """Deletes every connector; returns the names that will not go (real Connect cannot address all it creates)."""
    end = time.monotonic() + CLEAN_LIMIT_S
    stuck = set()
    while time.monotonic() < end:
        names = rest.call("GET", "/connectors")[1]
        names = [n for n in names if n not in stuck] if isinstance(names, list) else []
        if not names:
            break
        for name in names:
            if rest.call("DELETE", "/connectors/" + quote(name))[0] in (400, 404):
                stuck.add(name)
        time.sleep(0.02)
    return stuck


def main():
    """Runs the scenarios; the exit status is 1 when a step that must pass does not."""
    args = arguments(__doc__, "rest.json").parse_args()
    score = Score(Later(args.later or HERE / "rest-later.txt"))
    with worker(args.url, args.mode) as rest:
        for spec in json.loads(args.data.read_text(encoding="utf-8"))["scenarios"]:
            if re.search(args.only, spec["id"]):
                Scenario(spec, rest, score, args.wait).run()
    if args.write_later:
        score.write_later()
    return score.finish("rest")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except LabError as error:
        sys.exit(f"rest: {error}")
