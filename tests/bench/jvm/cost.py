"""The bridge's own CPU per record (jvm-bridge/bridge/examples/bridge_cost.rs), less what the same polls and puts cost in plain Java."""

import json
import os
import pathlib
import subprocess

from sides import LabError, plugin, target_dir, HERE  # noqa: F401
import sides

TARGETS_US = {"flat": 0.1, "struct": 0.3}
LOOP_RECORDS = 200_000_000


def binary():
    """The example's path; BRIDGE_COST overrides it."""
    path = pathlib.Path(os.environ.get("BRIDGE_COST") or target_dir() / "release" / "examples" / "bridge_cost")
    if not path.exists():
        raise LabError(f"{path} does not exist: run `cargo build --release -p gantry-jvm-bridge --example bridge_cost`, or set BRIDGE_COST")
    return str(path)


def run(command):
    """A command; its lines of JSON."""
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise LabError(f"{command[0]}: {done.stdout[-500:]}{done.stderr[-1500:]}")
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def measure(work, options, say):
    """Both kinds, source and sink."""
    place = sides.plugins.plugin_path(work / "plugins", [plugin()])
    libraries = sides.runtime.kafka.fetch() / "libs"
    found = []
    for kind in TARGETS_US:
        loop = run(["java", "-Xmx256m", "-XX:+UseSerialGC", "-cp", f"{plugin()}/*:{libraries}/*", "bench.Loop", kind, 1000, LOOP_RECORDS])[0]
        for result in run([binary(), place, "--kind", kind, "--rounds", options.cost_rounds, "--batches", options.cost_batches]):
            result["loop_ns"] = loop[f"{result['side']}_ns"]
            result["load"] = os.getloadavg()[0]
            found.append(result)
            say(f"{result['side']:6} {kind:6} Java {result['java_ns']:.0f} + Rust {result['rust_ns']:.0f} − loop {result['loop_ns']:.1f} ns, rounds "
                f"{result['rounds']}, process {result['process_ns']:.0f} ns, load {result['load']:.1f}")
    return found
