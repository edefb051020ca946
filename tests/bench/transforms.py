"""Transformations and predicates one by one, and chains with JSON on both sides, in Java and in Gantry.

Each case runs in a process of its own, Java and Gantry in turn in each round, so that Java's compiler sees one
transformation at a time (which is the best case for it) and no case warms another. The records are the same bytes.

A transformation alone: Java works on records that it keeps and leaves as they are; Gantry changes fresh ones in place and
releases them, so its figure is the time of transformation and release less the time of the release alone. In chains, too, it
is fresh records, made before the clock starts, and the release of what they had before the chain is left out; Java makes a
record around each converted value (some 20 ns of several thousand).
"""

import json
import os
import pathlib
import subprocess

import kafka
from worker import LabError, target_dir

HERE = pathlib.Path(__file__).resolve().parent
CASES = HERE / "transforms.json"
JAVA_HEAP = ["-Xms256M", "-Xmx2G", "-XX:+UseG1GC"]


def java_command():
    """Compiles the Java side once; returns the command line without the case."""
    jars = os.pathsep.join(sorted(str(j) for j in (kafka.fetch() / "libs").glob("*.jar")))
    classes = target_dir() / "bench-kafka" / "classes"
    subprocess.run(["javac", "-cp", jars, "-d", classes, HERE / "kafka" / "TransformBench.java"], check=True)
    return ["java", *JAVA_HEAP, "-cp", f"{classes}{os.pathsep}{jars}", "TransformBench"]


def gantry_command():
    """The command line of Gantry's side without the case."""
    return [str(target_dir() / "release" / "transform-bench")]


def run(command, kind, name, schemas, seconds):
    """One case on one side: nanoseconds per record of each window, and the bytes of one written batch."""
    argv = [*command, str(CASES), kind, name, str(schemas).lower(), str(seconds)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise LabError(f"{kind} {name!r}: {done.stderr.strip()[-2000:]}")
    return json.loads(done.stdout)


def case(sides, kind, name, schemas, rounds, seconds):
    """All rounds of one case on the sides that are measured."""
    found = {"kind": kind, "name": name, "schemas": schemas}
    for _ in range(rounds):
        written = set()
        for side, command in sides.items():
            answer = run(command, kind, name, schemas, seconds)
            found.setdefault(side, []).extend(answer["ns"])
            written.add((answer["read"], answer["bytes"]))
        if len(written) > 1:
            raise LabError(f"{kind} {name!r}: the sides read and wrote different bytes: {written}")
    return found


def measure(only, rounds, seconds, say):
    """All cases. `only` leaves the other side out."""
    sides = {}
    if only != "gantry":
        sides["kafka"] = java_command()
    if only != "kafka":
        sides["gantry"] = gantry_command()
    listed = json.loads(CASES.read_text("utf-8"))
    results = []
    for kind in ("transformations", "chains"):
        for name in listed[kind]:
            for schemas in (True,) if name in listed["only_with_schemas"] else (False, True):
                results.append(case(sides, kind, name, schemas, rounds, seconds))
                say(f"{name}{', schemas' if schemas else ''}: " + ", ".join(
                    f"{side} {sorted(results[-1][side])[len(results[-1][side]) // 2]:,.0f} ns" for side in sides))
    return results
