"""Turns the measured numbers into tests/bench/jvm/RESULTS.md."""

import statistics
import subprocess

import cost
import flow
import report


def versions(sides):
    """What was measured, by name."""
    java = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False).stderr.splitlines()
    gantry = subprocess.run([sides.runtime.gantry_binary(), "--version"], capture_output=True, text=True, check=False).stdout.strip()
    return {"Gantry": gantry, "Kafka": f"Apache Kafka {sides.runtime.kafka.version()}", "Java": java[1] if len(java) > 1 else "unknown",
            "Debezium": sides.plugins.PLUGINS["debezium-postgres"].version}


def median(values):
    """None of nothing."""
    return statistics.median(values) if values else None


def loads(values):
    """The load averages of some measurements."""
    return f"{min(values):.1f} – {max(values):.1f}" if values else "–"


def pick(rounds, *keys):
    """A figure of each round that has it."""
    found = []
    for one in rounds:
        for key in keys:
            one = one.get(key) if isinstance(one, dict) else None
        if one is not None:
            found.append(one)
    return found


def against(kafka, gantry, higher, aim, digits=1):
    """How many times better Gantry's median is, and whether that is what we aim at."""
    if not kafka or not gantry:
        return "–"
    ratio = median(gantry) / median(kafka) if higher else median(kafka) / median(gantry)
    return f"{ratio:.{digits}f} ×" + ("" if aim is None or ratio >= aim else " (missed)")


def flow_part(found, options):
    """Records per second."""
    kafka, gantry = found["kafka"], found["gantry"]
    out = ["## Records through Java connectors", "",
           f"{options['records']:,} records, {options['structs']:,} where they are structs; {options['rounds']} rounds, Kafka Connect and Gantry in turn, "
           f"each started afresh, and a fifth of each transfer uncounted first. The generator gives the same 1,000 records again and again, the sink only counts. "
           "Into the log the clock runs from the POST of the connector until all records are there; out of it, from the begin of the sink's first put to the end of "
           "its last. CPU is that of all processes: Gantry's, or Kafka's broker and worker.", "",
           "| min / median / max | Kafka Connect, records/s | Gantry, records/s | better by | Kafka Connect, CPU µs per record | Gantry, CPU µs | better by | load |",
           "|---|---|---|---|---|---|---|---|"]
    for name, title in flow.titles():
        k, g = pick(kafka, name, "per_s"), pick(gantry, name, "per_s")
        kc, gc = pick(kafka, name, "cpu_us"), pick(gantry, name, "cpu_us")
        if k or g:
            out.append(f"| {title} | {report.three(k)} | {report.three(g)} | {against(k, g, True, 2)} | {report.three(kc, 2)} | {report.three(gc, 2)} | "
                       f"{against(kc, gc, False, None)} | {loads(pick(kafka + gantry, name, 'load'))} |")
    k, g = pick(kafka, "peak_mib"), pick(gantry, "peak_mib")
    return out + ["", f"Aim: ≥ 2 × records per second. Peak resident memory: Kafka {report.three(k)} MiB, Gantry {report.three(g)} MiB.", ""]


def cost_part(found, options):
    """The bridge alone."""
    out = ["## The bridge alone", "",
           f"Polls and puts of 1,000 records through the bridge's public interface; {options['cost_rounds']} rounds of {options['cost_batches']:,} batches after "
           "three seconds of warm-up. CPU time by thread, so that a busy machine matters less; Java is the task's thread with the JNI call, Rust the side that "
           "decodes what was polled and encodes what is put. What the same connectors cost in a plain loop is taken off. The process has the collector and the "
           "compiler besides, and for sources the freeing of the records, which every source has.", "",
           "| ns of CPU per record | Java | Rust | loop | the bridge | aim | whole process | load |", "|---|---|---|---|---|---|---|---|"]
    for one in found:
        total = one["java_ns"] + one["rust_ns"] - one["loop_ns"]
        aim = cost.TARGETS_US[one["kind"]] * 1000
        out.append(f"| {one['side']}, {one['kind']} | {one['java_ns']:.0f} | {one['rust_ns']:.0f} | {one['loop_ns']:.1f} | **{total:.0f}** | ≤ {aim:.0f}"
                   f"{'' if total <= aim else ' (missed)'} | {one['process_ns']:.0f} | {one['load']:.1f} |")
    return out + [""]


def database_part(found, options):
    """Debezium."""
    kafka, gantry = found.get("kafka", []), found.get("gantry", [])
    out = ["## Debezium on PostgreSQL", "",
           f"One table of ten columns; a snapshot of {options['rows']:,} rows, then {options['changes']:,} changes, inserts and updates in transactions of a "
           f"thousand, written as fast as the database takes them; JsonConverter with schemas. {options['database_rounds']} rounds, both in turn with the same "
           "database, a tenth of it uncounted first. Rows per second of the snapshot count from the first record in the log, changes from the writer's start. "
           "Memory is resident, sampled ten times a second from the POST to the last change: Gantry's process with its JVM, or worker and broker; every JVM has "
           "-Xmx512m.", "",
           "| min / median / max | Kafka Connect | Gantry | better by | aim |", "|---|---|---|---|---|"]
    rows = [("snapshot, rows/s", ("snapshot", "per_s"), True, 0, 1), ("changes/s", ("stream", "per_s"), True, 0, 1),
            ("CPU µs per row of the snapshot", ("snapshot", "cpu_us"), False, 1, None), ("CPU µs per change", ("stream", "cpu_us"), False, 1, None),
            ("POST until the whole snapshot is in the log, s", ("snapshot", "whole_s"), False, 2, None),
            ("resident memory at most, MiB", ("peak_mib",), False, 0, 2), ("resident memory in the mean, MiB", ("mean_mib",), False, 0, None)]
    for title, keys, higher, digits, aim in rows:
        k, g = pick(kafka, *keys), pick(gantry, *keys)
        out.append(f"| {title} | {report.three(k, digits)} | {report.three(g, digits)} | {against(k, g, higher, aim, 2)} | {'' if aim is None else f'≥ {aim} ×'} |")
    return out + ["", f"Load average: {loads(pick(kafka + gantry, 'load'))}.", ""]


def start_part(found, options):
    """Starts."""
    names = [("gantry-none", "Gantry without plugin.path"), ("gantry-warm", "Gantry, started there before"), ("gantry-cold", "Gantry, for the first time"),
             ("kafka-hybrid_warn", "Kafka Connect"), ("gantry-service_load", "Gantry, for the first time, plugin.discovery=service_load"),
             ("kafka-service_load", "Kafka Connect, plugin.discovery=service_load")]
    runs = found["runs"]
    out = ["## Start with many plugins", "",
           f"{found['plugins']} plugins on the plugin path, {found['jars']} jars of {found['mb']:,.0f} MB, read once before so that nobody waits for the disk; "
           f"{options['start_rounds']} rounds, all in turn. From exec until REST answers, and until /connector-plugins lists them all. Kafka's broker is up before. "
           "Memory a second later, of the worker alone. plugin.discovery is hybrid_warn, the default, where nothing else is said; Gantry's connectors include the "
           "native ones.", "",
           "| min / median / max | listening, ms | connectors listed, ms | connectors | resident MiB | load |", "|---|---|---|---|---|---|"]
    for key, title in names:
        rounds = runs.get(key, [])
        ms = [[one[name] * 1000 for one in rounds] for name in ("ready_s", "listed_s")]
        count = max(pick(rounds, "connectors"), default="–")
        out.append(f"| {title} | {report.three(ms[0])} | {report.three(ms[1])} | {count} | {report.three(pick(rounds, 'mib'))} | {loads(pick(rounds, 'load'))} |")
    medians = {key: median(pick(rounds, "listed_s")) for key, rounds in runs.items()}
    said = []
    if {"gantry-none", "gantry-warm"} <= medians.keys():
        more = (medians["gantry-warm"] - medians["gantry-none"]) * 1000
        said.append(f"With all known, plugins add {more:.0f} ms; aim ≤ 100 ms{'' if more <= 100 else ' (missed)'}.")
    for mine, other, how in (("gantry-cold", "kafka-hybrid_warn", ""), ("gantry-service_load", "kafka-service_load", " with service_load")):
        if {mine, other} <= medians.keys():
            part = medians[mine] / medians[other]
            said.append(f"The first start{how} takes {part:.2f} of Kafka Connect's; aim ≤ 0.33{'' if part <= 1 / 3 else ' (missed)'}.")
    return out + ["", " ".join(said), ""]


def markdown(result):
    """The whole page."""
    out = ["# Java connectors: benchmark results", "", f"Written by `{result['command']}` on {result['date']}.", "",
           f"Machine: {report.machine()}. Load average when it began: {result['load']:.2f}; the load of each measurement, which is part of it, stands beside it.", "",
           ", ".join(f"{name}: {version}" for name, version in result["versions"].items()) + ".", ""]
    for part, write in (("flow", flow_part), ("cost", cost_part), ("database", database_part), ("start", start_part)):
        if result["parts"].get(part):
            out += write(result["parts"][part], result["options"])
    return "\n".join(out).rstrip() + "\n"
