#!/usr/bin/env python3
"""A real MariaDB server of Debian's package on loopback, with a database and a user of its own.

As a module: `with MariaDb(directory) as server: ... server.url ...`.
As a command: `mariadb.py run DIRECTORY COMMAND...` starts one, runs the command with
GANTRY_TEST_MYSQL set to its URL and GANTRY_TEST_MYSQL_CA to who signed its certificate, and ends it;
its status is the command's. `mariadb.py serve DIRECTORY` does what is asked of it on standard input,
one method's name as JSON a line; it answers each with a line, and ends the server with its input.
"""

import argparse
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "rocketmq"))
from cluster import free_port, make_certificates  # noqa: E402

ANSWER_S = 5
READY_S = 60
STOP_S = 40
USER, PASSWORD, DATABASE = "gantry", "gantry-secret", "gantry"
# Where Debian has servers, also for users who do not look there.
PATH = os.environ.get("PATH", "") + os.pathsep + "/usr/sbin"


def program(name):
    found = shutil.which(name, path=PATH)
    if found is None:
        raise RuntimeError(f"{name} is not installed: scripts/setup.sh does it, or apt-get install mariadb-server")
    return found


class MariaDb:
    """One server. What is in the directory stays when it ends, for the next start."""

    def __init__(self, directory, settings=()):
        self.directory = pathlib.Path(directory).resolve()
        self.data = self.directory / "data"
        self.settings = list(settings)
        self.port = free_port()
        self.url = f"mysql://{USER}:{PASSWORD}@127.0.0.1:{self.port}/{DATABASE}"
        self.ca = self.directory / "tls" / "ca.pem"
        self.process = None
        # A socket's path must be short.
        self.sockets = None
        # A server that root starts runs as root only if it is told to.
        self.user = ["--user=root"] if os.getuid() == 0 else []

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def _install(self):
        self.data.mkdir(parents=True, exist_ok=True)
        if (self.data / "mysql").is_dir():
            return
        make_certificates(self.ca.parent)
        command = [program("mariadb-install-db"), "--no-defaults", *self.user, f"--datadir={self.data}"]
        command += ["--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve"]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"mariadb-install-db ended with {done.returncode}:\n{done.stdout[-2000:]}")

    def start(self):
        self._install()
        self.sockets = self.sockets or tempfile.mkdtemp(prefix="mariadb-")
        begin = self.directory / "begin.sql"
        begin.write_text(
            f"CREATE DATABASE IF NOT EXISTS {DATABASE};\n"
            f"CREATE USER IF NOT EXISTS '{USER}'@'%' IDENTIFIED BY '{PASSWORD}';\n"
            f"GRANT ALL ON *.* TO '{USER}'@'%';\n"
        )
        command = [
            program("mariadbd"), "--no-defaults", *self.user, f"--datadir={self.data}", f"--port={self.port}",
            f"--socket={self.sockets}/server.sock", f"--pid-file={self.directory / 'server.pid'}", f"--init-file={begin}",
            "--bind-address=127.0.0.1", "--skip-networking=OFF", "--skip-name-resolve", "--skip-log-bin",
            "--innodb-buffer-pool-size=256M", "--innodb-log-file-size=128M",
            f"--ssl-ca={self.ca}", f"--ssl-cert={self.ca.parent / 'server.pem'}", f"--ssl-key={self.ca.parent / 'server.key'}",
            *self.settings,
        ]
        with open(self.directory / "server.log", "ab") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self._wait()

    def _is_ready(self):
        command = [program("mariadb"), "--no-defaults", "--protocol=tcp", "--host=127.0.0.1", f"--port={self.port}"]
        command += [f"--user={USER}", f"--password={PASSWORD}", "--execute=SELECT 1", DATABASE]
        try:
            return subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=ANSWER_S).returncode == 0
        except subprocess.TimeoutExpired:
            return False

    def _wait(self):
        deadline = time.monotonic() + READY_S
        while time.monotonic() < deadline and self.process.poll() is None:
            if self._is_ready():
                return
            time.sleep(0.1)
        said = (self.directory / "server.log").read_text(errors="replace")[-2000:]
        raise RuntimeError(f"the server is not ready; see {self.directory}/server.log\n{said}")

    def stop(self, signum=signal.SIGTERM):
        process, self.process = self.process, None
        if process is None:
            return
        process.send_signal(signum)
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def kill(self):
        self.stop(signal.SIGKILL)

    def close(self):
        self.kill()
        if self.sockets:
            shutil.rmtree(self.sockets, ignore_errors=True)


def run(command, server):
    # Who ends this ends the server, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    env = {**os.environ, "GANTRY_TEST_MYSQL": server.url, "GANTRY_TEST_MYSQL_CA": str(server.ca)}
    return subprocess.run(command, env=env).returncode


def serve(server):
    print(json.dumps(server.url), flush=True)
    for line in sys.stdin:
        method = json.loads(line)
        if method not in ("start", "stop", "kill"):
            raise RuntimeError(f"cannot do {method}")
        print(json.dumps(getattr(server, method)()), flush=True)
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("run", "serve"))
    parser.add_argument("directory")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    arguments = parser.parse_args()
    shutil.rmtree(arguments.directory, ignore_errors=True)
    begun = time.monotonic()
    with MariaDb(arguments.directory) as server:
        print(f"MariaDB ready in {time.monotonic() - begun:.1f} s on port {server.port}", file=sys.stderr, flush=True)
        sys.exit(run(arguments.command, server) if arguments.what == "run" else serve(server))


if __name__ == "__main__":
    main()
