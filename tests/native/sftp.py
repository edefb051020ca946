#!/usr/bin/env python3
"""Files arrive on an OpenSSH server, plain and packed, some of them faulty, while the worker that reads them is killed at
random and the server goes away and comes back: each record is in its topic once and in the order of its file, and each file
has gone to where it belongs. What is wrong with the server, the login, the host key or a directory is said.

    tests/native/sftp.py --kills 10 --seed 1
"""

import argparse
import bz2
import gzip
import json
import pathlib
import random
import shutil
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT / "tests" / "servers"), str(ROOT / "scripts" / "lib"), str(HERE)]
from spool import KEY, LIMIT_S, VALUE, Directory, csv, dump, values  # noqa: E402
from sftp import Sftp  # noqa: E402
from worker import STRING, Gantry, LabError, target_dir, wait_for  # noqa: E402

CLASS = "io.confluent.connect.sftp.Sftp"
FILES = 30


class Remote(Directory):
    """What a connector reads on the server."""

    def __init__(self, server, name, make, config):
        self.server, self.name, self.make = server, name, make
        self.home = server.files / name
        self.made, self.faulty = {}, set()
        for folder in ("input", "finished", "error", "aside"):
            server.folder(f"{name}/{folder}")
        server.give(self.home)
        self.config = {
            "connector.class": CLASS + config.pop("class"), "kafka.topic": name, "input.file.pattern": r"^f.*$", "tasks.max": "2",
            "empty.poll.wait.ms": "20", "batch.size": "7", "behavior.on.error": "IGNORE", "errors.tolerance": "none",
            "key.converter": "org.apache.kafka.connect.json.JsonConverter",
            "gantry.sftp.connect.timeout.ms": "5000", "gantry.sftp.request.timeout.ms": "5000",
            **{f"{folder}.path": str(self.home / folder) for folder in ("input", "finished", "error")}, **server.config(), **config,
        }

    def put(self, chance):
        """A file, whole at once."""
        name = f"f{len(self.made):04}"
        text, records, is_faulty = self.make(name, chance)
        end, pack = chance.choice([("", bytes), (".gz", gzip.compress), (".bz2", bz2.compress)])
        aside = self.home / "aside" / name
        aside.write_bytes(pack(text.encode()))
        self.server.give(aside).rename(self.home / "input" / (name + end))
        self.made[name + end] = records
        if is_faulty:
            self.faulty.add(name + end)


def all_of(server):
    schemas = {"key.schema": json.dumps(KEY), "value.schema": json.dumps(VALUE)}
    text = {"value.converter": STRING}
    return [
        Remote(server, "rows", csv, {"class": "CsvSourceConnector", "csv.skip.lines": "1", "csv.first.row.as.header": "true", **schemas}),
        Remote(server, "json", values, {"class": "SchemaLessJsonSourceConnector", **text}),
        Remote(server, "generic", values, {"class": "GenericSourceConnector", "input.file.parser.format": "SCHEMALESS_JSON", **text}),
    ]


def counted(worker, directories):
    for directory in directories:
        wait_for(f"{directory.home}/input is not empty; see {worker.home}", directory.is_done, LIMIT_S)
    for directory in directories:
        topic = [(file, json.loads(value)) for file, value in dump(worker, directory.name)]
        count = directory.check(topic)
        print(f"{directory.name}: {count} records of {len(directory.made)} files, {len(directory.faulty)} of them faulty", flush=True)


def big(server, directory):
    """A file in whose middle the server goes away: so large that it is not read ahead as a whole."""
    name = "f-big"
    records = [{"id": at, "text": "x" * 100} for at in range(60_000)]
    aside = directory.home / "aside" / name
    aside.write_text("\n".join(map(json.dumps, records)))
    server.give(aside).rename(directory.home / "input" / name)
    directory.made[name] = records


def kills(work, server, number, chance):
    directories = all_of(server)
    files = []
    for directory in directories:
        files.append(work / f"{directory.name}.json")
        files[-1].write_text(json.dumps({"name": directory.name, "config": directory.config}))
    props = {"value.converter.schemas.enable": "false", "key.converter.schemas.enable": "false"}
    for at in range(number + 1):
        worker = Gantry(work / "worker", files, props)
        try:
            worker.wait_ready()
            for _ in range(FILES // (number + 1)):
                for directory in directories:
                    directory.put(chance)
                time.sleep(chance.uniform(0, 0.1))
            if at < number:
                time.sleep(chance.uniform(0, 1))
                worker.kill()
                continue
            counted(worker, directories)
            # The server goes away in the middle of a file, twice, and once it is stopped for longer than a time-out.
            for down_s in (0, 7):
                big(server, directories[1]) if down_s == 0 else directories[1].put(chance)
                if down_s == 0:
                    wait_for("the big file is not begun", lambda: flag(directories[1], "f-big").exists() or not directories[1].is_done(), LIMIT_S)
                    time.sleep(0.3)
                server.kill()
                time.sleep(down_s)
                directories[0].put(chance)
                server.start()
            counted(worker, directories)
            if "going on in it" not in worker.log.read_text():
                raise LabError(f"no file was broken off; see {worker.home}")
        finally:
            worker.stop()


def flag(directory, name):
    return directory.home / "input" / f"{name}.PROCESSING"


def refused(worker, config, key, *texts):
    """A configuration that is wrong in one thing: its key says so, and nothing that is secret."""
    name = config["connector.class"].rsplit(".", 1)[1]
    status, answer = worker.rest.call("PUT", f"/connector-plugins/{name}/config/validate", {"name": "x", **config})
    if status != 200:
        raise LabError(f"validate: {status} {answer}")
    errors = {one["value"]["name"]: one["value"]["errors"] for one in answer["configs"] if one["value"]["errors"]}
    if list(errors) != [key]:
        raise LabError(f"{key} should be refused, and is: {errors}")
    for text in texts:
        if text not in errors[key][0]:
            raise LabError(f"{key}: '{text}' is not in: {errors[key][0]}")
    if "secret" in json.dumps(errors):
        raise LabError(f"a secret is shown: {errors}")
    print(f"refused: {errors[key][0]}", flush=True)


def errors(work, server):
    worker = Gantry(work / "errors")
    try:
        worker.wait_ready()
        good = all_of(server)[0].config | {"csv.skip.lines": "0"}
        status, answer = worker.rest.call("PUT", "/connector-plugins/SftpCsvSourceConnector/config/validate", {"name": "x", **good})
        if (status, answer["error_count"]) != (200, 0):
            raise LabError(f"{status} {[one['value'] for one in answer['configs'] if one['value']['errors']]}")
        other = (server.directory / "other_ed25519").read_text()
        stranger = "SHA256:" + "A" * 42 + "E"
        refused(worker, good | {"sftp.port": "1"}, "sftp.host", "127.0.0.1:1 cannot be reached")
        refused(worker, good | {"tls.private.key": other, "tls.passphrase": ""}, "tls.private.key", "does not let the user")
        refused(worker, good | {"tls.private.key": "", "sftp.password": "my-secret"}, "sftp.password", "does not let the user")
        refused(worker, good | {"tls.private.key": ""}, "sftp.password", "has to be set to log in")
        refused(worker, good | {"tls.passphrase": "wrong-secret"}, "tls.private.key", "cannot be read")
        refused(worker, good | {"tls.passphrase": ""}, "tls.passphrase", "has a passphrase")
        refused(worker, good | {"gantry.sftp.host.keys": stranger}, "gantry.sftp.host.keys", server.fingerprint, stranger)
        refused(worker, good | {"input.path": "/nowhere/at/all"}, "input.path", "must be a directory", "No such file")
        refused(worker, good | {"error.path": "/"}, "error.path", "should be writable")
        refused(worker, good | {"kerberos.keytab.path": "/k"}, "kerberos.keytab.path", "Kerberos is not supported", "tls.private.key")
        refused(worker, good | {"sftp.proxy.url": "http://p:1"}, "sftp.proxy.url", "a proxy is not supported")
        known = work / "known_hosts"
        host = (server.directory / "host_ed25519.pub").read_text().split()
        known.write_text(f"[127.0.0.1]:{server.port} {host[0]} {host[1]}\n")
        by_file = good | {"gantry.sftp.host.keys": "", "gantry.sftp.known.hosts": str(known)}
        status, answer = worker.rest.call("PUT", "/connector-plugins/SftpCsvSourceConnector/config/validate", {"name": "x", **by_file})
        if answer["error_count"] != 0:
            raise LabError(f"a known host is refused: {answer}")
        before = server.fingerprint
        server.stop()
        server.new_host_key()
        server.start()
        refused(worker, by_file, "gantry.sftp.known.hosts", before, server.fingerprint)
    finally:
        worker.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    work = target_dir() / "native" / "sftp"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    begun = time.monotonic()
    with Sftp(work / "server") as server:
        kills(work, server, arguments.kills, random.Random(arguments.seed))
    with Sftp(work / "server2") as server:
        errors(work, server)
    print(f"each record once after {arguments.kills} kills, {time.monotonic() - begun:.0f} s")


if __name__ == "__main__":
    main()
