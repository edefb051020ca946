#!/usr/bin/env python3
"""Two schema registries share the topic of a real RocketMQ broker while writers register on both, many at once: the same schemas under one
subject and under several, their own ones, versions of subjects that all share. One node after the other is killed and started again; the
broker too.

Afterwards, and once more after all was started anew: what was acknowledged is there under its id and version, on both nodes; an id stands for
one schema, a schema has one id, and no version of a subject was ever two things."""

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
sys.path[:0] = [str(HERE.parents[1] / "scripts" / "lib"), str(HERE.parent / "rocketmq")]
from cluster import Cluster  # noqa: E402
from worker import LabError, Proc, free_port, gantry_binary, target_dir, wait_for  # noqa: E402

WRITERS = 100
SHARED_SUBJECTS = 5
READY_S = 40
# A node ends a write that the log does not take after ten seconds.
REQUEST_S = 30
# A broker that was killed is there again, and writes go on, within this.
BROKER_S = 60
# A node reads what the other one wrote within this: each answers from what it has read so far.
AGREE_S = 20
# What a node may say while there is no broker: Confluent's codes for a store that fails and for a write that takes too long.
BROKER_CODES = (50001, 50002, 50003)
PAGE = 1000


def schema(name):
    """A record of its own for each name."""
    return json.dumps({"type": "record", "name": "R", "fields": [{"name": name, "type": "long", "default": 0}]}, separators=(",", ":"))


class Connection:
    """Requests on one connection, which is opened again when it broke."""

    def __init__(self, node):
        self.node, self.http = node, None

    def ask(self, method, path, body=None):
        """Status and JSON of an answer; None where there is none."""
        try:
            if self.http is None:
                self.http = http.client.HTTPConnection("127.0.0.1", self.node.port, timeout=REQUEST_S)
            self.http.request(method, path, None if body is None else json.dumps(body), {"Content-Type": "application/json"})
            answer = self.http.getresponse()
            return answer.status, json.loads(answer.read())
        except (OSError, http.client.HTTPException):
            self.close()
            return None

    def close(self):
        """Ends the connection."""
        if self.http is not None:
            self.http.close()
            self.http = None


class Node:
    """One process after the other on the same port."""

    def __init__(self, work, number, name_server):
        self.home, self.port, self.name_server = work / f"node-{number}", free_port(), name_server
        self.home.mkdir(parents=True)
        self.process = None

    def start(self):
        """Starts it and waits until it answers."""
        command = [gantry_binary(), "schema-registry", "--listen", f"127.0.0.1:{self.port}", "--namesrv", self.name_server]
        self.process = Proc(command, self.home / "registry.log", cwd=self.home)
        connection = Connection(self)
        wait_for(f"node on {self.port} does not answer: {self.process.tail()}", lambda: connection.ask("GET", "/subjects"), READY_S)
        connection.close()

    def kill(self):
        """As a power cut would."""
        if self.process:
            self.process.kill()

    def listed(self):
        """All schemas: (subject, version) → (id, text)."""
        connection, found = Connection(self), {}
        while True:
            answer = connection.ask("GET", f"/schemas?deleted=true&offset={len(found)}&limit={PAGE}")
            if answer is None or answer[0] != 200:
                raise LabError(f"node on {self.port} does not list its schemas: {answer}")
            found.update({(one["subject"], one["version"]): (one["id"], one["schema"]) for one in answer[1]})
            if len(answer[1]) < PAGE:
                connection.close()
                return found


class Run:
    """What all writers share."""

    def __init__(self, nodes):
        self.nodes = nodes
        self.end = threading.Event()
        # Some schemas are registered by all writers; which, goes on with time, so that they do it at once.
        self.began = time.monotonic()
        self.refused = {}

    def step(self):
        """The number of the schema that all register now."""
        return int((time.monotonic() - self.began) * 20)


class Writer(threading.Thread):
    """Registers one schema after the other; notes what was acknowledged. Each second writer begins at the second node; where a node is not
    there it goes to the other one."""

    def __init__(self, run, number):
        super().__init__(daemon=True)
        self.shared, self.number = run, number
        self.acknowledged, self.last, self.fault = {}, None, None
        self.rng = random.Random(number)

    def run(self):
        connections = [Connection(node) for node in self.shared.nodes]
        at, step = self.number % len(connections), 0
        while not self.shared.end.is_set():
            step += 1
            subject, text = self.next(step)
            answer = connections[at].ask("POST", f"/subjects/{subject}/versions", {"schema": text})
            if answer and answer[0] == 200:
                told = (answer[1]["id"], answer[1]["version"])
                if self.acknowledged.setdefault((subject, text), told) != told:
                    self.fault = f"{text} in {subject} was {self.acknowledged[(subject, text)]} and is {told}"
                self.last = time.monotonic()
                continue
            if answer:
                code = answer[1].get("error_code")
                self.shared.refused.setdefault(code, answer[1].get("message"))
            at = (at + 1) % len(connections)
            time.sleep(0.05)
        for connection in connections:
            connection.close()

    def next(self, step):
        """Where to register what."""
        kind, mine = step % 4, f"w{self.number}_{step}"
        if kind == 0:
            return "same", schema(f"all{self.shared.step()}")
        if kind == 1:
            return f"own-{self.number}", schema(f"all{self.shared.step()}")
        if kind == 2:
            return f"shared-{self.rng.randrange(SHARED_SUBJECTS)}", schema(mine)
        return f"own-{self.number}-{step}", schema(mine)


def agreed(nodes):
    """What both nodes list, as soon as they list the same."""
    until = time.monotonic() + AGREE_S
    while True:
        lists = [node.listed() for node in nodes]
        if lists[0] == lists[1]:
            return lists[0]
        if time.monotonic() > until:
            odd = set(lists[0].items()) ^ set(lists[1].items())
            raise LabError(f"the nodes list different schemas for {AGREE_S} s, {len(odd)} of them, as {sorted(odd)[:4]}")
        time.sleep(0.1)


def check(nodes, writers, before=None):
    """Raises when something acknowledged is not there as it was, or something is two things. Gives what both nodes list."""
    listed = agreed(nodes)
    for place, what in (before or {}).items():
        if listed.get(place) != what:
            raise LabError(f"{place} was {what} and is {listed.get(place)}")
    texts, ids = {}, {}
    for number, text in listed.values():
        if texts.setdefault(number, text) != text:
            raise LabError(f"id {number} stands for {texts[number]} and for {text}")
        if ids.setdefault(text, number) != number:
            raise LabError(f"{text} has the ids {ids[text]} and {number}")
    for writer in writers:
        if writer.fault:
            raise LabError(writer.fault)
        for (subject, text), (number, version) in writer.acknowledged.items():
            found = listed.get((subject, version))
            if found != (number, text):
                raise LabError(f"{subject} has {found} as version {version}, where id {number} was acknowledged for {text}")
    return listed


def kill_nodes(nodes, rounds, rng):
    """One node after the other is killed while all write, and started again."""
    for round_ in range(rounds):
        time.sleep(rng.uniform(0.5, 2))
        node = nodes[round_ % len(nodes)]
        node.kill()
        time.sleep(rng.uniform(0, 0.5))
        node.start()


def kill_broker(cluster, run, writers, rng):
    """The broker is killed while all write. Nodes say so, answer what they know, and go on by themselves."""
    time.sleep(rng.uniform(0.5, 1))
    run.refused.clear()
    cluster.kill("broker")
    # Until each write that was under way has got its answer.
    wait_for("no write was refused without a broker", lambda: run.refused, REQUEST_S)
    odd = {code: message for code, message in run.refused.items() if code not in BROKER_CODES}
    if odd:
        raise LabError(f"without a broker, writes are answered with {odd}")
    for node in run.nodes:
        connection = Connection(node)
        answer = connection.ask("GET", "/subjects/same/versions/latest")
        connection.close()
        if answer is None or answer[0] != 200:
            raise LabError(f"without a broker, a node on {node.port} answers {answer} to a GET")
    said = dict(run.refused)
    cluster.start_broker()
    up = time.monotonic()
    wait_for("not all writers go on", lambda: all(writer.last and writer.last > up for writer in writers), BROKER_S)
    return said, time.monotonic() - up


def run(work, rounds, brokers, seed):
    """All of it; gives the figures."""
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    rng, outages = random.Random(seed), []
    with Cluster(work / "cluster") as cluster:
        nodes = [Node(work, number, cluster.name_server) for number in range(2)]
        writers = []
        try:
            for node in nodes:
                node.start()
            status, _ = Connection(nodes[0]).ask("PUT", "/config", {"compatibility": "NONE"})
            if status != 200:
                raise LabError(f"the level cannot be set: {status}")
            shared = Run(nodes)
            writers = [Writer(shared, number) for number in range(WRITERS)]
            for writer in writers:
                writer.start()
            kill_nodes(nodes, rounds, rng)
            for _ in range(brokers):
                outages.append(kill_broker(cluster, shared, writers, rng))
                kill_nodes(nodes, 1, rng)
            shared.end.set()
            for writer in writers:
                writer.join(REQUEST_S + 5)
                if writer.is_alive():
                    raise LabError("a writer got no answer")
            listed = check(nodes, writers)
            for node in nodes:
                node.kill()
                node.start()
            check(nodes, writers, listed)
        finally:
            for node in nodes:
                node.kill()
    count = sum(len(writer.acknowledged) for writer in writers)
    if count < WRITERS:
        raise LabError(f"only {count} schemas were acknowledged")
    seconds = time.monotonic() - shared.began
    return {"acknowledged": count, "versions": len(listed), "seconds": seconds, "rounds": rounds + brokers, "outages": outages, "seed": seed}


def main():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="so often is a node killed")
    parser.add_argument("--brokers", type=int, default=1, help="so often is the broker killed")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    work = target_dir() / "registry-nodes"
    done = run(work, args.rounds, args.brokers, args.seed)
    shutil.rmtree(work)
    for said, seconds in done["outages"]:
        print(f"without a broker: {said}; {seconds:.1f} s after it was back, all 100 writers had gone on")
    print(f"registry nodes: {done['acknowledged']:,} acknowledged schemas, {done['versions']:,} versions, two nodes that agree after "
          f"{done['rounds']} kills of a node and {len(done['outages'])} of the broker, {done['seconds']:.0f} s; 1 passed, 0 failed")


if __name__ == "__main__":
    try:
        main()
    except (LabError, RuntimeError) as error:
        sys.exit(f"registry nodes: {error}")
