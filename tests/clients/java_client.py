"""org.sourcelab:kafka-connect-client from Maven Central, driven by java/ClientRun.java."""

import os
import pathlib
import shutil
import subprocess

from check import LabError

HERE = pathlib.Path(__file__).resolve().parent / "java"
POM, SOURCE = HERE / "pom.xml", HERE / "ClientRun.java"
RUN_LIMIT_S = 120


def class_path(home):
    """The compiled program, the client, and what the client needs."""
    return os.pathsep.join([str(home / "classes"), *sorted(str(j) for j in (home / "libs").glob("*.jar"))])


def call(argv):
    """Runs one tool of the installation."""
    if subprocess.run(argv, check=False).returncode != 0:
        raise LabError(f"{' '.join(argv)} failed; see its output above")


def install(home):
    """The jars, fetched anew when the wanted versions change, and the program, compiled."""
    stamp = home / "pom.xml"
    if not stamp.exists() or stamp.read_bytes() != POM.read_bytes():
        shutil.rmtree(home, ignore_errors=True)
        print(f"fetching the Java client into {home}", flush=True)
        call(["mvn", "-q", "-B", "-f", str(POM), "dependency:copy-dependencies", f"-DoutputDirectory={home / 'libs'}"])
        shutil.copy(POM, stamp)
    call(["javac", "-proc:none", "-cp", class_path(home), "-d", str(home / "classes"), str(SOURCE)])


def run(installed, url, home, checks):
    """One run of the program; each of its checks is a line that begins with "ok"."""
    home.mkdir(parents=True, exist_ok=True)
    argv = ["java", "-Xmx128m", "-XX:+UseSerialGC", "-cp", class_path(installed), "ClientRun", url, str(home)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=RUN_LIMIT_S)
    if done.returncode != 0:
        raise LabError(f"{checks.label}: {done.stdout[-1500:]}{done.stderr[-3000:]}")
    for text in done.stdout.splitlines():
        checks.that("a line of the program", text.startswith("ok "), text)
