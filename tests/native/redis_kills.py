#!/usr/bin/env python3
"""Records of a topic into Redis as strings, as a list that is written exactly once, and as a stream that is read into
another topic and from there into strings again, while the worker, and now and then Redis, is killed at random: all of it
is there at the end, the list in order and without doubles.

    tests/native/redis_kills.py --kills 20 --seed 1
"""

import argparse
import contextlib
import json
import pathlib
import random
import shutil
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT / "scripts" / "lib"), str(HERE.parent / "servers")]
from redis import Redis  # noqa: E402
from served import Refused  # noqa: E402
from worker import FILE_SOURCE, JSON, STRING, TRANSFORMS, Gantry, LabError, target_dir, wait_for  # noqa: E402

SINK = "com.redis.kafka.connect.RedisSinkConnector"
STREAM = "com.redis.kafka.connect.RedisStreamSourceConnector"
CUSTENBORDER = "com.github.jcustenborder.kafka.connect.redis.RedisSinkConnector"
LINES = 400
LIMIT_S = 60


def connectors(redis, work):
    """The files of the connectors."""
    uri = {"redis.uri": redis.url}
    text = {"key.converter": STRING, "value.converter": STRING}
    schemaless = {"key.converter": STRING, "value.converter": JSON, "value.converter.schemas.enable": "false"}
    # A line is its own key.
    keyed = {
        "transforms": "hoist,key,out", "transforms.hoist.type": TRANSFORMS + "HoistField$Value", "transforms.hoist.field": "line",
        "transforms.key.type": TRANSFORMS + "ValueToKey", "transforms.key.fields": "line",
        "transforms.out.type": TRANSFORMS + "ExtractField$Key", "transforms.out.field": "line",
    }
    configs = {
        "lines": {"connector.class": FILE_SOURCE, "file": work / "lines.txt", "topic": "lines", **schemaless, **keyed},
        "strings": {
            "connector.class": CUSTENBORDER, "topics": "lines", **text, "redis.hosts": f"127.0.0.1:{redis.port}", "redis.database": "0",
            "redis.password": redis.url.split(":")[2].split("@")[0], "redis.connection.attempts": "100", "redis.connection.retry.delay.ms": "100",
        },
        # Each record of the topic once, whatever dies.
        "list": {"connector.class": SINK, "topics": "lines", **uri, **text, "redis.type": "LIST", "redis.keyspace": "list",
                 "gantry.offsets.exactly.once": "true"},
        "stream": {"connector.class": SINK, "topics": "lines", **uri, **schemaless, "redis.type": "STREAM", "redis.keyspace": "stream"},
        "back": {"connector.class": STREAM, **uri, "redis.stream.name": "stream", "topic": "back", "batch.size": "50", **schemaless},
        "again": {"connector.class": SINK, "topics": "back", **uri, **text, "redis.type": "STRING", "redis.keyspace": "again",
                  "redis.key.ttl": "100000"},
    }
    files = []
    for name, config in configs.items():
        path = work / f"{name}.json"
        path.write_text(json.dumps({"name": name, "config": {key: str(value) for key, value in config.items()}}))
        files.append(path)
    return files


def kills(redis, work, count, chance):
    file = work / "lines.txt"
    file.touch()
    files = connectors(redis, work)
    made, died = 0, 0
    for number in range(count + 1):
        worker = Gantry(work / "worker", files)
        try:
            worker.wait_ready()
            until = time.monotonic() + (chance.uniform(0.2, 2.0) if number < count else 0)
            while True:
                with open(file, "a", encoding="utf-8") as lines:
                    for _ in range(LINES // (count + 1)):
                        lines.write(f"line-{made}\n")
                        made += 1
                if time.monotonic() > until:
                    break
                if chance.random() < 0.15:
                    redis.kill()
                    time.sleep(chance.uniform(0, 0.3))
                    redis.start()
                    died += 1
                time.sleep(0.1)
            if number < count:
                worker.kill()
            else:
                compare(redis, worker, made)
        finally:
            worker.stop()
    print(f"Redis died {died} times", flush=True)


def compare(redis, worker, made):
    lines = [f"line-{number}" for number in range(made)]

    def ask(*words):
        with contextlib.suppress(Refused):
            return redis.ask(*words)

    wait_for(f"the list lacks lines; see {worker.home}", lambda: ask("LLEN", "list") == [str(made)], LIMIT_S, 0.2)
    if ask("LRANGE", "list", "0", "-1") != lines:
        raise LabError(f"the list is not the lines; see {worker.home}")
    strings = lambda: ask("EXISTS", *lines) == [str(made)]  # noqa: E731
    wait_for(f"strings are missing; see {worker.home}", strings, LIMIT_S, 0.2)

    def copies():
        """The values of all entries that came back, if they are as many as the stream has: their ids are the keys."""
        keys = ask("KEYS", "again:*") or []
        return len(keys) >= made and [str(len(keys))] == ask("XLEN", "stream") and ask("MGET", *keys)

    values = wait_for(f"the stream was not read to its end; see {worker.home}", copies, LIMIT_S, 0.2)
    found = {json.loads(value)["body"]["line"] for value in values}
    if found != set(lines):
        raise LabError(f"{len(found)} of {made} lines came back; see {worker.home}")
    print(f"{made} lines, {len(values)} entries in the stream, and all of them came back", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    subprocess.run(["bash", "-c", f"source {ROOT}/scripts/setup.sh; setup_redis"], check=True)
    work = target_dir() / "native" / "redis-kills"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    begun = time.monotonic()
    with Redis(work / "redis") as redis:
        kills(redis, work, arguments.kills, random.Random(arguments.seed))
    print(f"all there after {arguments.kills} kills, {time.monotonic() - begun:.0f} s")


if __name__ == "__main__":
    main()
