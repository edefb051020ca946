#!/usr/bin/env python3
"""Loads connectors and holds all that a worker says of them against what Kafka Connect said: type and version, definitions of
keys, validation, and how they fail when their server is not there.

    load.py --runtime kafka --record [--all] [NAME …]    writes expected/
    load.py [--all] [NAME …]                             compares Gantry with it; --all writes docs/connectors.md, too
"""

import argparse
import hashlib
import json
import re
import sys
import time

import plugins
import runtime
from cases import CASES
from runtime import LabError, quote
from servers import HERE

EXPECTED = HERE / "expected"
PAGE = HERE.parents[1] / "docs" / "connectors.md"
FAIL_S = 25         # how long a connector may take to fail; what runs on then, runs
CALM_S = 8          # one that Kafka saw running is not waited for as long
SHOWN = 12
# Says nothing for minutes when there are no brokers, and keeps Kafka Connect from all else meanwhile.
VALIDATE_ONLY = {"org.apache.kafka.connect.mirror.MirrorCheckpointConnector"}
INVALID = ("Connector configuration is invalid and contains the following {} error(s):\n{}\nYou can also find the above list of errors at the "
           "endpoint `/connector-plugins/{{connectorType}}/config/validate`")
# What smoke.py, debezium.py and iceberg.py move records with.
DATA = {"IcebergSinkConnector", "FileStreamSourceConnector", "FileStreamSinkConnector", "PostgresConnector", "MariaDbConnector", "JdbcSinkConnector", "MirrorHeartbeatConnector"}

# The groups of keys that every connector has.
WORKERS = {"Common", "Transforms", "Predicates", "Error Handling", "Topic Creation", "Exactly Once Support", "offsets.topic"}

VOLATILE = [
    (re.compile(r"@[0-9a-f]{5,}\b"), "@…"),
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"), "<uuid>"),
    (re.compile(r"\b[0-9a-f]{24}\b"), "<id>"),
    (re.compile(r"\d+(\.\d+)? ?(ms|milliseconds|s|seconds)\b"), "<time>"),
    (re.compile(r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d\S*"), "<date>"),
    (re.compile(r"(roundTripTimeNanos|lastUpdateTimeNanos|deadlineMs|callName)=\d+"), r"\1=…"),
    (re.compile(r"\b\d{13,}\b"), "<number>"),
]


def normal(text, work):
    """A message without what differs from run to run."""
    text = str(text).replace(str(work), "{tmp}")
    for pattern, instead in VOLATILE:
        text = pattern.sub(instead, text)
    return text


def definition(key):
    """A key in one line: what a reader needs, and a digest of the rest. What Gantry says of the worker's own keys is in its words."""
    shown = {"name", "type", "required", "default_value", "importance", "group"} | ({"documentation"} if key["group"] in WORKERS else set())
    rest = {k: v for k, v in key.items() if k not in shown}
    digest = hashlib.sha1(json.dumps(rest, sort_keys=True).encode()).hexdigest()[:8]
    default = "required" if key["required"] else f"= {key['default_value']}"
    return f"{key['type']} {key['importance']} {key['group']} {default} #{digest}"


def depends(key):
    """Whether the values recommended for a key are the plugins of the run."""
    return key.endswith(("converter", ".plugin.version"))


def refusal(status, body, work):
    """An answer that is an error; the HTTP server's own pages have no message."""
    return {"status": status, "message": normal(body["message"], work) if isinstance(body, dict) else "no JSON"}


def verdict(answer, work):
    """What a validation said."""
    status, body = answer
    if status != 200:
        return refusal(status, body, work)
    # A connector's own validation may leave out keys that it defines.
    values = [config["value"] for config in body["configs"] if config["value"]]
    return {
        "error_count": body["error_count"], "groups": body["groups"], "keys": len(body["configs"]),
        "errors": {v["name"]: [normal(e, work) for e in v["errors"]] for v in values if v["errors"]},
        "recommended": {v["name"]: sorted(map(str, v["recommended_values"])) for v in values if v["recommended_values"] and not depends(v["name"])},
        "without value": sorted(c["definition"]["name"] for c in body["configs"] if not c["value"]),
        "invisible": sorted(v["name"] for v in values if not v["visible"]),
    }


def chain(trace, work):
    """The exceptions of a stack trace, outermost first; a message may go over several lines."""
    lines = [line for line in trace.splitlines() if not re.match(r"\s+(at |\.\.\. \d+ )", line)]
    return [normal(line, work) for line in lines if line.strip() and "Suppressed:" not in line]


def outcome(worker, instance, work, calm):
    """Waits until the connector or a task of it has failed, or seems to run; what it came to."""
    end, status = time.monotonic() + (CALM_S if calm else FAIL_S), None
    while time.monotonic() < end:
        status = worker.client.status(instance)
        if status and "FAILED" in runtime.states(status):
            # The connector's own end comes with its tasks'.
            time.sleep(1)
            status = worker.client.status(instance)
            break
        time.sleep(0.1)
    if not status:
        return {"status": "none"}
    failed = [part for part in (status["connector"], *status["tasks"]) if part["state"] == "FAILED"]
    return {"connector": status["connector"]["state"], "tasks": [task["state"] for task in status["tasks"]],
            "trace": [chain(part.get("trace", ""), work) for part in failed]}


def look(worker, name, config, listed, work, calm):
    """All that a worker says of one class."""
    config = {"connector.class": name, **{k: v.replace("{tmp}", str(work)) for k, v in config.items()}}
    path, instance = f"/connector-plugins/{quote(name)}", name.rsplit(".", 1)[1]
    status, keys = worker.rest("GET", f"{path}/config")
    if status != 200:
        raise LabError(f"{name}: GET config: {status} {keys}")
    seen = {
        "listed": listed.get(name),
        "keys": {key["name"]: normal(definition(key), work) for key in keys},
        "validate empty": verdict(worker.rest("PUT", f"{path}/config/validate", {"connector.class": name}), work),
        "validate": verdict(worker.rest("PUT", f"{path}/config/validate", {"name": instance, **config}), work),
    }
    if name in VALIDATE_ONLY:
        seen["run"] = {}
        return seen
    status, body = worker.rest("POST", "/connectors", {"name": instance, "config": config})
    if status == 201:
        seen["run"] = outcome(worker, instance, work, calm)
        worker.delete(instance)
    else:
        seen["run"] = refusal(status, body, work)
        if worker.client.status(instance):
            seen["run"]["left"] = outcome(worker, instance, work, calm)
        worker.rest("DELETE", f"/connectors/{instance}")
    return seen


def wanted_run(want):
    """What a run should come to: what Kafka Connect did, without its own defects."""
    run = want.get("run", {})
    if run.get("message", "").startswith('Cannot invoke "org.apache.kafka.connect.runtime.'):
        # It trips over keys that the connector's validation leaves out, before it can say what is wrong.
        errors = [error for found in want["validate"]["errors"].values() for error in found]
        return {"status": 400, "message": INVALID.format(len(errors), "\n".join(errors))}
    return run


def differences(want, got, path=""):
    """Where two JSON values differ, a line each."""
    if isinstance(want, dict) and isinstance(got, dict):
        found = []
        for key in [*want, *(k for k in got if k not in want)]:
            if key not in got:
                found.append(f"{path}/{key} is missing")
            elif key not in want:
                found.append(f"{path}/{key} is too much: {str(got[key])[:200]}")
            else:
                found += differences(want[key], got[key], f"{path}/{key}")
        return found
    return [] if want == got else [f"{path}: {str(got)[:400]} where Kafka Connect has {str(want)[:400]}"]


def compare(want, seen):
    """Where a class differs from what was recorded of Kafka Connect."""
    if "error" in seen:
        return [seen["error"]]
    if not want:
        return ["nothing is recorded of Kafka Connect"]
    run = wanted_run(want)
    if run.get("message") == "no JSON":
        # A page of its HTTP server: for an error that nobody caught.
        run = {**run, "message": seen["run"].get("message")}
    return differences({**want, "run": run}, seen)


def result(seen):
    """One class in a few words."""
    run = seen["run"]
    if not run:
        return "not run"
    if "left" in run:
        return "fails as its server is absent"
    if "message" in run:
        return "refused by its validation" if run["status"] == 400 else "cannot be made: its archive has no driver"
    states = [run.get("connector", "none"), *run.get("tasks", [])]
    return "fails as its server is absent" if "FAILED" in states else "runs, and tries to reach its server"


def page(results):
    """docs/connectors.md."""
    lines = [
        "# Java connectors that were run", "",
        "Each connector stood in `plugin.path`. The same requests went to Kafka Connect " + plugins.KAFKA + " and to Gantry: type and version, the",
        "definitions of all keys, validation of an empty and of a plausible configuration, and the connector itself with",
        "a server that is not there. *Same* means that both gave the same keys, errors, states, exceptions and messages.",
        "`tests/connectors/run.sh --all` writes this page; `smoke.py` and `debezium.py` there move data.", "",
        "| connector | version | keys | without its server | compared with Kafka Connect | with data |", "| --- | --- | --- | --- | --- | --- |",
    ]
    for name, (plugin, seen, found) in results.items():
        one = plugins.PLUGINS[plugin]
        same = "same" if not found else "differs: " + found[0].replace("|", "/")[:120]
        short = name.rsplit(".", 1)[1]
        lines.append(f"| `{short}`<br>{one.coordinates} | {one.version} | {len(seen['keys'])} | {result(seen)} | {same} | {'yes' if short in DATA else '–'} |")
    return "\n".join(lines) + "\n"


def file_of(name):
    """Where the expectation of a class stands."""
    return EXPECTED / f"{name}.json"


def run(args, work, wanted):
    """Looks at all classes of these plugins: class → plugin, what was seen, what differs."""
    props = {"gantry.prefer.native": "false"} if args.runtime == "gantry" else {"plugin.discovery": "hybrid_warn"}
    results = {}
    with runtime.start(args, work / args.runtime, [plugins.fetch(name) for name in wanted], props) as worker:
        listed = {p["class"]: {"type": p["type"], "version": p["version"]} for p in worker.rest("GET", "/connector-plugins")[1]}
        for plugin, name, config in ((plugin, *case) for plugin in wanted for case in CASES[plugin].items()):
            want = json.loads(file_of(name).read_text("utf-8")) if file_of(name).exists() and not args.record else {}
            try:
                seen = look(worker, name, config, listed, work, want.get("run", {}).get("trace") == [])
            except LabError as error:
                seen = {"listed": listed.get(name), "keys": {}, "run": {}, "error": str(error)}
            if args.record:
                EXPECTED.mkdir(exist_ok=True)
                file_of(name).write_text(json.dumps(seen, indent=1, ensure_ascii=False, sort_keys=True) + "\n", "utf-8")
            found = [] if args.record else (compare if args.runtime == "gantry" else differences)(want, seen)
            results[name] = (plugin, seen, found)
            print(f"{'FAIL' if found else 'ok  '} {name}: {len(seen['keys'])} keys, {result(seen)}", flush=True)
            for text in found[:SHOWN]:
                print(f"     {text}", flush=True)
            if found[SHOWN:]:
                print(f"     … {len(found) - SHOWN} more", flush=True)
            if not worker.process.alive():
                raise LabError(f"the worker ended at {name}:\n{worker.process.tail(30)}")
    return results


def main():
    """The command line."""
    parser = runtime.add_arguments(argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter), "load")
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--record", action="store_true")
    parser.add_argument("names", nargs="*", metavar="NAME", choices=[*CASES, []])
    args = parser.parse_args()
    began = time.monotonic()
    wanted = args.names or [name for name in plugins.names(args.all) if name in CASES]
    with runtime.workplace(args) as work:
        results = run(args, work, wanted)
        failed = sum(bool(found) for _, _, found in results.values())
        args.failed = bool(failed)
    if args.all and not args.names and args.runtime == "gantry":
        PAGE.write_text(page(results), "utf-8")
        print(f"wrote {PAGE}")
    print(f"load on {args.runtime}, {time.monotonic() - began:.0f} s: {len(results) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except LabError as error:
        sys.exit(f"load: {error}")
