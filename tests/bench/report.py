"""Turns the measured numbers into tests/bench/RESULTS.md."""

import os
import platform
import statistics


def three(values, digits=0):
    """min / median / max of a list."""
    if not values:
        return "–"
    return " / ".join(f"{v:,.{digits}f}" for v in (min(values), statistics.median(values), max(values)))


def ratio(kafka, gantry, higher_is_better, digits=1):
    """How many times better Gantry's median is."""
    if not kafka or not gantry:
        return "–"
    k, g = statistics.median(kafka), statistics.median(gantry)
    if not k or not g:
        return "–"
    return f"{(g / k if higher_is_better else k / g):,.{digits}f} ×"


def machine():
    """One line on the machine."""
    model = "unknown CPU"
    memory = 0
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        for text in f:
            if text.startswith("model name"):
                model = text.split(":", 1)[1].strip()
                break
    with open("/proc/meminfo", encoding="utf-8") as f:
        memory = int(f.readline().split()[1]) / 1024 / 1024
    return f"{os.cpu_count()} cores ({model}), {memory:.1f} GiB of memory, Linux {platform.release()}"


# (label, key, digits, higher is better, what we aim at)
ROWS = [
    ("file → topic → file, records/s", "plain.records_per_s", 0, True, "≥ 10 ×"),
    ("the same with 3 transformations and JSON without schemas, records/s", "smt.records_per_s", 0, True, ""),
    ("start until REST answers, s", "ready_s", 3, False, "≤ 0.1 s"),
    ("start until the first record is in the sink file, s", "first_s", 3, False, "≥ 20 ×"),
    ("resident memory idle, MiB", "idle_mib", 1, False, "≤ 30 MiB"),
    ("peak resident memory, MiB", "peak_mib", 1, False, "≥ 10 ×"),
    ("CPU seconds per 10^6 records, plain", "plain.cpu_s_per_million", 2, False, ""),
    ("CPU seconds per 10^6 records, 3 transformations + JSON", "smt.cpu_s_per_million", 2, False, ""),
]


def column(rounds, key):
    """The values of a dotted key over all rounds."""
    values = []
    for r in rounds:
        for part in key.split("."):
            r = r.get(part) if isinstance(r, dict) else None
        if r is not None:
            values.append(r)
    return values


def side_by_side(result):
    """The table of both systems."""
    kafka, gantry = result["kafka"], result["gantry"]
    out = ["| min / median / max | Kafka Connect | Gantry | Gantry is better by | aim |", "|---|---|---|---|---|"]
    for label, key, digits, higher, aim in ROWS:
        k, g = column(kafka, key), column(gantry, key)
        out.append(f"| {label} | {three(k, digits)} | {three(g, digits)} | {ratio(k, g, higher)} | {aim} |")
    return out


def flatness(points, label):
    """One table of cost against size."""
    out = [f"| {label} | records | CPU µs per record | records/s | peak resident MiB |", "|---|---|---|---|---|"]
    for p in points:
        out.append(f"| {p['x']:,} | {p['records']:,} | {three(p['cpu_us'], 2)} | {three(p['rate'])} | {three(p['peak_mib'], 1)} |")
    medians = [statistics.median(p["cpu_us"]) for p in points if p["cpu_us"]]
    if medians:
        out += ["", f"Dearest median ÷ cheapest: {max(medians) / min(medians):.2f}."]
    return out


def chain_cost(result):
    """What three transformations and the JSON converter add to a record."""
    plain = column(result["gantry"], "plain.cpu_s_per_million")
    smt = column(result["gantry"], "smt.cpu_s_per_million")
    if not plain or not smt:
        return []
    added = [s - p for s, p in zip(smt, plain)]
    return [f"Three transformations and JSON without schemas add {three(added, 2)} µs of CPU to a record in Gantry "
            "(the difference of the two CPU rows, round by round; it includes storing and writing 26 bytes more).", ""]


def transforms(points):
    """Transformations alone, then chains with JSON on both sides."""
    out = []
    for kind, title, aim in (("transformations", "transformation", "≥ 1 × each"), ("chains", "chain with JSON on both sides", "≥ 3 × each")):
        rows = [p for p in points if p["kind"] == kind]
        if not rows:
            continue
        out += [f"| {title}, ns per record | schemas | Kafka Connect | Gantry | Gantry is better by |", "|---|---|---|---|---|"]
        least = []
        for p in rows:
            k, g = p.get("kafka", []), p.get("gantry", [])
            if k and g:
                least.append((statistics.median(k) / statistics.median(g), p["name"]))
            out.append(f"| {p['name']} | {'yes' if p['schemas'] else 'no'} | {three(k)} | {three(g)} | {ratio(k, g, False)} |")
        if least:
            out += ["", f"Least: {min(least)[0]:.1f} × ({min(least)[1]}); aim {aim}."]
        out.append("")
    return out


def rest(found):
    """The REST interface."""
    k = [r["per_s"] for r in found["kafka"]]
    g = [r["per_s"] for r in found["gantry"]]
    out = ["| min / median / max | Kafka Connect | Gantry | Gantry is better by | aim |", "|---|---|---|---|---|",
           f"| GET /connectors with 10 connectors, requests/s | {three(k)} | {three(g)} | {ratio(k, g, True)} | ≥ 10 × |"]
    for name in ("p50", "p99"):
        values = [r[f"{name}_ms"] for r in found["many"]]
        out.append(f"| GET /connectors?expand=status with 1,000 connectors, {name}, ms | | {three(values, 2)} | | "
                   f"{'≤ 10 ms' if name == 'p99' else ''} |")
    return out


def markdown(result):
    """The whole page."""
    p = result["parameters"]
    out = [
        "# Benchmark results", "",
        f"Written by `{p['command']}` on {p['date']}.", "",
        f"Machine: {machine()}. Load average when it began: {p['load']:.2f}.", "",
    ]
    if result["kafka"] or result["gantry"]:
        out += [
            "## Side by side", "",
            f"{p['lines']:,} lines of 100 bytes; {p['rounds']} rounds, Kafka and Gantry in turn in each round, each started afresh, one "
            "uncounted transfer of each kind first (so that the JVM is warm). The clock runs from the POST of the source connector until the sink "
            "file is complete; every transfer's count, order and content are checked by SHA-256. Kafka is "
            f"{p['kafka']}: one KRaft broker and one Connect worker ({p['mode']} mode, heap 2 GiB, service_load discovery); memory and "
            "CPU are those of worker and broker together, start times those of the worker alone with the broker already up. Gantry is "
            "one process with its log on disk, group commit with fdatasync. Both commit offsets every second.", "",
            *side_by_side(result), "", *chain_cost(result),
        ]
    if result["transforms"]:
        out += ["## Transformations", "",
                "The same records on both sides (a struct of nine fields, one of them a struct, three headers), each case in a process "
                "of its own, run warm, Kafka and Gantry in turn in each round. Predicates drop nothing here. A chain goes from bytes to "
                "bytes through the JSON converter; what both sides write has the same length.", "",
                *transforms(result["transforms"])]
    if result["rest"]:
        out += ["## REST", "", "wrk with one thread on the same machine; 16 connections for requests per second, one for the "
                "percentiles.", "", *rest(result["rest"]), ""]
    if result["by_lines"]:
        out += ["## Cost per record by number of records (Gantry)", "", *flatness(result["by_lines"], "lines"), ""]
    if result["by_connectors"]:
        out += ["## Cost per record by number of pipelines (Gantry)", "",
                "Each pipeline is a file source, a topic and a file sink. All run and wait for their file; the files appear together. "
                "The rate counts from the first byte in any sink file.", "",
                *flatness(result["by_connectors"], "pipelines"), ""]
    return "\n".join(out).rstrip() + "\n"
