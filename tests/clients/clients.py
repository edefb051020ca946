#!/usr/bin/env python3
"""Installs two Kafka Connect clients of other people, starts Gantry in each mode, and has each client do all it can do:
kafka-connect-py (its command `kc` and its library) and org.sourcelab:kafka-connect-client (Java)."""

import argparse
import pathlib
import shutil
import sys

import java_client
import python_client
from check import Checks
from worker import Gantry, LabError, target_dir

CLIENTS = {"kafka-connect-py": python_client, "kafka-connect-client": java_client}
# What the clients check in one run, at least: a client that skipped its work would pass otherwise.
CHECKS_MIN = 60


def run(name, mode, work, port):
    """One client against one worker that is started for it. Returns the number of checks that passed."""
    home = work / f"{name}-{mode}"
    shutil.rmtree(home, ignore_errors=True)
    gantry = Gantry(home / "gantry", mode=mode, port=port)
    try:
        gantry.wait_ready()
        checks = Checks(f"{name}, {mode}")
        CLIENTS[name].run(work / name, gantry.rest.base, home, checks)
        if not gantry.alive():
            raise LabError(f"gantry ended during the run:\n{gantry.tail(30)}")
        if checks.passed < CHECKS_MIN:
            raise LabError(f"{checks.label}: only {checks.passed} checks were made, there are {CHECKS_MIN} or more")
    finally:
        gantry.stop()
    shutil.rmtree(home, ignore_errors=True)
    print(f"{checks.label}: {checks.passed} checks passed", flush=True)
    return checks.passed


def main():
    """The command line."""
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--client", choices=CLIENTS, action="append", help="only this one")
    p.add_argument("--mode", choices=["standalone", "distributed"], action="append", help="only this one")
    p.add_argument("--port", type=int, help="the worker's REST port (a free one otherwise)")
    p.add_argument("--work", type=pathlib.Path, default=target_dir() / "clients")
    args = p.parse_args()
    passed = 0
    for name in args.client or CLIENTS:
        CLIENTS[name].install(args.work / name)
        for mode in args.mode or ("standalone", "distributed"):
            passed += run(name, mode, args.work, args.port)
    print(f"clients: {passed} passed, 0 failed")


if __name__ == "__main__":
    try:
        main()
    except LabError as error:
        sys.exit(f"clients: {error}")
