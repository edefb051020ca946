#!/usr/bin/env python3
"""`gantry schema`: schemas are registered, checked, compared and deleted on one registry, and moved to others by file, by address and as a
dump of Confluent's topic. Everything that REST tells of the registries is the same afterwards, also when a move breaks off on the way."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time
import urllib.parse

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "scripts" / "lib"))
from worker import LabError, Proc, Rest, free_port, gantry_binary, target_dir, wait_for  # noqa: E402

READY_S = 20
# So many more schemas make a move long enough to be interrupted.
MANY = 1500

ADDRESS = {"type": "record", "name": "Address", "fields": [{"name": "street", "type": "string"}]}
ORDER = {"type": "record", "name": "Order", "fields": [{"name": "id", "type": "long"}, {"name": "to", "type": "Address"}]}
COMMON = 'syntax = "proto3";\npackage shop;\n\nmessage Money {\n  int64 units = 1;\n}\n'
BILL = 'syntax = "proto3";\npackage shop;\n\nimport "common.proto";\n\nmessage Bill {\n  Money total = 1;\n}\n'
RULES = {"domainRules": [{"name": "r", "kind": "CONDITION", "mode": "WRITE", "type": "CEL", "expr": "true"}]}


def quote(name):
    """A name in a path."""
    return urllib.parse.quote(name, safe="")


class Registry:
    """A registry with a directory of its own."""

    def __init__(self, work, name):
        self.url = f"http://127.0.0.1:{free_port()}"
        self.rest = Rest(self.url)
        command = [gantry_binary(), "schema-registry", "--listen", self.url.removeprefix("http://"), "--data", work / name]
        self.process = Proc(command, work / f"{name}.log")
        wait_for(f"the registry {name} does not answer", self.answers, READY_S, 0.02)

    def answers(self):
        """Whether it answers."""
        try:
            return self.rest.call("GET", "/subjects")[0] == 200
        except OSError:
            return False

    def ask(self, method, path, body=None):
        """The answer to a request that must succeed."""
        status, answer = self.rest.call(method, path, body)
        if status >= 300:
            raise LabError(f"{method} {path}: {status} {answer}")
        return answer

    def all(self):
        """Everything that REST tells, but times."""
        told = {}

        def tell(path):
            status, answer = self.rest.call("GET", path)
            if isinstance(answer, dict):
                answer.pop("ts", None)
            told[path] = status, answer
            return answer

        contexts = tell("/contexts")
        levels = [""] + [f"/{quote(f':{context}:')}" for context in contexts + [".__GLOBAL"]]
        for subject in tell("/subjects?deleted=true"):
            tell(f"/subjects/{quote(subject)}/versions")
            levels.append(f"/{quote(subject)}")
            for version in tell(f"/subjects/{quote(subject)}/versions?deleted=true"):
                place = f"/subjects/{quote(subject)}/versions/{version}"
                schema = tell(f"{place}?deleted=true")
                tell(f"{place}/referencedby?deleted=true")
                tell(f"/schemas/ids/{schema['id']}?subject={quote(subject)}")
                tell(f"/schemas/guids/{schema['guid']}")
        for level in levels:
            tell(f"/config{level}")
            tell(f"/mode{level}")
        return told


def gantry(*args, url=None, fails=False, text=None):
    """Standard output and standard error of a command that must succeed, or fail with the status 1."""
    command = [gantry_binary(), "schema", *map(str, args), *(["--url", url] if url else [])]
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode != (1 if fails else 0):
        raise LabError(f"{' '.join(command)}: status {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout, done.stderr


def must_tell(what, *texts):
    """Fails when a text is not in what was told."""
    told = "".join(what)
    for text in texts:
        if text not in told:
            raise LabError(f"'{text}' is missing in:\n{told}")


def must_equal(one, other, what):
    """Fails with the first difference."""
    for path in one.keys() | other.keys():
        if one.get(path) != other.get(path):
            raise LabError(f"{what}: GET {path}\n  {one.get(path)}\n  {other.get(path)}")


def write(path, schema):
    """A file with a schema."""
    path.write_text(schema if isinstance(schema, str) else json.dumps(schema, indent=1))
    return path


def commands(work, registry):
    """Registers, checks, compares and deletes with the commands; leaves something of every kind."""
    url, file = registry.url, lambda name, schema: write(work / name, schema)
    address = file("address.avsc", ADDRESS)
    must_tell(gantry("register", "address", address, "--dry-run", url=url), "would be registered")
    must_tell(gantry("register", "address", address, url=url), "address version 1, id 1: registered")
    must_tell(gantry("register", "address", address, url=url), "was there already")
    must_tell(gantry("register", "address", "-", "--type", "avro", url=url, text=json.dumps(ADDRESS)), "was there already")
    order = file("order.avsc", ORDER)
    must_tell(gantry("register", "order", order, url=url, fails=True), "Address")
    gantry("register", "order", order, "--reference", "Address=address:1", url=url)
    zip_code = {"name": "zip", "type": "string"}
    worse = {**ADDRESS, "fields": ADDRESS["fields"] + [zip_code]}
    better = {**ADDRESS, "fields": ADDRESS["fields"] + [{**zip_code, "default": ""}]}
    worse, better = file("worse.avsc", worse), file("better.avsc", better)
    must_tell(gantry("check", "address", worse, url=url, fails=True), "address: not compatible", "READER_FIELD_MISSING_DEFAULT_VALUE")
    must_tell(gantry("check", "address", worse, "--all-versions", url=url, fails=True), "address version 1: not compatible")
    must_tell(gantry("register", "address", worse, "--dry-run", url=url, fails=True), "would be refused")
    must_tell(gantry("check", "address", better, "--version", "latest", url=url), "address version latest: compatible")
    answer = json.loads(gantry("check", "address", better, "--json", url=url)[0])
    must_tell(str(answer), "'is_compatible': True")
    gantry("register", "address", better, url=url)
    must_tell(gantry("diff", "address", 1, 2, url=url), "--- address version 1", '+      "name": "zip",', "address version 2 reads what address version 1 wrote")
    must_tell(gantry("diff", "address", worse, url=url), '-      "default": ""', "worse.avsc reads what address version 2 wrote")
    gantry("register", "common", file("common.proto", COMMON), url=url)
    gantry("register", ":.shop:bill", file("bill.proto", BILL), "--reference", "common.proto=:.:common:1", url=url, fails=True)
    gantry("register", ":.shop:common", work / "common.proto", url=url)
    gantry("register", ":.shop:bill", work / "bill.proto", "--reference", "common.proto=common:1", url=url)
    must_tell(gantry("register", "also-address", address, url=url), "also-address version 1, id 1: registered")
    must_tell(gantry("delete", "address", "--version", 1, url=url, fails=True), "--yes")
    must_tell(gantry("delete", "address", "--version", 1, "--yes", url=url, fails=True), "order version 1 (id 2) refers to version 1")
    must_tell(gantry("delete", "order", "--yes", url=url), "deleted: order version(s) 1")
    must_tell(gantry("delete", "order", "--yes", url=url, fails=True), "--permanent")
    must_tell(gantry("delete", "address", "--version", 1, "--yes", url=url), "deleted: address version(s) 1")
    must_tell(gantry("delete", "address", "--version", 1, "--permanent", "--yes", url=url, fails=True), "order version 1 (id 2) refers to")
    gantry("register", "gone", file("gone.json", {"type": "string"}), url=url)
    must_tell(gantry("delete", "gone", "--permanent", "--yes", url=url), "deleted for good: gone version(s) 1")
    must_tell(gantry("show", "gone", url=url, fails=True), "gone")
    must_tell(gantry("show", "--id", 1, url=url), "id 1, AVRO", '"name": "Address"')
    must_tell(gantry("show", ":.shop:bill", url=url), "refers to common version 1 as common.proto", "message Bill {")
    must_tell(gantry("list", "--deleted", url=url), "address        2       3   AVRO      BACKWARD", "order          1       2   AVRO      BACKWARD  deleted")
    listed = json.loads(gantry("list", "--context", "shop", "--prefix", "b", "--json", url=url)[0])
    must_tell(str(listed), "':.shop:bill', 'version': 1")


def more(registry):
    """What the commands do not make: contracts, configs, modes, the same id as several versions."""
    ask = registry.ask
    text = json.dumps({"type": "object", "properties": {"a": {"type": "string"}}})
    contract = {"schema": text, "schemaType": "JSON", "metadata": {"properties": {"owner": "me"}, "tags": {"a": ["PII"]}, "sensitive": ["owner"]}, "ruleSet": RULES}
    ask("POST", "/subjects/person/versions", contract)
    ask("PUT", "/config/twice", {"compatibility": "NONE"})
    for kind in ("int", "long", "int", "string"):
        ask("POST", "/subjects/twice/versions", {"schema": json.dumps(kind)})
    ask("DELETE", "/subjects/twice/versions/2")
    ask("PUT", "/mode/several?force=true", {"mode": "IMPORT"})
    for version in (3, 5, 9):
        ask("POST", "/subjects/several/versions", {"schema": '"bytes"', "id": 77, "version": version})
    ask("DELETE", "/subjects/several/versions/5")
    ask("DELETE", "/mode/several")
    ask("PUT", "/config", {"compatibility": "FULL_TRANSITIVE", "normalize": True})
    ask("PUT", f"/config/{quote(':.shop:')}", {"compatibility": "FORWARD"})
    ask("PUT", "/config/person", {"compatibility": "BACKWARD", "defaultMetadata": {"properties": {"team": "x"}}})
    ask("PUT", "/config/order", {"alias": "address"})
    ask("PUT", "/mode/person", {"mode": "READONLY"})
    ask("PUT", f"/mode/{quote(':.shop:')}", {"mode": "READONLY_OVERRIDE"})


def as_printed(export):
    """An export as kafka-console-consumer prints the topic of Confluent's registry, with what had happened before."""
    key = {"keytype": "SCHEMA", "subject": "person", "version": 7, "magic": 1}
    value = {"subject": "person", "version": 7, "id": 999, "schema": '"float"', "deleted": False}
    records = [({"keytype": "NOOP", "magic": 0}, None), (key, value), ({"keytype": "CLEAR_SUBJECT", "subject": "person", "magic": 0}, {"subject": "person"}), (key, None)]
    records += [(record["key"], record["value"]) for record in map(json.loads, export.splitlines())]
    printed = []
    for key, value in records:
        if key["keytype"] == "SCHEMA" and key["subject"] == "order" and value["deleted"]:
            value = {**value, "deleted": False}
            printed.append((key, value))
            key, value = {"keytype": "DELETE_SUBJECT", "subject": "order", "magic": 0}, {"subject": "order", "version": 1}
        printed.append((key, value))
    return "".join(f"CreateTime:1700000000000\t{json.dumps(key)}\t{json.dumps(value)}\n" for key, value in printed)


def moves(work, start, source):
    """By file, by address, as a dump; and once more, which changes nothing."""
    expected = source.all()
    export = work / "export.jsonl"
    gantry("export", export, url=source.url)
    printed = write(work / "printed.tsv", as_printed(export.read_text()))
    for name, origin in (("file", export), ("address", source.url), ("dump", printed)):
        target = start(name)
        must_tell(gantry("import", "--from", origin, "--to", target.url), "are the same")
        must_equal(expected, target.all(), name)
        must_tell(gantry("import", "--from", origin, url=target.url), "target: 0 registered, 0 deleted", "are the same")
        must_equal(expected, target.all(), f"{name}, again")
    text, _ = gantry("export", url=target.url)
    if text != export.read_text():
        raise LabError("the export of a registry with the same schemas is another one")
    new = [registry.ask("POST", "/subjects/new/versions", {"schema": '"double"'})["id"] for registry in (source, target)]
    if new[0] != new[1]:
        raise LabError(f"the next ids are {new}")
    return export, len(expected)


def others(work, start, export):
    """A target with other schemas: refused, taken beside them, and refused for good where they contradict."""
    target = start("others")
    target.ask("POST", "/subjects/mine/versions", {"schema": json.dumps({"type": "fixed", "name": "F", "size": 3}), "schemaType": "AVRO"})
    before = target.all()
    must_tell(gantry("import", "--from", export, url=target.url, fails=True), "id 1: ", "another schema in the target, mine version 1")
    must_tell(gantry("import", "--from", export, "--force", url=target.url, fails=True), "nothing was imported")
    must_equal(before, target.all(), "after a refusal")
    target = start("beside")
    target.ask("PUT", "/mode/mine", {"mode": "IMPORT"})
    target.ask("POST", "/subjects/mine/versions", {"schema": '"float"', "id": 500, "version": 1})
    target.ask("DELETE", "/mode/mine")
    must_tell(gantry("import", "--from", export, url=target.url, fails=True), "mine", "--force")
    told = gantry("import", "--from", export, "--force", url=target.url)
    must_tell(told, "are the same", "/config stays as it is")
    if target.ask("GET", "/mode") != {"mode": "READWRITE"} or target.ask("GET", "/config") != {"compatibilityLevel": "BACKWARD"}:
        raise LabError("what holds for other schemas was changed")
    # What came before the export is now something else there.
    target.ask("PUT", "/mode/also-address?force=true", {"mode": "IMPORT"})
    target.ask("POST", "/subjects/also-address/versions", {"schema": '"boolean"', "id": 501, "version": 1})
    must_tell(gantry("import", "--from", export, "--force", url=target.url, fails=True), "also-address version 1: id 1 in the source, id 501 in the target")


def interrupted(work, start):
    """A move that is interrupted puts the mode back, and goes on when it is repeated."""
    lines = []
    for number in range(1, MANY + 1):
        schema = json.dumps({"type": "enum", "name": f"E{number}", "symbols": ["A"]})
        subject = f"many-{number % 500}"
        version = (number - 1) // 500 + 1
        key = {"keytype": "SCHEMA", "subject": subject, "version": version, "magic": 1}
        lines.append(json.dumps({"key": key, "value": {"subject": subject, "version": version, "id": number, "schema": schema, "deleted": number % 3 == 0}}))
    lines.append(json.dumps({"key": {"keytype": "CONFIG", "magic": 0}, "value": {"compatibilityLevel": "NONE"}}))
    many = write(work / "many.jsonl", "\n".join(lines))
    target = start("interrupted")
    command = [gantry_binary(), "schema", "import", "--from", str(many), "--to", target.url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        wait_for("nothing is imported", lambda: target.ask("GET", "/subjects"), READY_S, 0.005)
        process.send_signal(signal.SIGINT)
        told = process.communicate(timeout=60)[0]
    if process.returncode != 1:
        raise LabError(f"an interrupted import ended with {process.returncode}: {told}")
    must_tell(told, "it was interrupted. Run it again to go on")
    if target.ask("GET", "/mode") != {"mode": "READWRITE"}:
        raise LabError("the mode was not put back")
    there = len(target.ask("GET", "/schemas?deleted=true&limit=1000"))
    # As one that was killed would have left it.
    target.ask("PUT", "/mode?force=true", {"mode": "IMPORT"})
    told = gantry("import", "--from", many, url=target.url)
    must_tell(told, "are the same", f"{there} were there" if there < 1000 else "were there", "/mode of the target was IMPORT before")
    if target.ask("GET", "/config") != {"compatibilityLevel": "NONE"}:
        raise LabError("the config was not set")
    return there


def main():
    """Runs all of it."""
    work = target_dir() / "registry-move"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    os.environ.pop("GANTRY_USER", None)
    began, registries = time.monotonic(), []

    def start(name):
        registries.append(Registry(work, name))
        return registries[-1]

    try:
        source = start("source")
        commands(work, source)
        more(source)
        export, count = moves(work, start, source)
        others(work, start, export)
        there = interrupted(work, start)
    finally:
        for registry in registries:
            registry.process.kill()
    shutil.rmtree(work)
    print(f"registry: {count} answers are the same after 3 moves, one went on from {there} of {MANY} schemas, {time.monotonic() - began:.0f} s; 1 passed, 0 failed")


if __name__ == "__main__":
    try:
        main()
    except LabError as error:
        sys.exit(f"registry: {error}")
