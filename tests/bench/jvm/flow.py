"""Records per second and CPU per record through Java connectors, the same on both sides."""

import os
import pathlib
import time

from sides import SIDES, LabError, plugin, plugins, running
from worker import FILE_SOURCE, JSON, STRING
import load

POLL_S = 0.01
LIMIT_S = 900
# How often a connector is asked whether it has failed.
LOOK_S = 2
# The uncounted transfer of each kind in front of the others is so many times smaller.
WARM_PART = 5

STRINGS = {"value.converter": STRING}
PLAIN_JSON = {"value.converter": JSON, "value.converter.schemas.enable": "false"}
FULL_JSON = {"value.converter": JSON, "value.converter.schemas.enable": "true"}
# Name, what it says, kind of record, converters.
SOURCES = [
    ("file", "FileStreamSource, lines of 100 B, StringConverter → log", "file", STRINGS),
    ("flat-string", "generator, texts of 100 B, StringConverter → log", "flat", STRINGS),
    ("flat-json", "generator, texts of 100 B, JsonConverter without schemas → log", "flat", PLAIN_JSON),
    ("struct-json", "generator, structs of 10 fields, JsonConverter without schemas → log", "struct", PLAIN_JSON),
    ("struct-schemas", "generator, structs of 10 fields, JsonConverter with schemas → log", "struct", FULL_JSON),
]
# Name, what it says, the source whose topic is read, converters.
SINKS = [
    ("sink-flat", "log → counting sink, texts of 100 B, StringConverter", "flat-string", STRINGS),
    ("sink-struct", "log → counting sink, structs of 10 fields, JsonConverter with schemas", "struct-schemas", FULL_JSON),
]


def titles():
    """Name and text of each case, in order."""
    return [(case[0], case[1]) for case in SOURCES + SINKS]


def until(side, name, done):
    """Waits until it is so, as long as the connector does not fail."""
    looked = began = time.monotonic()
    while not done():
        now = time.monotonic()
        if now - looked > LOOK_S:
            looked, status = now, side.rest.status(name)
            if "FAILED" in str(status) or now - began > LIMIT_S:
                raise LabError(f"{name} after {now - began:.0f} s: {status}")
        time.sleep(POLL_S)


def source(side, name, kind, converters, records, work):
    """Source → topic; the clock runs from the POST until all is in the log."""
    config = {"tasks.max": "1", "topic": name, "key.converter": STRING, **converters}
    if kind == "file":
        path = pathlib.Path(work) / f"{records}.in"
        if not path.exists():
            load.make_input(path, records)
        config |= {"connector.class": FILE_SOURCE, "file": str(path)}
    else:
        config |= {"connector.class": "bench.Generator", "kind": kind, "batch": "1000", "total": str(records)}
    cpu, began = side.cpu_s(), time.monotonic()
    side.rest.create(f"source-{name}", config)
    until(side, f"source-{name}", lambda: side.written(name) >= records)
    written = side.written(name)
    seconds, cpu = time.monotonic() - began, side.cpu_s() - cpu
    side.rest.delete(f"source-{name}")
    if written != records:
        raise LabError(f"{name}: {written} records in the log, {records} were given")
    return figures(records, seconds, cpu)


def sink(side, name, topic, converters, records, work):
    """Topic → counter; the seconds are the sink's own, from the begin of its first put to the end of its last."""
    path = pathlib.Path(work) / f"{side.name}-{name}.count"
    path.unlink(missing_ok=True)
    config = {"connector.class": "bench.Counter", "tasks.max": "1", "topics": topic, "file": str(path), "total": str(records), "key.converter": STRING,
              **converters}
    cpu = side.cpu_s()
    side.rest.create(f"sink-{name}", config)
    until(side, f"sink-{name}", lambda: path.exists() and int(path.read_text("ascii").split()[0]) >= records)
    cpu = side.cpu_s() - cpu
    count, nanos = map(int, path.read_text("ascii").split())
    side.rest.delete(f"sink-{name}")
    if count != records:
        raise LabError(f"{name}: {count} records came, {records} are in the log")
    return figures(records, nanos / 1e9, cpu)


def figures(records, seconds, cpu):
    """One transfer."""
    return {"records": records, "per_s": records / max(seconds, 1e-9), "cpu_us": cpu / records * 1e6, "load": os.getloadavg()[0]}


def one(side, work, records, structs, label, cases):
    """All cases once."""
    found = {}
    for name, _, kind, converters in SOURCES:
        if cases and name not in cases and not [s for s in SINKS if s[2] == name and s[0] in cases]:
            continue
        count = structs if kind == "struct" else records
        found[name] = source(side, f"{label}-{name}", kind, converters, count, work)
    for name, _, topic, converters in SINKS:
        if cases and name not in cases:
            continue
        count = structs if topic.startswith("struct") else records
        found[name] = sink(side, f"{label}-{name}", f"{label}-{topic}", converters, count, work)
    return found


def measure(work, options, say):
    """Rounds of both sides in turn, each worker afresh."""
    places = [plugins.fetch("file"), plugin()]
    found = {name: [] for name in SIDES}
    cases = [c for c in options.cases.split(",") if c]
    for number in range(options.rounds):
        for name in options.sides:
            with running(name, work / f"{name}-{number}", places) as side:
                warm = [max(count // WARM_PART, 1000) for count in (options.records, options.structs)]
                one(side, work, *warm, "warm", cases)
                result = one(side, work, options.records, options.structs, "run", cases)
                result["peak_mib"] = side.peak_mib()
            found[name].append(result)
            for case, _ in titles():
                if case in result:
                    r = result[case]
                    say(f"{name:6} {case:15} {r['per_s']:>11,.0f}/s {r['cpu_us']:6.2f} µs CPU  load {r['load']:.1f}")
    return found
