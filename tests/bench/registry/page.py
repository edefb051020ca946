"""Turns the measured numbers into tests/bench/registry/RESULTS.md."""

import statistics
import subprocess

import report
import sides

TITLES = {
    "get-1": "GET /schemas/ids/1, 1 connection", "get-16": "GET /schemas/ids/1, 16 connections",
    "subjects-1": "POST, a new subject each, 1 connection", "subjects-8": "POST, a new subject each, 8 connections",
    "versions-1": "POST, versions of subjects, 1 connection", "versions-8": "POST, versions of subjects, 8 connections",
}
# What we aim at, by case: times Apicurio's requests a second, and its p99 divided by.
PER_S = {"get-1": 8, "get-16": 8, "subjects-8": 20, "versions-8": 20}
P99 = 5
MEMORY, START = 10, 50
MANY_S, MANY_BYTES = 2, 1024


def better(apicurio, gantry, higher, aim):
    """How many times better Gantry's median is, and whether that is what we aim at."""
    one, other = statistics.median(apicurio), statistics.median(gantry)
    if not one or not other:
        return "–"
    ratio = other / one if higher else one / other
    return f"{ratio:.1f} ×" + ("" if aim is None or ratio >= aim else f" (aim {aim} ×, missed)")


def cases(rounds):
    """Requests."""
    out = ["| min / median / max | Apicurio, requests/s | Gantry, requests/s | better by | Apicurio, p50 µs | Gantry, p50 µs | Apicurio, p99 µs | Gantry, p99 µs | "
           "p99 better by | Apicurio, CPU µs per request | Gantry, CPU µs | load |", "|---|---|---|---|---|---|---|---|---|---|---|---|"]
    for case, title in TITLES.items():
        one, other = ([found[name][case] for found in rounds] for name in ("apicurio", "gantry"))

        def column(side, key):
            return [found[key] for found in side]

        loads = column(one + other, "load")
        out.append(
            f"| {title} | {report.three(column(one, 'per_s'))} | {report.three(column(other, 'per_s'))} | "
            f"{better(column(one, 'per_s'), column(other, 'per_s'), True, PER_S.get(case))} | "
            f"{report.three(column(one, 'p50_us'))} | {report.three(column(other, 'p50_us'))} | "
            f"{report.three(column(one, 'p99_us'))} | {report.three(column(other, 'p99_us'))} | "
            f"{better(column(one, 'p99_us'), column(other, 'p99_us'), False, P99)} | "
            f"{report.three(column(one, 'cpu_us'))} | {report.three(column(other, 'cpu_us'), 1)} | {min(loads):.1f} – {max(loads):.1f} |")
    return out


def side_by_side(rounds, options):
    """Both sides."""
    out = ["## Side by side", "",
           f"{options['rounds']} rounds, each with both registries started afresh and up at the same time; each case runs {options['seconds']:g} s on the one and then "
           f"on the other. Before, each side registers 2,000 schemas and answers GETs for {options['warm']:g} s, uncounted. The same load generator for both: one "
           "thread, each connection sends its next request when the answer is there. The level is BACKWARD on both. Versions go to subjects of each connection's own, "
           "50 to each. What Gantry answers is on disk; Apicurio is as it comes, with H2 in memory. CPU is that of the registry alone.", "", *cases(rounds), "",
           "| min / median / max | Apicurio | Gantry | better by |", "|---|---|---|---|"]
    for title, key, digits, aim in (("start until the first answer, s", "start_s", 3, START), ("resident memory fresh, MiB", "fresh_mib", 1, MEMORY),
                                    ("resident memory with 2,000 schemas after that load, MiB", "loaded_mib", 1, MEMORY)):
        one, other = ([found[name][key] for found in rounds] for name in ("apicurio", "gantry"))
        out.append(f"| {title} | {report.three(one, digits)} | {report.three(other, digits)} | {better(one, other, False, aim)} |")
    return [*out, ""]


def many(found, options):
    """Gantry alone with many schemas."""
    rounds = found["rounds"]
    start, extra = [one["start_s"] for one in rounds], [one["extra_bytes"] for one in rounds]
    missed_s = "" if statistics.median(start) <= MANY_S else " (missed)"
    missed_bytes = "" if statistics.median(extra) <= MANY_BYTES else " (missed)"
    return ["## Many schemas", "",
            f"{found['schemas']:,} schemas of {found['text_bytes']} bytes, each under a subject of its own, registered by 16 connections at {found['fill_per_s']:,.0f} "
            f"a second; then the registry is started again on its directory, {len(rounds)} times.", "",
            "| min / median / max | Gantry | aim |", "|---|---|---|",
            f"| start until the last of them is given out, s | {report.three(start, 3)} | ≤ {MANY_S}{missed_s} |",
            f"| resident memory, MiB ({found['fresh_mib']:.1f} without schemas) | {report.three([one['mib'] for one in rounds], 1)} | |",
            f"| bytes for each beyond its text | {report.three(extra)} | ≤ {MANY_BYTES:,}{missed_bytes} |",
            "", f"Load average: {min(one['load'] for one in rounds):.1f} – {max(one['load'] for one in rounds):.1f}.", ""]


def markdown(result):
    """The whole page."""
    gantry = subprocess.run([sides.gantry_binary(), "--version"], capture_output=True, text=True, check=False).stdout.strip()
    out = ["# Schema registry: benchmark results", "", f"Written by `{result['command']}` on {result['date']}.", "",
           f"Machine: {report.machine()}. Load average when it began: {result['load']:.2f}, at the end {result['end_load']:.2f}; the load of each measurement, which "
           "is part of it, stands beside it.", "", f"Gantry: {gantry}, Apicurio: {sides.APICURIO}, Java: {sides.java()[1]}, {sides.HEAP}.", ""]
    parts, options = result["parts"], result["options"]
    if parts.get("side-by-side"):
        out += side_by_side(parts["side-by-side"], options)
    if parts.get("many"):
        out += many(parts["many"], options)
    return "\n".join(out).rstrip() + "\n"
