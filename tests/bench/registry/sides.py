"""Gantry's schema registry and Apicurio's as this benchmark sees them: a process that answers Confluent's API below a prefix."""

import http.client
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
sys.path[:0] = [str(HERE.parent), str(ROOT / "scripts" / "lib"), str(ROOT / "tests" / "connectors")]
from plugins import maven  # noqa: E402
from servers import once  # noqa: E402
from worker import LabError, Proc, Rest, free_port, gantry_binary, target_dir  # noqa: E402

APICURIO = "3.3.3"
ARTIFACT = f"io.apicurio:apicurio-registry-app:{APICURIO}:tar.gz:all"
JAVA_MIN = 21
HEAP = "-Xmx512m"
START_LIMIT_S = 180
STEP_S = 0.001


def apicurio():
    """The directory of Apicurio, fetched once."""
    place = target_dir() / "apicurio" / APICURIO
    with once(place) as missing:
        if missing:
            print(f"fetching Apicurio {APICURIO} …", flush=True)
            maven("dependency:copy", f"-Dartifact={ARTIFACT}", f"-DoutputDirectory={place}")
            (archive,) = place.glob("*.tar.gz")
            with tarfile.open(archive) as opened:
                opened.extractall(place, filter="data")
            archive.unlink()
    return place


def java():
    """A Java that is new enough, and its version."""
    homes = [os.environ.get("JAVA_HOME"), *sorted(map(str, pathlib.Path("/usr/lib/jvm").glob("*/")), reverse=True)]
    programs = [f"{home}/bin/java" for home in homes if home] + ["java"]
    for program in programs:
        found = shutil.which(program)
        if not found:
            continue
        said = subprocess.run([found, "-version"], capture_output=True, text=True, check=False).stderr
        version = re.search(r'version "(\d+)', said)
        if version and int(version.group(1)) >= JAVA_MIN:
            return found, said.splitlines()[1]
    raise LabError(f"Apicurio needs Java {JAVA_MIN} or newer, and there is none in JAVA_HOME, PATH and /usr/lib/jvm: "
                   f"install one, or set JAVA_HOME to where it is")


class Side:
    """A registry that runs."""

    prefix = ""

    def __init__(self, port, command, directory, env=None):
        directory.mkdir(parents=True, exist_ok=True)
        self.port = port
        self.process = Proc(command, directory / "registry.log", env=env, cwd=directory)
        self.rest = Rest(f"http://127.0.0.1:{self.port}")

    def wait(self, path="/subjects"):
        """Waits for an answer. Returns the seconds since the process was started."""
        while time.monotonic() - self.process.started < START_LIMIT_S:
            if not self.process.alive():
                raise LabError(f"the registry ended at its start:\n{self.process.tail()}")
            try:
                if self.rest.send("GET", self.prefix + path)[0] == 200:
                    return time.monotonic() - self.process.started
            except (OSError, http.client.HTTPException):
                pass
            time.sleep(STEP_S)
        raise LabError(f"the registry did not answer {path} within {START_LIMIT_S} s:\n{self.process.tail()}")

    def ask(self, method, path, body=None):
        """The answer to a request that must succeed."""
        status, answer = self.rest.call(method, self.prefix + path, body)
        if status != 200:
            raise LabError(f"{method} {path}: {status} {answer}")
        return answer

    def load(self, kind, path, *words):
        """What the load generator measured, and the CPU time of the registry for each request."""
        command = [str(target_dir() / "release" / "registry-load"), f"127.0.0.1:{self.port}", kind, self.prefix + path, *map(str, words)]
        before = self.process.cpu_s()
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise LabError(f"{' '.join(command)}: {done.stderr[-1000:]}\n{self.process.tail()}")
        result = json.loads(done.stdout)
        result["cpu_us"] = (self.process.cpu_s() - before) * 1e6 / max(result["requests"], 1)
        result["load"] = os.getloadavg()[0]
        return result

    def mib(self):
        """Resident memory."""
        return self.process.rss_mib()

    def stop(self):
        """Ends it."""
        self.process.stop()


class Gantry(Side):
    """Schemas are in the embedded log: what was answered is on disk."""

    def __init__(self, directory):
        port = free_port()
        super().__init__(port, [gantry_binary(), "schema-registry", "--listen", f"127.0.0.1:{port}", "--data", directory / "data"], directory)


class Apicurio(Side):
    """As it comes: H2 in memory."""

    prefix = "/apis/ccompat/v7"

    def __init__(self, directory):
        port = free_port()
        env = {"QUARKUS_HTTP_PORT": str(port), "QUARKUS_HTTP_HOST": "127.0.0.1", "QUARKUS_MANAGEMENT_PORT": str(free_port())}
        super().__init__(port, [java()[0], HEAP, "-jar", apicurio() / "quarkus-run.jar"], directory, env)

    def stop(self):
        # Nothing of it is needed any more.
        self.process.kill()


SIDES = {"apicurio": Apicurio, "gantry": Gantry}
