#!/usr/bin/env python3
"""Builds the fuzz targets with coverage counters, unpacks their seeds, and runs each for some seconds. An input that panics,
takes longer than the limit or uses too much memory ends the run; it is kept, and its path is printed."""

import argparse
import concurrent.futures
import dataclasses
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT / "scripts" / "lib"))
from worker import LabError, target_dir  # noqa: E402

WORK = target_dir() / "fuzz"
# What libFuzzer needs of the compiler: counters at edges, their addresses, and the operands of comparisons.
SANCOV = ["-Cpasses=sancov-module"] + [f"-Cllvm-args=-sanitizer-coverage-{option}" for option in (
    "level=4", "inline-8bit-counters", "pc-table", "trace-compares")]
INPUT_S_MAX = 5             # an input that takes longer is a failure
RSS_MIB_MAX = 1024
INPUT_BYTES_MAX = 4096
SMALLER_INPUTS = {"regex": 512, "date_format": 256}     # where short inputs say it all
SECONDS_AFTER = 60          # what a run may take beyond its seconds, to start and to end
LONG_S = 60                 # a run of so many seconds goes on with the corpus of those before
JOBS = min(2, os.cpu_count() or 1)
EDGES_MIN = 100             # fewer were met: the counters are not there, or the target does nothing


@dataclasses.dataclass
class Result:
    """What one target did."""

    target: str
    edges_seeds: int        # met by the seeds and by what earlier runs kept
    edges: int              # met at the end
    corpus: int             # inputs that are kept
    executions: int
    per_second: int
    failure: str = ""


def host():
    """The target triple of this machine: flags of a given triple do not reach build scripts."""
    text = subprocess.run(["rustc", "-vV"], capture_output=True, text=True, check=True).stdout
    return re.search(r"^host: (.*)$", text, re.M).group(1)


def build():
    """Builds all targets. Returns the directory of the programs."""
    # The same versions of everything as in the program; cargo adds what the targets need besides.
    versions, stamp = ROOT / "Cargo.lock", WORK / "Cargo.lock"
    if not (HERE / "Cargo.lock").exists() or not stamp.exists() or stamp.read_bytes() != versions.read_bytes():
        WORK.mkdir(parents=True, exist_ok=True)
        shutil.copy(versions, HERE / "Cargo.lock")
        shutil.copy(versions, stamp)
    triple = host()
    env = {**os.environ, "RUSTFLAGS": " ".join(SANCOV), "CARGO_TARGET_DIR": str(WORK / "build")}
    argv = ["cargo", "build", "--quiet", "--release", "--target", triple, "--manifest-path", str(HERE / "Cargo.toml")]
    if subprocess.run(argv, check=False, env=env, cwd=ROOT).returncode != 0:
        raise LabError("the fuzz targets do not build; see above")
    return WORK / "build" / triple / "release"


def targets():
    """The names of all targets, in the order of their files."""
    return sorted(path.stem for path in (HERE / "targets").glob("*.rs"))


def unpack(target):
    """Writes the seeds of a target as files. Each line of its list is a JSON string, or {"hex": "…"} for other bytes."""
    out = WORK / "seeds" / target
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    lines = (HERE / "seeds" / f"{target}.jsonl").read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines):
        seed = json.loads(line)
        data = bytes.fromhex(seed["hex"]) if isinstance(seed, dict) else seed.encode()
        (out / f"{number:04d}").write_bytes(data)
    return out


def run(program, target, seconds):
    """One target for `seconds`. What a long run finds interesting stays in its corpus for the next long one; a short run
    would spend its time on reading that."""
    found = WORK / "found" / target
    corpus = WORK / ("corpus" if seconds >= LONG_S else "short") / target
    if seconds < LONG_S:
        shutil.rmtree(corpus, ignore_errors=True)
    corpus.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(found, ignore_errors=True)
    found.mkdir(parents=True)
    argv = [str(program), f"-max_total_time={seconds}", f"-timeout={INPUT_S_MAX}", f"-rss_limit_mb={RSS_MIB_MAX}",
            f"-max_len={SMALLER_INPUTS.get(target, INPUT_BYTES_MAX)}", f"-artifact_prefix={found}/", "-print_final_stats=1",
            "-reload=0",
            # Small and fast inputs first: slow ones would take most of the time.
            "-len_control=50", "-entropic_scale_per_exec_time=1"]
    words = HERE / "words" / f"{target}.dict"
    if words.exists():
        argv.append(f"-dict={words}")
    argv += [str(corpus), str(unpack(target))]
    log = WORK / f"{target}.log"
    with open(log, "wb") as out:
        status = subprocess.run(argv, stdout=out, stderr=out, check=False, timeout=seconds + SECONDS_AFTER).returncode
    return judge(program, status, log.read_text("utf-8", "replace"), log)


def as_seed(path):
    """An input as a line of a list of seeds."""
    data = path.read_bytes()
    try:
        return json.dumps(data.decode())
    except UnicodeDecodeError:
        return json.dumps({"hex": data.hex()})


def judge(program, status, text, log):
    """The figures of a run, and why it failed if it did."""
    target = program.name
    def last(pattern):
        found = re.findall(pattern, text)
        return int(found[-1]) if found else 0

    first = re.search(r"INITED cov: (\d+)", text)
    result = Result(target, int(first.group(1)) if first else 0, last(r"cov: (\d+)"), last(r"corp: (\d+)/"),
                    last(r"number_of_executed_units: (\d+)"), last(r"average_exec_per_sec: *(\d+)"))
    if status != 0:
        why = re.search(r"panicked at .*\n.*|ERROR: libFuzzer: .*", text)
        result.failure = f"{why.group(0) if why else f'status {status}'}\n  log: {log}"
        for kept in re.findall(r"Test unit written to (\S+)", text):
            result.failure += (f"\n  again: {program} {kept}\n  once it is mended, add this line to "
                               f"{HERE / 'seeds' / target}.jsonl: {as_seed(pathlib.Path(kept))}")
    elif result.edges < EDGES_MIN:
        result.failure = f"only {result.edges} edges were met: coverage does not work here; log {log}"
    return result


def run_all(seconds, names=None, jobs=JOBS):
    """Builds all targets and runs them, or those of these names. Returns their results; prints a line for each."""
    programs = build()
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        results = list(pool.map(lambda name: run(programs / name, name, seconds), names or targets()))
    for r in results:
        print(f"{'FAIL' if r.failure else 'ok  '}  {r.target:14} {r.executions:>10,} inputs, {r.per_second:>6,} a second, "
              f"edges {r.edges_seeds:,} → {r.edges:,}, corpus {r.corpus:,}", flush=True)
    return results


def failures(results):
    """What failed, a line for each."""
    return [f"{r.target}: {r.failure}" for r in results if r.failure]


def main():
    """The command line."""
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--seconds", type=int, default=5, help="how long each target runs")
    p.add_argument("--target", choices=targets(), action="append", help="only this one")
    p.add_argument("--jobs", type=int, default=JOBS, help="how many run at a time")
    p.add_argument("--build", action="store_true", help="only build")
    args = p.parse_args()
    if args.build:
        build()
        return
    results = run_all(args.seconds, args.target, args.jobs)
    if failed := failures(results):
        raise LabError("\n".join(failed))
    print(f"fuzz: {len(results)} passed, 0 failed")


if __name__ == "__main__":
    try:
        main()
    except LabError as error:
        sys.exit(f"fuzz: {error}")
