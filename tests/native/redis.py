#!/usr/bin/env python3
"""Redis sinks and sources against real servers: the tests of gantry-connectors that need them, each with its own."""

import os
import pathlib
import shlex
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT / "scripts" / "lib"), str(HERE.parent / "servers"), str(HERE.parent / "rocketmq")]
from cluster import make_certificates  # noqa: E402
from redis import tool  # noqa: E402
from worker import target_dir  # noqa: E402


def main():
    subprocess.run(["bash", "-c", f"source {ROOT}/scripts/setup.sh; setup_redis"], check=True)
    # All packages, as in other builds, so that nothing is built twice with other features.
    packages = shlex.split(os.environ.get("GANTRY_TEST_PACKAGES", "--workspace"))
    profile = shlex.split(os.environ.get("GANTRY_TEST_PROFILE", "--release"))
    directory = target_dir() / "native" / "redis"
    shutil.rmtree(directory, ignore_errors=True)
    make_certificates(directory / "tls")
    command = ["cargo", "test", "--locked", *profile, *packages, "--test", "all", "redis::", "--", "--ignored", *sys.argv[1:]]
    env = {**os.environ, "GANTRY_TEST_REDIS": tool("redis-check-rdb"), "GANTRY_TEST_REDIS_TLS": str(directory / "tls")}
    sys.exit(subprocess.run(command, env=env).returncode)


if __name__ == "__main__":
    main()
