#!/usr/bin/env python3
"""The schema registry of a worker: beside the REST API, over TLS, with users, tokens and rights, on a port that is taken, from a
configuration of Confluent's; which connectors a change of a schema breaks."""

import base64
import http.client
import json
import pathlib
import shutil
import socket
import ssl
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "scripts" / "lib"))
from worker import Gantry, LabError, Proc, free_port, gantry_binary, target_dir, wait_for, write_properties  # noqa: E402

TLS = HERE.parents[1] / "gateway" / "tests" / "tls"
LIMIT_S = 20
STRING = {"schema": '"string"'}
KEYS = {"ssl.keystore.location": TLS / "server.jks", "ssl.keystore.password": "changeit", "ssl.key.password": "keysecret"}
checks = []


def check(what, is_so, seen=None):
    """Counts a check; raises when it is not so."""
    if not is_so:
        raise LabError(f"{what}: {seen}")
    checks.append(what)


class Client:
    """A client of a registry on this machine; `user` is NAME:PASSWORD, or a token behind Bearer."""

    def __init__(self, port, user=None, ca=None, cert=None):
        self.port, self.context, self.headers = port, None, {"Content-Type": "application/vnd.schemaregistry.v1+json"}
        if user:
            is_token = user.startswith("Bearer ")
            self.headers["Authorization"] = user if is_token else "Basic " + base64.b64encode(user.encode()).decode()
        if ca:
            self.context = ssl.create_default_context(cafile=ca)
            if cert:
                self.context.load_cert_chain(cert)

    def send(self, method, path, body=None):
        """Status, headers and JSON of an answer."""
        if self.context:
            connection = http.client.HTTPSConnection("localhost", self.port, timeout=LIMIT_S, context=self.context)
        else:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=LIMIT_S)
        try:
            connection.request(method, path, None if body is None else json.dumps(body), self.headers)
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), json.loads(answer.read() or b"null")
        finally:
            connection.close()

    def expect(self, status, method, path, body=None):
        """The JSON of an answer that must have a status."""
        got, _, answer = self.send(method, path, body)
        check(f"{method} {path} answers {status}", got == status, (got, answer))
        return answer


def started(work, name, props):
    """A worker that answers."""
    worker = Gantry(work / name, props={"gantry.data.dir": work / name / "data", **props})
    worker.wait_ready()
    return worker


def stopped(worker):
    """Ends a worker in order."""
    check("the worker ends in order", worker.stop() == 0, worker.tail())


def beside_a_worker(work):
    """The registry over the worker's log: nothing before it is asked for, its topic guarded, there after a restart."""
    port = free_port()
    props = {"gantry.schema.registry.listeners": f"http://127.0.0.1:{port}", "gantry.schema.registry.compatibility.level": "full"}
    worker, client = started(work, "beside", props), Client(port)
    topics = worker.rest.call("GET", "/gantry/topics")[1]
    check("an idle registry makes no topic", "_schemas" not in json.dumps(topics), topics)
    number = client.expect(200, "POST", "/subjects/s/versions", STRING)["id"]
    level = client.expect(200, "GET", "/config")
    check("the default level is that of the key", level["compatibilityLevel"].upper() == "FULL", level)
    status, answer = worker.rest.call("POST", "/gantry/topics/_schemas/records", {"value": "31"})
    check("nobody writes to its topic", status == 400 and "_schemas holds the schemas" in answer["message"], answer)
    status, answer = worker.rest.call("DELETE", "/gantry/topics/_schemas")
    check("nobody deletes its topic", status == 400, answer)
    (work / "in.txt").write_text("a line\n", encoding="ascii")
    source = {"connector.class": "FileStreamSource", "file": str(work / "in.txt"), "topic": "_schemas", "tasks.max": "1"}
    worker.rest.create("intruder", source)
    trace = wait_for("the source does not fail", lambda: failed(worker, "intruder"), LIMIT_S)
    check("no source writes to its topic", "gantry.schema.registry.topic" in trace, trace)
    stopped(worker)
    try:
        client.send("GET", "/subjects")
        raise LabError("the registry listens after the end of its worker")
    except OSError:
        checks.append("the registry ends with its worker")
    worker = started(work, "beside", props)
    found = client.expect(200, "GET", f"/schemas/ids/{number}")
    check("schemas outlive the worker", found["subject"] == "s", found)
    worker.kill()


def failed(worker, connector):
    """The trace of the first task, once it has failed."""
    status = worker.rest.status(connector)
    tasks = status["tasks"] if status else []
    return tasks[0].get("trace") if tasks and tasks[0]["state"] == "FAILED" else None


def lines(work, name, without="nothing"):
    """A source of structs with the fields `line` and `by`, but for one that is left out."""
    steps = {"transforms": "hoist,mark,drop,name", "transforms.hoist.type": "org.apache.kafka.connect.transforms.HoistField$Value",
             "transforms.hoist.field": "line", "transforms.mark.type": "org.apache.kafka.connect.transforms.InsertField$Value",
             "transforms.mark.static.field": "by", "transforms.mark.static.value": "lab",
             "transforms.drop.type": "org.apache.kafka.connect.transforms.ReplaceField$Value", "transforms.drop.exclude": without,
             "transforms.name.type": "org.apache.kafka.connect.transforms.SetSchemaMetadata$Value", "transforms.name.schema.name": "lab.Row"}
    return {"connector.class": "FileStreamSource", "tasks.max": "1", "file": str(work / f"{name}.in"), "topic": name, **steps}


def impact(work):
    """Lines as Avro through a topic: what the registry foretells of the sink, and that it comes true."""
    port, out, field = free_port(), work / "rows.out", {"name": "line", "type": "string"}
    props = {"gantry.schema.registry.listeners": f"http://127.0.0.1:{port}", "value.converter": "io.confluent.connect.avro.AvroConverter",
             "value.converter.schema.registry.url": f"http://127.0.0.1:{port}", "key.converter": "org.apache.kafka.connect.storage.StringConverter"}
    worker, client = started(work, "impact", props), Client(port)
    (work / "rows.in").write_text("a line\n", encoding="ascii")
    sink = {"connector.class": "FileStreamSink", "tasks.max": "1", "file": str(out), "topics": "rows", "transforms": "extract",
            "transforms.extract.type": "org.apache.kafka.connect.transforms.ExtractField$Value", "transforms.extract.field": "line"}
    worker.rest.create("rows-source", lines(work, "rows"))
    worker.rest.create("rows-sink", sink)
    wait_for("no line arrives", lambda: out.exists() and out.read_text() == "a line\n", LIMIT_S)
    schema = json.loads(client.expect(200, "GET", "/subjects/rows-value/versions/latest")["schema"])
    check("the schema has the field", field in schema["fields"], schema)

    def changed(name, fields):
        file = work / f"{name}.avsc"
        file.write_text(json.dumps({**schema, "fields": fields}), encoding="utf-8")
        return file

    def told(file, *more):
        command = [gantry_binary(), "schema", "--url", f"http://127.0.0.1:{port}", "check", "rows-value", file, *more]
        done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=False)
        return done.returncode, done.stdout + done.stderr

    source, good = "source connector rows-source (value of rows): goes on", "sink connector rows-sink (value of rows): goes on"
    added = changed("added", [*schema["fields"], {"name": "more", "type": "int", "default": 0}])
    expected = f"rows-value: compatible\n{good}\n{source}\n"
    for more in ((), ("--fail-on-impact",)):
        check("a field more breaks nothing", told(added, *more) == (0, expected), told(added, *more))
    removed = changed("removed", [one for one in schema["fields"] if one != field])
    code, text = told(removed)
    check("the level allows a field less", code == 0 and "rows-value: compatible\n" in text and source in text, text)
    check("a field less breaks the sink", "sink connector rows-sink (value of rows): breaks\n" in text and "'line'" in text, text)
    check("which may end a check", told(removed, "--fail-on-impact") == (1, text), text)
    body = {"schema": removed.read_text("utf-8")}
    path = "/compatibility/subjects/rows-value/versions/latest"
    check("who does not ask gets the same as ever", client.expect(200, "POST", path, body) == {"is_compatible": True})
    worker.rest.call("PUT", "/connectors/rows-sink/pause")
    checked = client.expect(200, "POST", path + "?impact=true", body)["impact"]
    answer = client.expect(200, "POST", "/subjects/rows-value/versions?impact=true", body)
    check("registering tells the same, and registers", answer["version"] == 2 and answer["impact"] == checked, answer)
    shown = [(one["name"], one["type"], one["topic"], one["part"], one["breaks"]) for one in checked["connectors"]]
    known = [("rows-sink", "sink", "rows", "value", True), ("rows-source", "source", "rows", "value", False)]
    check("a paused sink counts", shown == known, checked)
    worker.rest.call("PUT", "/connectors/rows-sink/resume")
    status, answer = worker.rest.call("PUT", "/connectors/rows-source/config", lines(work, "rows", without="line"))
    check("the source may leave the field out", status == 200, answer)
    with open(work / "rows.in", "a", encoding="ascii") as file:
        file.write("another\n")
    trace = wait_for("the sink goes on", lambda: failed(worker, "rows-sink"), LIMIT_S)
    check("it breaks for the reason that was told", "line" in trace, trace)
    stopped(worker)


def guarded(work):
    """TLS with client certificates, passwords, tokens, rights that change while the worker runs."""
    port, rights = free_port(), work / "rights.json"
    users = [{"username": "ann", "password": "wonder land"}, {"username": "ci", "token": "t0ken"}]
    permissions = [{"username": "ann", "operation": "All", "resource": "*"},
                   {"username": "ci", "operation": ["Read", "Write"], "resource": "Subject:orders-*"}]

    def write(more=()):
        rights.write_text(json.dumps({"users": users, "permissions": permissions + list(more)}), encoding="utf-8")

    write()
    props = {**KEYS, "gantry.schema.registry.listeners": f"https://127.0.0.1:{port}", "gantry.schema.registry.rights.file": rights,
             "ssl.client.auth": "required", "ssl.truststore.location": TLS / "trust.jks", "gantry.schema.registry.realm": "Schemas"}
    worker = started(work, "guarded", props)
    ca, cert = str(TLS / "ca.pem"), str(TLS / "client.pem")
    nobody, ann, ci = (Client(port, user, ca, cert) for user in (None, "ann:wonder land", "Bearer t0ken"))
    try:
        Client(port, "ann:wonder land", ca).send("GET", "/subjects")
        raise LabError("a client without a certificate was answered")
    except (OSError, http.client.HTTPException):
        checks.append("clients without a certificate are cut off")
    status, headers, body = nobody.send("GET", "/subjects")
    headers = {name.lower(): value for name, value in headers.items()}
    check("strangers get 401", status == 401 and body == {"error_code": 401, "message": "Unauthorized"}, body)
    check("the realm is told", headers.get("www-authenticate") == 'Basic realm="Schemas"', headers)
    Client(port, "ann:wrong", ca, cert).expect(401, "GET", "/subjects")
    hidden = ann.expect(200, "POST", "/subjects/hidden/versions", {"schema": '"long"'})["id"]
    ci.expect(200, "POST", "/subjects/orders-value/versions", STRING)
    check("lists show what may be seen", ci.expect(200, "GET", "/subjects") == ["orders-value"])
    check("who may see all does", len(ann.expect(200, "GET", "/subjects")) == 2)
    denied = ci.expect(403, "POST", "/subjects/hidden/versions", STRING)
    check("a missing right is named", denied == {"error_code": 40301, "message": "User is denied operation Write on Subject: hidden"}, denied)
    ci.expect(403, "GET", f"/schemas/ids/{hidden}")
    ci.expect(403, "DELETE", "/subjects/orders-value")
    ci.expect(403, "PUT", "/config", {"compatibility": "NONE"})
    write([{"username": "ci", "operation": "Read", "resource": "Subject:hidden"}])
    wait_for("changed rights do not count", lambda: ci.send("GET", f"/schemas/ids/{hidden}")[0] == 200, LIMIT_S)
    rights.write_text("{", encoding="ascii")
    wait_for("a wrong file is not told", lambda: "what was read before still holds" in worker.tail(50), LIMIT_S)
    ci.expect(200, "GET", f"/schemas/ids/{hidden}")
    stopped(worker)
    again = Gantry(work / "guarded", props={"gantry.data.dir": work / "guarded" / "data", **props})
    wait_for("a wrong rights file does not end the start", lambda: not again.alive(), LIMIT_S)
    said = again.tail()
    check("a wrong rights file is told", "gantry.schema.registry.rights.file" in said and "no JSON" in said, said)
    check("no secret is logged", "wonder land" not in said and "t0ken" not in said)


def taken_port(work):
    """A port that is taken: a warning where nobody named it, the end of the start where somebody did."""
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            holder.bind(("127.0.0.1", 8081))
            holder.listen()
        except OSError:
            pass  # Something else listens there, which is as well.
        worker = started(work, "taken", {})
        said = worker.log.read_text("utf-8")
        told = [line for line in said.splitlines() if "serves no schema registry" in line]
        check("a taken default is told", len(told) == 1 and "8081" in told[0] and "gantry.schema.registry.listeners" in told[0], said)
        stopped(worker)
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        props = {"gantry.schema.registry.listeners": f"http://127.0.0.1:{port}"}
        worker = Gantry(work / "taken-2", props={"gantry.data.dir": work / "taken-2" / "data", **props})
        wait_for("a taken port does not end the start", lambda: not worker.alive(), LIMIT_S)
        said = worker.tail()
        check("a taken port is named", f"http://127.0.0.1:{port}" in said and "gantry.schema.registry.listeners=" in said, said)


def confluent(work):
    """`gantry schema-registry --config` with a file of Confluent's."""
    port, other = free_port(), free_port()
    users, jaas = work / "password.properties", work / "jaas.conf"
    users.write_text("fred: OBF:1w8t1tvf1w261w8v1w1c1tvn1w8x,user\nwilma: pw,guest\n", encoding="ascii")
    module = "org.eclipse.jetty.jaas.spi.PropertyFileLoginModule"
    jaas.write_text(f'SR {{\n  {module} required\n  file="{users}"\n  debug="false";\n}};\n', encoding="ascii")
    file = write_properties(work / "schema-registry.properties", {
        **KEYS, "listeners": f"https://127.0.0.1:{port}", "kafkastore.bootstrap.servers": "PLAINTEXT://kafka:9092", "kafkastore.topic": "schemas",
        "schema.compatibility.level": "none", "mode.mutability": "false", "authentication.method": "BASIC", "authentication.realm": "SR",
        "authentication.roles": "user,admin", "debug": "false", "gantry.data.dir": work / "confluent"})
    env = {"SCHEMA_REGISTRY_OPTS": f"-Djava.security.auth.login.config={jaas}"}
    command = [gantry_binary(), "schema-registry", "--config", file]
    ca = str(TLS / "ca.pem")
    process = Proc(command, work / "confluent.log", env=env)
    fred = Client(port, "fred:letmein", ca)
    wait_for("the registry does not answer", lambda: answers(fred), LIMIT_S)
    fred.expect(200, "POST", "/subjects/s/versions", STRING)
    check("its level counts", fred.expect(200, "GET", "/config")["compatibilityLevel"].upper() == "NONE")
    check("modes cannot be changed", fred.expect(422, "PUT", "/mode", {"mode": "READONLY"})["error_code"] == 42205)
    Client(port, "wilma:pw", ca).expect(403, "GET", "/subjects")
    Client(port, None, ca).expect(401, "GET", "/subjects")
    said = process.tail(30)
    check("keys of Kafka are told once", said.count("kafkastore.bootstrap.servers") == 1 and "kafkastore.topic" not in said, said)
    check("it ends in order", process.stop() == 0, process.tail())
    process = Proc([*command, "--listen", f"127.0.0.1:{other}"], work / "confluent.log", env=env)
    plain = Client(other, "fred:letmein")
    wait_for("--listen does not win", lambda: answers(plain), LIMIT_S)
    check("schemas are in the topic of the file", plain.expect(200, "GET", "/subjects") == ["s"])
    check("it ends in order", process.stop() == 0, process.tail())


def answers(client):
    """Whether a registry answers."""
    try:
        return client.send("GET", "/subjects")[0] == 200
    except OSError:
        return False


def main():
    """All of it."""
    began, work = time.monotonic(), target_dir() / "registry-worker"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    for part in (beside_a_worker, impact, guarded, taken_port, confluent):
        part(work)
    shutil.rmtree(work)
    print(f"registry of a worker: {len(checks)} checks, {time.monotonic() - began:.0f} s; {len(checks)} passed, 0 failed")


if __name__ == "__main__":
    try:
        main()
    except LabError as error:
        sys.exit(f"registry of a worker: {error}")
