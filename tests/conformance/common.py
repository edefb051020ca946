"""What both replay runners need: the worker that the recordings assume, placeholders, and the list of what waits."""

import argparse
import contextlib
import fnmatch
import pathlib
import random
import shutil
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "scripts" / "lib"))
from worker import Gantry, LabError, Rest  # noqa: E402,F401

# Letters that no recorded text contains as a word, so that the token can be found again in answers.
TOKEN_LETTERS = "bcdfghjkmnpqrstvwz"
TOKEN_LENGTH = 7

PROVIDERS = {
    "config.providers": "file,directory,env",
    "config.providers.file.class": "org.apache.kafka.common.config.provider.FileConfigProvider",
    "config.providers.directory.class": "org.apache.kafka.common.config.provider.DirectoryConfigProvider",
    "config.providers.env.class": "org.apache.kafka.common.config.provider.EnvVarConfigProvider",
}


def token():
    """A word that makes the names of one scenario its own."""
    return "".join(random.choice(TOKEN_LETTERS) for _ in range(TOKEN_LENGTH))


def fill(value, names):
    """Replaces ${name} in every string of a JSON value, keys too."""
    if isinstance(value, str):
        for name, text in names.items():
            value = value.replace("${" + name + "}", text)
        return value
    if isinstance(value, list):
        return [fill(v, names) for v in value]
    if isinstance(value, dict):
        return {fill(k, names): fill(v, names) for k, v in value.items()}
    return value


@contextlib.contextmanager
def scratch(base=None):
    """A directory that the worker can read and write too."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="conformance-", dir=base)).resolve()
    path.chmod(0o777)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@contextlib.contextmanager
def worker(url=None, mode="standalone"):
    """A Rest client for `url`, or for a Gantry started for this run with the settings of the recording."""
    if url:
        yield Rest(url)
        return
    with scratch() as home:
        gantry = Gantry(home / "gantry", props=PROVIDERS, mode=mode)
        try:
            gantry.wait_ready()
            yield gantry.rest
            if not gantry.alive():
                raise LabError(f"gantry ended during the run:\n{gantry.tail()}")
        finally:
            gantry.stop()


class Later:
    """The cases that cannot pass yet: `pattern  reason` lines; a pattern may hold * and ?. All others must pass."""

    def __init__(self, path):
        self.path = pathlib.Path(path)
        self.entries = []
        if self.path.exists():
            for text in self.path.read_text(encoding="utf-8").splitlines():
                text = text.strip()
                if text and not text.startswith("#"):
                    pattern, _, reason = text.partition(" ")
                    if not reason.strip():
                        raise LabError(f"{self.path}: {pattern} has no reason")
                    self.entries.append((pattern, reason.strip()))

    def reason(self, case):
        """Why `case` may fail, or None when it must pass."""
        for pattern, reason in self.entries:
            if fnmatch.fnmatchcase(case, pattern):
                return reason
        return None


class Score:
    """Counts cases; prints each failure as it comes."""

    def __init__(self, later):
        self.later, self.passed, self.failed, self.waiting, self.early = later, [], [], [], []

    def add(self, case, differences):
        """One case with what differs (nothing: it passed)."""
        reason = self.later.reason(case)
        if not differences:
            self.passed.append(case)
            if reason:
                self.early.append(case)
        elif reason:
            self.waiting.append(case)
        else:
            self.failed.append((case, differences))
            print(f"FAIL {case}")
            for text in differences[:6]:
                print(f"     {text}")
            sys.stdout.flush()

    def finish(self, label):
        """Prints the sum; returns the exit status."""
        total = len(self.passed) + len(self.failed) + len(self.waiting)
        print(f"{label}: {len(self.passed)}/{total} passed, {len(self.waiting)} wait ({self.later.path.name}), "
              f"{len(self.failed)} failed")
        if self.early:
            print(f"these pass already, take them off {self.later.path.name}: {' '.join(self.early)}")
        if total == 0:
            print("nothing was run")
        return 1 if self.failed or total == 0 else 0

    def write_later(self):
        """Adds every failure to the list, with what differs as the reason to be rewritten by hand."""
        with open(self.later.path, "a", encoding="utf-8") as f:
            for case, differences in self.failed:
                f.write(f"{case}  {differences[0][:200]}\n")


def arguments(doc, data):
    """The options that both runners take."""
    p = argparse.ArgumentParser(description=doc)
    p.add_argument("--url", help="replay against this worker instead of starting gantry (its connectors are deleted)")
    p.add_argument("--mode", choices=["standalone", "distributed"], default="standalone", help="how to start gantry")
    p.add_argument("--data", type=pathlib.Path, default=HERE / "data" / data)
    p.add_argument("--only", default="", help="regular expression on scenario ids")
    p.add_argument("--wait", type=float, default=15, help="seconds to wait for what a scenario expects")
    p.add_argument("--later", type=pathlib.Path, help="the list of cases that may fail")
    p.add_argument("--write-later", action="store_true", help="append what fails to that list")
    return p
