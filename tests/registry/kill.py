#!/usr/bin/env python3
"""A schema registry is killed while several clients register: what it acknowledged is there afterwards, under the same ids, and no id
stands for two schemas."""

import argparse
import http.client
import json
import pathlib
import random
import shutil
import sys
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "scripts" / "lib"))
from worker import LabError, Proc, Rest, free_port, gantry_binary, target_dir, wait_for  # noqa: E402

CLIENTS = 4
SUBJECTS = 3
READY_S = 20


def schema(number):
    """A record of its own for each number."""
    return json.dumps({"type": "record", "name": f"R{number}", "fields": [{"name": "f", "type": "long", "default": number}]}, separators=(",", ":"))


class Registry:
    """One process after the other on the same directory."""

    def __init__(self, work):
        self.work, self.port = work, free_port()
        self.client = Rest(f"http://127.0.0.1:{self.port}")
        self.process = None

    def start(self):
        """Starts it and waits until it answers."""
        command = [gantry_binary(), "schema-registry", "--listen", f"127.0.0.1:{self.port}", "--data", self.work / "data"]
        self.process = Proc(command, self.work / "registry.log")
        wait_for("the registry does not answer", lambda: self.asked("GET", "/subjects") is not None, READY_S, 0.02)

    def asked(self, method, path, body=None):
        """The answer to a request of this thread's."""
        return asked(self.client, method, path, body)


def asked(client, method, path, body=None):
    """The answer to a request, None where there is none or an error."""
    try:
        status, answer = client.call(method, path, body)
    except (OSError, http.client.HTTPException):
        return None
    return answer if status == 200 else None


class Client(threading.Thread):
    """Registers one schema after the other; what was acknowledged is noted."""

    def __init__(self, registry, number):
        super().__init__(daemon=True)
        self.number = number
        self.end, self.acknowledged = threading.Event(), {}
        self.client = Rest(f"http://127.0.0.1:{registry.port}")

    def run(self):
        # Every second schema is one that all clients register.
        for step in range(1_000_000):
            if self.end.is_set():
                return
            number = step * (CLIENTS + 1) + (CLIENTS if step % 2 else self.number)
            text, subject = schema(number), f"s{step % SUBJECTS}"
            answer = asked(self.client, "POST", f"/subjects/{subject}/versions", {"schema": text})
            if answer:
                self.acknowledged[(subject, text)] = answer["id"]
            else:
                time.sleep(0.02)


def main():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    work = target_dir() / "registry-kill"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    began, rng = time.monotonic(), random.Random(args.seed)
    registry = Registry(work)
    registry.start()
    for subject in range(SUBJECTS):
        registry.client.call("PUT", f"/config/s{subject}", {"compatibility": "NONE"})
    clients = [Client(registry, number) for number in range(CLIENTS)]
    try:
        for client in clients:
            client.start()
        for _ in range(args.kills):
            time.sleep(rng.uniform(0.2, 1))
            registry.process.kill()
            registry.start()
        time.sleep(0.5)
        for client in clients:
            client.end.set()
        for client in clients:
            client.join()
        registry.process.kill()
        registry.start()
        count = check(registry, clients)
    finally:
        registry.process.kill()
    shutil.rmtree(work)
    print(f"registry: {count:,} acknowledged schemas are there after {args.kills + 1} kills, {time.monotonic() - began:.0f} s; 1 passed, 0 failed")


def check(registry, clients):
    """Raises when something acknowledged is missing, or an id stands for two schemas."""
    ids, count = {}, 0
    for client in clients:
        if not client.acknowledged:
            raise LabError("a client had nothing acknowledged")
        for (subject, text), number in client.acknowledged.items():
            found = registry.asked("POST", f"/subjects/{subject}", {"schema": text})
            if not found or found["id"] != number:
                raise LabError(f"{subject} has {found} where {number} was acknowledged for {text}")
            if ids.setdefault(number, text) != text:
                raise LabError(f"{number} stands for {ids[number]} and for {text}")
            count += 1
    if len(set(ids.values())) != len(ids):
        raise LabError("one schema has two ids")
    return count


if __name__ == "__main__":
    try:
        main()
    except LabError as error:
        sys.exit(f"registry: {error}")
