#!/usr/bin/env python3
"""JDBC source and sink, and change data capture, against a real MariaDB and a real PostgreSQL: the tests of
gantry-connectors that need them.

    tests/native/jdbc.py cdc::         those whose names have this in them
"""

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
from postgres import Postgres  # noqa: E402
from worker import target_dir  # noqa: E402


def main():
    subprocess.run(["bash", "-c", f"source {ROOT}/scripts/setup.sh; setup_mariadb; setup_postgres"], check=True)
    # All packages, as in other builds, so that nothing is built twice with other features.
    packages = shlex.split(os.environ.get("GANTRY_TEST_PACKAGES", "--workspace"))
    profile = shlex.split(os.environ.get("GANTRY_TEST_PROFILE", "--release"))
    directory = target_dir() / "native" / "jdbc"
    shutil.rmtree(directory, ignore_errors=True)
    with MariaDb(directory / "mariadb") as mariadb, Postgres(directory / "postgres") as postgres:
        command = ["cargo", "test", "--locked", *profile, *packages, "--test", "all", "--", "--ignored", *(sys.argv[1:] or ["jdbc::", "cdc::"])]
        env = {**os.environ, **mariadb.variables(), **postgres.variables()}
        sys.exit(subprocess.run(command, env=env).returncode)


if __name__ == "__main__":
    main()
