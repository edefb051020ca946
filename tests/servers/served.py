"""What the real servers beside this have in common: they start, end and are used in the same ways."""

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


def program(name, package, places):
    """Where a program is: where Debian has it, which may be where users do not look, or else where they do."""
    found = shutil.which(name, path=os.pathsep.join([*map(str, places), os.environ.get("PATH", "")]))
    if found is None:
        raise RuntimeError(f"{name} is not installed: scripts/setup.sh does it, or apt-get install {package}")
    return found


class Refused(RuntimeError):
    """The server did not take a statement, and why."""


class Served:
    """One server. A kind of server says what it is called, and how it is made, run and asked."""

    name = scheme = variable = ""
    stop_signal = signal.SIGTERM

    def __init__(self, directory, settings=()):
        self.directory = pathlib.Path(directory).resolve()
        self.log = self.directory / "server.log"
        tls = self.directory / "tls"
        self.ca, self.certificate, self.key = tls / "ca.pem", tls / "server.pem", tls / "server.key"
        self.settings = list(settings)
        self.port = free_port()
        self.was_ready = False
        self.process = None
        # For sockets, whose paths must be short; from the first start to the end.
        self.place = None

    @property
    def url(self):
        return f"{self.scheme}://{USER}:{PASSWORD}@127.0.0.1:{self.port}/{DATABASE}"

    def _install(self):
        """Makes the data if there are none."""
        raise NotImplementedError

    def _command(self):
        """What runs the server."""
        raise NotImplementedError

    def _client(self):
        """What asks the server the SQL that follows, and prints fields between tabs; on its socket, as another may
        have its port."""
        raise NotImplementedError

    def _environment(self):
        return {**os.environ, "LC_ALL": "C"}

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def start(self):
        """Whoever else looks for ports at the same moment may take this one first: then others are tried."""
        self.directory.mkdir(parents=True, exist_ok=True)
        self.place = self.place or pathlib.Path(tempfile.mkdtemp(prefix=f"{self.name.lower()}-"))
        if not self.certificate.exists():
            make_certificates(self.certificate.parent)
        self._install()
        for last in (False, False, True):
            try:
                self._start()
                self.was_ready = True
                return
            except RuntimeError as error:
                # Who has the address already goes on with it.
                if last or self.was_ready or "Address already in use" not in str(error):
                    raise
            self.kill()
            self.port = free_port()

    def _start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self._command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.place, env=self._environment())
        deadline = time.monotonic() + READY_S
        while time.monotonic() < deadline and self.process.poll() is None:
            if self._is_ready():
                return
            time.sleep(0.1)
        said = self.log.read_text(errors="replace")[-2000:]
        raise RuntimeError(f"{self.name} is not ready; see {self.log}\n{said}")

    def _is_ready(self):
        try:
            done = subprocess.run([*self._client(), "SELECT 1"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=self._environment(), timeout=ANSWER_S)
            return done.returncode == 0
        except subprocess.TimeoutExpired:
            return False

    def variables(self):
        """What tests know it by."""
        return {self.variable: self.url, f"{self.variable}_CA": str(self.ca)}

    def query(self, sql):
        """The rows that it finds, as texts."""
        done = subprocess.run([*self._client(), sql], capture_output=True, text=True, env=self._environment())
        if done.returncode != 0:
            raise Refused(f"{sql[:200]}: {done.stderr}")
        return [line.split("\t") for line in done.stdout.splitlines()]

    def stop(self):
        process, self.process = self.process, None
        if process is None:
            return
        process.send_signal(self.stop_signal)
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._kill(process)

    def kill(self):
        process, self.process = self.process, None
        if process is not None:
            self._kill(process)

    def _kill(self, process):
        process.kill()
        process.wait()

    def restart(self):
        self.stop()
        self.start()

    def close(self):
        self.kill()
        if self.place:
            shutil.rmtree(self.place, ignore_errors=True)
            self.place = None


def make(command, given=None, **options):
    """One step on the way to a server's data: what it said."""
    done = subprocess.run(command, input=given, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
    if done.returncode != 0:
        raise RuntimeError(f"{command} ended with {done.returncode}:\n{done.stdout[-2000:]}")
    return done.stdout


def end_when_told():
    """Who ends this ends the server, too."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))


def run(command, server):
    end_when_told()
    return subprocess.run(command, env={**os.environ, **server.variables()}).returncode


def serve(server):
    print(json.dumps(server.url), flush=True)
    for line in sys.stdin:
        method = json.loads(line)
        if method not in ("start", "stop", "kill", "restart"):
            raise RuntimeError(f"cannot do {method}")
        print(json.dumps(getattr(server, method)()), flush=True)
    return 0


def main(kind, about):
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("run", "serve"))
    parser.add_argument("directory")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    arguments = parser.parse_args()
    shutil.rmtree(arguments.directory, ignore_errors=True)
    end_when_told()
    begun = time.monotonic()
    with kind(arguments.directory) as server:
        print(f"{server.name} ready in {time.monotonic() - begun:.1f} s on port {server.port}", file=sys.stderr, flush=True)
        sys.exit(run(arguments.command, server) if arguments.what == "run" else serve(server))
