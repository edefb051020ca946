"""The load: files of 100-byte lines, the pipelines that move them, and the check of what arrived."""

import hashlib
import json
import os
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "scripts" / "lib"))
from worker import FILE_SINK, FILE_SOURCE, JSON, STRING, TRANSFORMS, LabError  # noqa: E402

LINE_BYTES = 100                 # without the line feed
FILLER = "abcdefghij klmnopqrst uvwxyz0123 456789ABCD EFGHIJKLMN OPQRSTUVWX YZabcdefgh ijklmnopqr stuvwxyz"
STATIC_VALUE = "bench"
# The far file's size is looked at this often; a stat costs about 2 µs, reading the file would cost a core.
POLL_S = 0.004
LIMIT_S = 900

# Three transformations and JSON without schemas: {"text": <line>, "src": "bench"}.
SMT = {
    "transforms": "hoist,insert,rename",
    "transforms.hoist.type": TRANSFORMS + "HoistField$Value",
    "transforms.hoist.field": "line",
    "transforms.insert.type": TRANSFORMS + "InsertField$Value",
    "transforms.insert.static.field": "src",
    "transforms.insert.static.value": STATIC_VALUE,
    "transforms.rename.type": TRANSFORMS + "ReplaceField$Value",
    "transforms.rename.renames": "line:text",
    "value.converter": JSON,
    "value.converter.schemas.enable": "false",
}


def line(number):
    """Line `number`, unlike every other one."""
    head = f"{number:010d} "
    return (head + FILLER * 2)[:LINE_BYTES - 4] + f" {number % 1000:03d}"


def make_input(path, lines, first=0):
    """Writes `lines` lines; returns the path. The pages are written back, so that no later clock pays for it."""
    with open(path, "w", encoding="ascii", buffering=1 << 20) as f:
        for start in range(first, first + lines, 10000):
            end = min(start + 10000, first + lines)
            f.write("".join(line(n) + "\n" for n in range(start, end)))
        f.flush()
        os.fsync(f.fileno())
    return pathlib.Path(path)


def expected_size(lines, smt):
    """Bytes of a complete far file. The order of the two JSON fields may differ, the length may not."""
    per_line = LINE_BYTES
    if smt:
        per_line += len(json.dumps({"text": "", "src": STATIC_VALUE}, separators=(",", ":")))
    return lines * (per_line + 1)


def digest(path):
    """SHA-256 of a file and its number of lines."""
    sha, count = hashlib.sha256(), 0
    with open(path, "rb") as f:
        while chunk := f.read(1 << 20):
            sha.update(chunk)
            count += chunk.count(b"\n")
    return sha.hexdigest(), count


def digest_json(path):
    """The same over the `text` of each JSON line; refuses a line without the static field."""
    sha, count = hashlib.sha256(), 0
    with open(path, encoding="utf-8") as f:
        for text in f:
            value = json.loads(text)
            if value.pop("src", None) != STATIC_VALUE or list(value) != ["text"]:
                raise LabError(f"{path}: line {count + 1} is not what the transformations make: {text[:200]}")
            sha.update(value["text"].encode() + b"\n")
            count += 1
    return sha.hexdigest(), count


def check(source, sink, smt):
    """Raises unless `sink` holds every line of `source`, once, in order."""
    want = digest(source)
    got = digest_json(sink) if smt else digest(sink)
    if want != got:
        raise LabError(f"{sink}: {got[1]} lines, checksum {got[0][:16]}; expected {want[1]} lines, {want[0][:16]}")


def source_config(path, topic, smt=False):
    """A FileStreamSource of `path`."""
    return {"connector.class": FILE_SOURCE, "tasks.max": "1", "file": str(path), "topic": topic,
            "key.converter": STRING, "value.converter": STRING, **(SMT if smt else {})}


def sink_config(path, topic):
    """A FileStreamSink to `path`; the metadata age lets a Kafka consumer see a new topic at once."""
    return {"connector.class": FILE_SINK, "tasks.max": "1", "file": str(path), "topics": topic,
            "key.converter": STRING, "value.converter": STRING, "consumer.override.metadata.max.age.ms": "500"}


def size_of(path):
    """Bytes of a file, 0 while there is none."""
    try:
        return os.stat(path).st_size
    except FileNotFoundError:
        return 0


def transfer(rest, procs, source, work, name, lines, smt):
    """file → topic → file. The sink runs before the clock; the clock runs from the POST of the source until the sink
    file is complete. Returns seconds and CPU seconds by process, after the content was checked."""
    sink = pathlib.Path(work) / f"{name}.out"
    rest.create(f"sink-{name}", sink_config(sink, name))
    rest.wait_running(f"sink-{name}")
    want = expected_size(lines, smt)
    before = {k: p.cpu_s() for k, p in procs.items()}
    began = time.monotonic()
    rest.create(f"source-{name}", source_config(source, name, smt))
    while size_of(sink) < want:
        if time.monotonic() - began > LIMIT_S:
            raise LabError(f"{name}: {size_of(sink)} of {want} bytes after {LIMIT_S} s: {rest.status(f'source-{name}')} "
                           f"{rest.status(f'sink-{name}')}")
        time.sleep(POLL_S)
    seconds = time.monotonic() - began
    cpu = {k: p.cpu_s() - before[k] for k, p in procs.items()}
    check(source, sink, smt)
    rest.delete(f"source-{name}")
    rest.delete(f"sink-{name}")
    sink.unlink()
    return {"seconds": seconds, "records_per_s": lines / seconds, "cpu_s_per_million": sum(cpu.values()) / lines * 1e6,
            "cpu_s": cpu}
