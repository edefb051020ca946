"""Checks that count themselves and say what differs."""

import json
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "scripts" / "lib"))
from worker import LabError  # noqa: E402

WAIT_LIMIT_S = 30


class Checks:
    """The checks of one client in one mode; the first that fails ends the run."""

    def __init__(self, label):
        self.label, self.passed = label, 0

    def that(self, what, holds, seen):
        """`holds` must be true; `seen` is shown when it is not."""
        if not holds:
            shown = seen if isinstance(seen, str) else json.dumps(seen)
            raise LabError(f"{self.label}: {what}: {shown[:2000]}")
        self.passed += 1

    def same(self, what, seen, wanted):
        """`seen` must equal `wanted`."""
        self.that(f"{what}: wanted {json.dumps(wanted)}, got", seen == wanted, seen)

    def soon(self, what, look, wanted):
        """`look()` must come to equal `wanted`: states change after the answer to a request."""
        end = time.monotonic() + WAIT_LIMIT_S
        while (seen := look()) != wanted and time.monotonic() < end:
            time.sleep(0.05)
        self.same(f"{what}, within {WAIT_LIMIT_S} s", seen, wanted)
