#!/usr/bin/env bash
# Replays the recorded REST transcripts against the release binary (built here when it is not). Options: rest.py --help.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
if [ -z "${GANTRY:-}" ]; then cargo build --quiet --locked --release --workspace --bins; fi
exec python3 tests/conformance/rest.py "$@"
