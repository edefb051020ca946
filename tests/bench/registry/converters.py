#!/usr/bin/env python3
"""Gantry's converters with a schema registry beside Apache Avro for Java. See --help; `make bench-registry` runs it.

All sides are up at the same time, pinned to one core, and take short turns with the same records. What counts is the CPU time of a
process, all its threads included, so that other work on the machine matters less."""

import argparse
import datetime
import json
import os
import pathlib
import random
import re
import shutil
import statistics
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
sys.path[:0] = [str(HERE.parent), str(ROOT / "scripts" / "lib"), str(ROOT / "tests" / "connectors")]
import report  # noqa: E402
from plugins import maven  # noqa: E402
from servers import once  # noqa: E402
from worker import CPU_CLOCK_SCHED, LabError, target_dir  # noqa: E402

SOURCES = HERE / "converters"
# As a JVM with one core takes it by itself, with room for all that a turn makes.
JVM = ("-XX:+UseSerialGC", "-Xms512m", "-Xmx512m", "-Xmn384m")
CONFLUENT = "io.confluent.connect.avro.AvroConverter"
WAYS = ("encode", "decode")
# Who must write the same bytes and read each other's.
AVRO = ("java-reused", "java-fresh", "confluent", "gantry-avro")
TITLES = {
    "java-reused": "Java: GenericDatumWriter and -Reader; encoder, decoder, buffer and record reused, no id",
    "java-fresh": "Java: the same as Confluent's serializer uses them; all fresh for each record",
    "confluent": "Confluent's AvroConverter",
    "gantry-avro": "Gantry's AvroConverter",
    "gantry-protobuf": "Gantry's ProtobufConverter",
    "gantry-json": "Gantry's JsonSchemaConverter",
}
LEAST, TIMES = 1_500_000, 2
FIELDS = [{"name": "id", "type": "int"}, {"name": "at", "type": "long"}, {"name": "amount", "type": "double"}, {"name": "active", "type": "boolean"},
          {"name": "customer", "type": "string"}, {"name": "city", "type": "string"}, {"name": "status", "type": "string"},
          {"name": "note", "type": "string", "optional": True}]
RECORDS = 1000


def say(text):
    """Progress, with the time."""
    print(f"{datetime.datetime.now():%H:%M:%S} {text}", flush=True)


def data():
    """The records, always the same."""
    rng = random.Random(7)
    cities = ("Berlin", "Zürich", "Lyon", "Porto", "Kraków", "Oslo", "Malmö", "Graz")
    states = ("open", "paid", "sent", "returned")
    notes = (None, None, "gift", "call before")
    return {"fields": FIELDS, "records": [
        [rng.randrange(1_000_000), 1_700_000_000_000 + rng.randrange(10**10), rng.randrange(10**7) / 100, rng.random() < 0.5,
         f"customer-{rng.randrange(10_000)}", rng.choice(cities), rng.choice(states), rng.choice(notes)] for _ in range(RECORDS)]}


def java():
    """The newest Java of JAVA_HOME and /usr/lib/jvm, and its version."""
    homes = [os.environ["JAVA_HOME"]] if os.environ.get("JAVA_HOME") else pathlib.Path("/usr/lib/jvm").glob("*/")
    found = []
    for program in (pathlib.Path(home) / "bin" / "java" for home in homes):
        if program.exists():
            said = subprocess.run([program, "-version"], capture_output=True, text=True, check=False).stderr
            if version := re.search(r'version "(\d+)', said):
                found.append((int(version.group(1)), str(program), said.splitlines()[1]))
    if not found:
        raise LabError("there is no Java in JAVA_HOME and /usr/lib/jvm: install one, or set JAVA_HOME to where it is")
    return max(found)[1:]


def jars():
    """What the Java side needs from Maven Central, and its own class; built once and when its source changes."""
    place = target_dir() / "bench-converters"
    sources = [SOURCES / "pom.xml", SOURCES / "ConverterBench.java"]
    if (place / ".complete").exists() and max(s.stat().st_mtime for s in sources) > (place / ".complete").stat().st_mtime:
        (place / ".complete").unlink()
    with once(place) as missing:
        if missing:
            say("fetching Apache Avro …")
            shutil.rmtree(place / "libs", ignore_errors=True)
            maven("-f", sources[0], "dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={place / 'libs'}")
            subprocess.run([pathlib.Path(java()[0]).with_name("javac"), "-cp", f"{place / 'libs'}/*", "-d", place / "classes", sources[1]], check=True)
    return place


class Side:
    """A process that answers a line with a line."""

    def __init__(self, command, core, log):
        self.log = log
        with open(log, "wb") as errors:
            self.child = subprocess.Popen(["taskset", "-c", str(core), *map(str, command)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors,
                                          text=True)
        self.first = self.answer()

    def answer(self):
        """The next line that it says."""
        line = self.child.stdout.readline()
        if not line:
            self.stop()
            raise LabError(f"{' '.join(map(str, self.child.args))} ended:\n{self.log.read_text('utf-8', 'replace')[-2000:]}")
        return json.loads(line)

    def ask(self, *words):
        """Its answer."""
        self.child.stdin.write(" ".join(map(str, words)) + "\n")
        self.child.stdin.flush()
        return self.answer()

    def run(self, way, seconds):
        """Records per second of CPU time and of the clock."""
        before = self.cpu_s()
        done = self.ask("run", way, seconds)
        return {"per_cpu_s": done["records"] / (self.cpu_s() - before), "per_s": done["records"] / done["seconds"], "load": os.getloadavg()[0]}

    def cpu_s(self):
        """CPU time of all its threads."""
        return time.clock_gettime((~self.child.pid << 3) | CPU_CLOCK_SCHED)

    def stop(self):
        """Ends it: nothing of it is needed any more."""
        self.child.kill()
        self.child.wait()


def start(options, work):
    """All sides. Confluent's converter asks the registry that ours has."""
    (work / "data.json").write_text(json.dumps(data()), encoding="utf-8")
    bench = target_dir() / "release" / "converter-bench"
    if not bench.exists():
        raise LabError(f"{bench} does not exist: run `cargo build --release -p gantry-tests --bin converter-bench` first")
    found, base = {}, jars()
    path = f"{base / 'classes'}:{base / 'libs'}/*" + (f":{options.confluent}" if options.confluent else "")

    def add(name, *command):
        found[name] = Side(command, options.core, work / f"{name}.log")

    try:
        for name in ("avro", "protobuf", "json"):
            add(f"gantry-{name}", bench, work / "data.json", name.upper())
        jvm = [java()[0], *JVM, "-cp", path, "ConverterBench", work / "data.json"]
        add("java-reused", *jvm, "reused")
        add("java-fresh", *jvm, "fresh")
        if options.confluent:
            add("confluent", *jvm, CONFLUENT, found["gantry-avro"].first["registry"])
    except BaseException:
        stop(found)
        raise
    return {name: found[name] for name in TITLES if name in found}


def stop(found):
    """Ends all sides."""
    for side in found.values():
        side.stop()


def verify(found, work):
    """Whether all write the same Avro, and read what the others wrote. Returns the bytes of a record in each format."""
    sizes = {}
    for name, side in found.items():
        sizes[name] = side.ask("write", work / name)["bytes"] / RECORDS
        side.ask("check", work / name)
    avro = [name for name in AVRO if name in found]
    for name in avro:
        if (work / name).read_bytes() != (work / avro[0]).read_bytes():
            raise LabError(f"{name} writes other bytes than {avro[0]}: compare {work / name} and {work / avro[0]}")
        for other in avro:
            found[name].ask("check", work / other)
    return sizes


def measure(found, options):
    """All rounds; who begins changes."""
    for name, side in found.items():
        for way in WAYS:
            warm = side.run(way, options.warm)
            say(f"warm  {name:16} {way} {warm['per_cpu_s']:12,.0f}/s")
    result = {name: {way: [] for way in WAYS} for name in found}
    for number in range(options.rounds):
        order = list(found)[:: 1 if number % 2 == 0 else -1]
        for way in WAYS:
            for name in order:
                result[name][way].append(found[name].run(way, options.seconds))
        say(f"{number + 1:4}  " + "  ".join(f"{name} {' / '.join(format(result[name][way][-1]['per_cpu_s'] / 1e6, '.2f') for way in WAYS)}"
                                            for name in found) + f"  million/s, load {os.getloadavg()[0]:.1f}")
    return result


def table(result, sizes):
    """A line for each side."""
    def column(name, way, key):
        return [one[key] for one in result[name][way]]

    out = ["| min / median / max | encode, records per CPU second | decode, records per CPU second | encode, records/s by the clock, median | decode | bytes |",
           "|---|---|---|---|---|---|"]
    for name in result:
        clock = [f"{statistics.median(column(name, way, 'per_s')):,.0f}" for way in WAYS]
        out.append(f"| {TITLES[name]} | {' | '.join(report.three(column(name, way, 'per_cpu_s')) for way in WAYS)} | {' | '.join(clock)} | {sizes[name]:.1f} |")
    return out


def aims(result):
    """What Gantry's Avro converter is held to."""
    out = ["| Gantry's AvroConverter, medians | encode | decode | aim |", "|---|---|---|---|"]

    def median(name, way):
        return statistics.median(one["per_cpu_s"] for one in result[name][way])

    def line(title, values, digits, unit, aim):
        cells = [f"{value:,.{digits}f}{unit}" + ("" if value >= aim else " (missed)") for value in values]
        out.append(f"| {title} | {' | '.join(cells)} | ≥ {aim:,}{unit} |")

    own = [median("gantry-avro", way) for way in WAYS]
    line("records per CPU second", own, 0, "", LEAST)
    for name in ("java-reused", "java-fresh", "confluent"):
        if name in result:
            line(f"beside {TITLES[name]}", [value / median(name, way) for value, way in zip(own, WAYS)], 2, " ×", TIMES)
    return out


def markdown(found):
    """The whole page."""
    options, result = found["options"], found["result"]
    loads = [one["load"] for side in result.values() for way in side.values() for one in way]
    confluent = ("Confluent's AvroConverter is that of `CONFLUENT`, whose jars are in none of the registries that these scripts use; it goes from a Connect "
                 "Struct to bytes and back, as Gantry's does, and has its schema from the same registry." if options["confluent"] else
                 "Confluent's own AvroConverter is not here: its jars are in none of the registries that these scripts use. `CONFLUENT=` a class path with it "
                 "adds it.")
    return "\n".join([
        "# Converters: benchmark results", "", f"Written by `{found['command']}` on {found['date']}.", "",
        f"Machine: {report.machine()}. Load average {min(loads):.1f} – {max(loads):.1f} during the measurements, which are a load of 1 themselves.", "",
        f"Java: {java()[1]}, {' '.join(JVM)}; Apache Avro 1.12.1.", "",
        f"{RECORDS:,} records of 8 fields (int, long, double, boolean, three short strings, one optional string) in batches, again and again; {options['rounds']} "
        f"rounds, each side in turn {options['seconds']:g} s for each way, after {options['warm']:g} s uncounted. Each side is a process of its own, all pinned to "
        f"core {options['core']}, one at a time at work, single-threaded but for the JVM's own threads. CPU time is that of the whole process: collector and compiler "
        "count, other work on the machine does not. Gantry's converters are called as a worker calls them: from a Connect Struct to bytes with the id in front, and "
        "from those to a Connect Struct; the plain Java sides start and end with GenericRecords, which have no schema of Connect's. The schemas come from a "
        "registry over HTTP, once. At the end all Avro sides have written the same bytes, and each has read those of the others as the same records.", "",
        confluent, "", *table(result, found["sizes"]), "", *aims(result), "",
        "Why a plain GenericDatumReader is the quicker one: it leaves texts as bytes that nobody has looked at, and its garbage costs next to nothing while it is young. A "
        "Connect Struct holds texts that were checked, and what it takes is given back value by value. Who uses Kafka Connect needs the Struct, and gets it from "
        "Confluent's AvroConverter by a second pass over each record."]) + "\n"


def arguments():
    """The command line."""
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--rounds", type=int, default=11)
    p.add_argument("--seconds", type=float, default=1, help="of each side for each way in a round")
    p.add_argument("--warm", type=float, default=8, help="seconds of uncounted work of each side for each way")
    p.add_argument("--core", type=int, default=max(os.sched_getaffinity(0)), help="where all of it runs")
    p.add_argument("--confluent", default="", help="a Java class path with Confluent's AvroConverter, to measure it too")
    p.add_argument("--work", type=pathlib.Path, default=target_dir() / "bench-converters" / "run")
    p.add_argument("--out", type=pathlib.Path, help="the page to write; default tests/bench/registry/CONVERTERS.md for at least 5 rounds, <work>/CONVERTERS.md for less")
    return p.parse_args()


def main():
    """Runs it and writes the page."""
    options = arguments()
    options.work.mkdir(parents=True, exist_ok=True)
    out = options.out or (HERE if options.rounds >= 5 else options.work) / "CONVERTERS.md"
    found = start(options, options.work)
    try:
        result = measure(found, options)
        sizes = verify(found, options.work)
    finally:
        stop(found)
    given = [f"{key}={os.environ[key]}" for key in ("ROUNDS", "SECONDS_EACH", "WARM") if os.environ.get(key)] + ["CONFLUENT=…"] * bool(options.confluent)
    page = {"command": " ".join([*given, "make bench-registry"]), "date": f"{datetime.date.today()}", "result": result, "sizes": sizes,
            "options": {k: v for k, v in vars(options).items() if isinstance(v, (int, float, str))}}
    (options.work / "results.json").write_text(json.dumps(page, indent=1))
    text = markdown(page)
    out.write_text(text, encoding="utf-8")
    print(text)
    print(f"written to {out}")


if __name__ == "__main__":
    try:
        main()
    except LabError as error:
        sys.exit(f"bench-converters: {error}")
