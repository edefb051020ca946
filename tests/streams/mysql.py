#!/usr/bin/env python3
"""State in MySQL: the tests of gantry-streams that need a server, against a real MariaDB."""

import os
import pathlib
import shlex
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT / "scripts" / "lib"), str(HERE.parent / "servers")]
from mariadb import MariaDb  # noqa: E402
from served import run  # noqa: E402
from worker import target_dir  # noqa: E402


def main():
    subprocess.run(["bash", "-c", f"source {ROOT}/scripts/setup.sh; setup_mariadb"], check=True)
    # All packages, as in other builds, so that nothing is built twice with other features.
    packages = shlex.split(os.environ.get("GANTRY_TEST_PACKAGES", "--workspace"))
    profile = shlex.split(os.environ.get("GANTRY_TEST_PROFILE", "--release"))
    directory = target_dir() / "mariadb" / "streams"
    shutil.rmtree(directory, ignore_errors=True)
    with MariaDb(directory) as server:
        command = ["cargo", "test", "--locked", *profile, *packages, "--lib", "--test", "all", "mysql::", "--", "--ignored", *sys.argv[1:]]
        sys.exit(run(command, server))


if __name__ == "__main__":
    main()
