#!/usr/bin/env bash
# Replays the recorded pipelines against the release binary (built here when it is not). Options: pipeline.py --help.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
if [ -z "${GANTRY:-}" ]; then cargo build --quiet --locked --release --workspace --bins; fi
exec python3 tests/conformance/pipeline.py "$@"
