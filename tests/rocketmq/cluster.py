#!/usr/bin/env python3
"""A real RocketMQ name server and broker (Java, from Maven Central) on loopback.

As a module: `with Cluster(directory) as cluster: ... cluster.name_server ...`.
As a command: `cluster.py run DIRECTORY COMMAND...` starts both, runs the command with
GANTRY_TEST_NAMESRV set, and ends both; its status is the command's.
"""

import json
import os
import pathlib
import random
import shutil
import signal
import socket
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
    subprocess.run(["bash", "-c", f"source {ROOT}/scripts/setup.sh; setup_maven"], check=True)
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


def call(port, code, fields=None, timeout=3, body=b""):
    """One request of RocketMQ's protocol: code and body of the answer."""
    header = json.dumps({"code": code, "language": "JAVA", "version": 475, "opaque": 1, "flag": 0, "extFields": fields or {}}).encode()
    with socket.create_connection(("127.0.0.1", port), timeout) as connection:
        connection.sendall(struct.pack(">ii", len(header) + len(body) + 4, len(header)) + header + body)
        stream = connection.makefile("rb")
        (length,) = struct.unpack(">i", stream.read(4))
        answer = stream.read(length)
    (marked,) = struct.unpack(">i", answer[:4])
    size = marked & 0xFFFFFF
    return json.loads(answer[4 : 4 + size])["code"], answer[4 + size :]


class Cluster:
    """One name server and one broker. What is in the directory stays when they end."""

    def __init__(self, directory, broker=None, heap="-Xms256m -Xmx1g"):
        self.directory = pathlib.Path(directory).resolve()
        self.settings = broker or {}
        self.heap = heap.split()
        self.lib = fetch_jars()
        self.processes = {}
        for part in ("conf", "store", "logs", "home"):
            (self.directory / part).mkdir(parents=True, exist_ok=True)
        self.name_port = free_port()
        # One below by two is the port for clients in a hurry, one above is replication.
        self.broker_port = free_port((-2, 0, 1))
        self.name_server = f"127.0.0.1:{self.name_port}"

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
        self.start_name_server()
        self.start_broker()

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
            self._wait("namesrv", lambda: call(self.name_port, 106)[0] == 0)

    def start_broker(self, wait=True):
        store = self.directory / "store"
        self._configure("broker", {
            "brokerClusterName": "DefaultCluster",
            "brokerName": "broker-a",
            "brokerId": 0,
            "namesrvAddr": self.name_server,
            "brokerIP1": "127.0.0.1",
            "brokerIP2": "127.0.0.1",
            "bindAddress": "127.0.0.1",
            "listenPort": self.broker_port,
            "haListenPort": self.broker_port + 1,
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
        self._run("broker", "org.apache.rocketmq.broker.BrokerStartup", [*self.heap, "-XX:MaxDirectMemorySize=512m"])
        if wait:
            self.wait_for_broker()

    def wait_for_broker(self):
        def ready():
            known = b"broker-a" in call(self.name_port, 106)[1]
            return known and call(self.broker_port, 28)[0] in (0, 16)

        self._wait("broker", ready)

    def stop(self, signum=signal.SIGTERM):
        self.stop_part("broker", signum)
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
        command += ["-Djava.net.preferIPv4Stack=true", "-XX:-UsePerfData", *OPENS]
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
        out = (self.directory / "logs" / f"{part}.out").read_text(errors="replace")[-2000:]
        raise RuntimeError(f"{part} is not ready; see {self.directory}/logs and {self.directory}/home/logs\n{out}")


def main():
    if len(sys.argv) < 4 or sys.argv[1] != "run":
        sys.exit(__doc__)
    directory, command = sys.argv[2], sys.argv[3:]
    shutil.rmtree(directory, ignore_errors=True)
    begun = time.monotonic()
    with Cluster(directory) as cluster:
        print(f"RocketMQ {VERSION} ready in {time.monotonic() - begun:.1f} s at {cluster.name_server}", flush=True)
        env = {**os.environ, "GANTRY_TEST_NAMESRV": cluster.name_server}
        sys.exit(subprocess.run(command, env=env).returncode)


if __name__ == "__main__":
    main()
