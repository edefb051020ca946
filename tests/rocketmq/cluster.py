#!/usr/bin/env python3
"""A real RocketMQ name server and brokers (Java, from Maven Central) on loopback.

As a module: `with Cluster(directory) as cluster: ... cluster.name_server ...`.
As a command: `cluster.py run [--brokers=2] [--secure] DIRECTORY COMMAND...` starts all, runs the
command with GANTRY_TEST_NAMESRV set, and ends all; its status is the command's.
`cluster.py serve [...] DIRECTORY` does what is asked of it on standard input, one JSON list a line:
the method's name and its arguments; it answers each with a line, and ends all with its input.
"""

import argparse
import base64
import hashlib
import hmac
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
VERSION = "5.5.0"
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
JARS = TARGET / "rocketmq" / VERSION
READY_S = 90
STOP_S = 40
# The parts of a cluster: "broker" is the first one.
BROKERS = {"broker": "broker-a", "broker-b": "broker-b"}
# May do everything; with --secure only.
ADMIN = ("admin", "admin-secret")
# May write, read and look at the topics that begin with "shared", and read in the group "gantry";
# with --secure only.
LIMITED = ("limited", "limited-secret")

OPENS = [
    "--add-exports=java.base/jdk.internal.ref=ALL-UNNAMED",
    "--add-opens=java.base/java.nio=ALL-UNNAMED",
    "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED",
    "--add-opens=java.base/java.lang=ALL-UNNAMED",
]


def fetch_jars():
    """The jars of the servers, once."""
    done = JARS / ".complete"
    if done.exists():
        return JARS / "lib"
    subprocess.run(["bash", "-c", f"source {ROOT}/scripts/setup.sh; setup_packages"], check=True)
    shutil.rmtree(JARS, ignore_errors=True)
    lib, classes = JARS / "lib", JARS / "classes"
    classes.mkdir(parents=True)
    subprocess.run(
        ["mvn", "-q", "-B", "-f", HERE / "pom.xml", "dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={lib}"],
        check=True,
    )
    subprocess.run(["javac", "-d", classes, "-cp", f"{lib}/*", HERE / "LoopbackHAService.java"], check=True)
    service = classes / "META-INF" / "service" / "org.apache.rocketmq.store.ha.HAService"
    service.parent.mkdir(parents=True)
    service.write_text("LoopbackHAService\n")
    done.touch()
    return lib


def free_port(neighbours=(0,)):
    """A port that is free, and those at these distances from it; none that the system gives to clients."""
    for _ in range(200):
        port = random.randrange(20000, 32000)
        try:
            held = [socket.create_server(("127.0.0.1", port + distance)) for distance in neighbours]
        except OSError:
            continue
        for server in held:
            server.close()
        return port
    raise RuntimeError("no free ports")


def free_broker_port():
    """One below by two is the port for clients in a hurry, one above is replication."""
    return free_port((-2, 0, 1))


def call(port, code, fields=None, timeout=3, tls=None, key=None, body=b""):
    """One request of RocketMQ's protocol: code and body of the answer."""
    fields = dict(fields or {})
    if key:
        fields["AccessKey"] = key[0]
        signed = "".join(value for _, value in sorted(fields.items())).encode() + body
        fields["Signature"] = base64.b64encode(hmac.digest(key[1].encode(), signed, hashlib.sha1)).decode()
    header = json.dumps({"code": code, "language": "JAVA", "version": 475, "opaque": 1, "flag": 0, "extFields": fields}).encode()
    with socket.create_connection(("127.0.0.1", port), timeout) as connection:
        if tls:
            connection = tls.wrap_socket(connection, server_hostname="127.0.0.1")
        connection.sendall(struct.pack(">ii", len(header) + 4 + len(body), len(header)) + header + body)
        stream = connection.makefile("rb")
        (length,) = struct.unpack(">i", stream.read(4))
        answer = stream.read(length)
        connection.close()
    (marked,) = struct.unpack(">i", answer[:4])
    size = marked & 0xFFFFFF
    return json.loads(answer[4 : 4 + size])["code"], answer[4 + size :]


def make_certificates(directory):
    """A CA (ca.pem) and a server's key and certificate that it signed."""
    directory.mkdir(parents=True, exist_ok=True)

    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], cwd=directory, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    new_key = ["-newkey", "rsa:2048", "-nodes"]
    openssl("req", "-x509", *new_key, "-keyout", "ca.key", "-out", "ca.pem", "-days", "30", "-subj", "/CN=test CA",
            "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign")
    openssl("req", *new_key, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=localhost")
    (directory / "server.ext").write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\nbasicConstraints=CA:FALSE\n")
    openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "30",
            "-extfile", "server.ext", "-out", "server.pem")


class Cluster:
    """One name server and one broker, or two. What is in the directory stays when they end.

    A secure one takes TLS only, and brokers check access keys: ADMIN and LIMITED.
    """

    def __init__(self, directory, broker=None, heap="-Xms256m -Xmx1g", brokers=1, secure=False):
        self.directory = pathlib.Path(directory).resolve()
        self.settings = broker or {}
        self.heap = heap.split()
        self.lib = fetch_jars()
        self.processes = {}
        for part in ("conf", "store", "logs", "home"):
            (self.directory / part).mkdir(parents=True, exist_ok=True)
        self._choose_ports(list(BROKERS)[:brokers])
        self.tls = None
        self.options = []
        if secure:
            self._secure()

    def _choose_ports(self, brokers):
        self.name_port = free_port()
        self.ports = {part: free_broker_port() for part in brokers}
        self.name_server = f"127.0.0.1:{self.name_port}"

    @property
    def broker_port(self):
        return self.ports["broker"]

    def _secure(self):
        certificates = self.directory / "tls"
        make_certificates(certificates)
        self.tls = ssl.create_default_context(cafile=certificates / "ca.pem")
        self.options = [
            "-Dtls.enable=true", "-Dtls.test.mode.enable=false", "-Dtls.server.mode=enforcing",
            f"-Dtls.server.keyPath={certificates / 'server.key'}", f"-Dtls.server.certPath={certificates / 'server.pem'}",
            "-Dtls.client.authServer=true", f"-Dtls.client.trustCertPath={certificates / 'ca.pem'}",
        ]
        auth = "org.apache.rocketmq.auth"
        name, secret = ADMIN
        self.settings = {
            "authenticationEnabled": "true",
            "authenticationProvider": f"{auth}.authentication.provider.DefaultAuthenticationProvider",
            "authenticationMetadataProvider": f"{auth}.authentication.provider.LocalAuthenticationMetadataProvider",
            "initAuthenticationUser": json.dumps({"username": name, "password": secret}),
            "innerClientAuthenticationCredentials": json.dumps({"accessKey": name, "secretKey": secret}),
            "authorizationEnabled": "true",
            "authorizationProvider": f"{auth}.authorization.provider.DefaultAuthorizationProvider",
            "authorizationMetadataProvider": f"{auth}.authorization.provider.LocalAuthorizationMetadataProvider",
            **self.settings,
        }

    def _make_limited_user(self):
        name, secret = LIMITED
        user = {"username": name, "password": secret, "userType": "Normal"}
        allowed = {"sourceIps": [], "decision": "Allow"}
        entries = [
            {"resource": "Topic:shared*", "actions": ["Pub", "Sub", "Get"], **allowed},
            {"resource": "Group:gantry", "actions": ["Sub"], **allowed},
        ]
        acl = {"subject": f"User:{name}", "policies": [{"policyType": "Custom", "entries": entries}]}
        for code, fields, body in ((3001, {"username": name}, user), (3006, {"subject": f"User:{name}"}, acl)):
            told, answer = call(self.broker_port, code, fields, tls=self.tls, key=ADMIN, body=json.dumps(body).encode())
            if told != 0:
                raise RuntimeError(f"the limited user was not made: code {told} {answer!r}")

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.stop(signal.SIGKILL)
            raise
        return self

    def __exit__(self, *_):
        self.stop(signal.SIGKILL)

    def start(self):
        """Whoever else looks for ports at the same moment may take them first: then others are tried."""
        for last in (False, False, True):
            try:
                return self._start_all()
            except RuntimeError as error:
                if last or "Address already in use" not in str(error):
                    raise
            self.stop(signal.SIGKILL)
            self._choose_ports(list(self.ports))

    def _start_all(self):
        self.start_name_server()
        for part in self.ports:
            self.start_broker(wait=False, part=part)
        for part in self.ports:
            self.wait_for_broker(part)
        if self.tls:
            self._make_limited_user()

    def start_name_server(self, wait=True):
        self._configure("namesrv", {
            "bindAddress": "127.0.0.1",
            "listenPort": self.name_port,
            "rocketmqHome": self.directory,
            "kvConfigPath": self.directory / "store/kvConfig.json",
            "configStorePath": self.directory / "store/namesrv.properties",
        })
        self._run("namesrv", "org.apache.rocketmq.namesrv.NamesrvStartup", ["-Xms64m", "-Xmx128m"])
        if wait:
            self._wait("namesrv", lambda: call(self.name_port, 106, tls=self.tls)[0] == 0)

    def start_broker(self, wait=True, part="broker"):
        store = self.directory / ("store" if part == "broker" else f"store-{part}")
        port = self.ports[part]
        self._configure(part, {
            "brokerClusterName": "DefaultCluster",
            "brokerName": BROKERS[part],
            "brokerId": 0,
            "namesrvAddr": self.name_server,
            "brokerIP1": "127.0.0.1",
            "brokerIP2": "127.0.0.1",
            "bindAddress": "127.0.0.1",
            "listenPort": port,
            "haListenPort": port + 1,
            "brokerRole": "ASYNC_MASTER",
            "flushDiskType": "ASYNC_FLUSH",
            "storePathRootDir": store,
            "storePathCommitLog": store / "commitlog",
            # Off, so that nothing of ours depends on it.
            "autoCreateTopicEnable": "false",
            "autoCreateSubscriptionGroup": "false",
            "mappedFileSizeCommitLog": 134217728,
            "mappedFileSizeConsumeQueue": 600000,
            "maxHashSlotNum": 200000,
            "maxIndexNum": 800000,
            "diskMaxUsedSpaceRatio": 95,
            "useEpollNativeSelector": "false",
            "registerNameServerPeriod": 5000,
            **self.settings,
        })
        self._run(part, "org.apache.rocketmq.broker.BrokerStartup", [*self.heap, "-XX:MaxDirectMemorySize=512m"])
        if wait:
            self.wait_for_broker(part)

    def wait_for_broker(self, part="broker"):
        address = f"127.0.0.1:{self.ports[part]}".encode()

        def ready():
            known = address in call(self.name_port, 106, tls=self.tls)[1]
            return known and call(self.ports[part], 28, tls=self.tls)[0] in (0, 16)

        self._wait(part, ready)

    def move_broker(self, part="broker"):
        """From its next start on the broker listens elsewhere."""
        self.ports[part] = free_broker_port()

    def kill(self, part):
        self.stop_part(part, signal.SIGKILL)

    def stop(self, signum=signal.SIGTERM):
        for part in self.ports:
            self.stop_part(part, signum)
        self.stop_part("namesrv", signum)

    def stop_part(self, part, signum=signal.SIGTERM):
        process = self.processes.pop(part, None)
        if process is None:
            return
        process.send_signal(signum)
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def pid(self, part):
        return self.processes[part].pid

    def _configure(self, part, settings):
        text = "".join(f"{name}={value}\n" for name, value in settings.items())
        (self.directory / "conf" / f"{part}.conf").write_text(text)

    def _run(self, part, main, heap):
        command = ["java", *heap, f"-Drocketmq.home.dir={self.directory}", f"-Duser.home={self.directory / 'home'}"]
        command += ["-Djava.net.preferIPv4Stack=true", "-XX:-UsePerfData", *self.options, *OPENS]
        command += ["-cp", f"{JARS / 'classes'}:{self.lib}/*", main, "-c", str(self.directory / "conf" / f"{part}.conf")]
        with open(self.directory / "logs" / f"{part}.out", "ab") as out:
            self.processes[part] = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out)

    def _wait(self, part, ready):
        deadline = time.monotonic() + READY_S
        while time.monotonic() < deadline:
            if self.processes[part].poll() is not None:
                break
            try:
                if ready():
                    return
            except (OSError, struct.error):
                pass
            time.sleep(0.1)
        out = (self.directory / "logs" / f"{part}.out").read_text(errors="replace")[-4000:]
        raise RuntimeError(f"{part} is not ready; see {self.directory}/logs and {self.directory}/home/logs\n{out}")


def run(arguments, cluster):
    env = {
        **os.environ,
        "GANTRY_TEST_NAMESRV": cluster.name_server,
        "GANTRY_TEST_CLUSTER": str(cluster.directory),
        "GANTRY_TEST_JARS": str(cluster.lib),
    }
    return subprocess.run(arguments.command, env=env).returncode


def serve(cluster):
    print(json.dumps(cluster.name_server), flush=True)
    for line in sys.stdin:
        method, *given = json.loads(line)
        if method not in ("kill", "move_broker", "start_broker", "start_name_server", "wait_for_broker", "free_port"):
            raise RuntimeError(f"cannot do {method}")
        begun = time.monotonic()
        answer = free_port() if method == "free_port" else getattr(cluster, method)(**dict(given))
        print(f"{method} took {time.monotonic() - begun:.1f} s", file=sys.stderr, flush=True)
        print(json.dumps(answer), flush=True)
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("run", "serve"))
    parser.add_argument("directory")
    parser.add_argument("--brokers", type=int, default=1, choices=(1, 2))
    parser.add_argument("--secure", action="store_true")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a setting of the brokers")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    arguments = parser.parse_args()
    shutil.rmtree(arguments.directory, ignore_errors=True)
    begun = time.monotonic()
    settings = dict(pair.split("=", 1) for pair in arguments.set)
    with Cluster(arguments.directory, settings, brokers=arguments.brokers, secure=arguments.secure) as cluster:
        took = f"{time.monotonic() - begun:.1f} s"
        print(f"RocketMQ {VERSION} ready in {took} at {cluster.name_server}", file=sys.stderr, flush=True)
        sys.exit(run(arguments, cluster) if arguments.what == "run" else serve(cluster))


if __name__ == "__main__":
    main()
