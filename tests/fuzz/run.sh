#!/usr/bin/env bash
# Builds the fuzz targets and runs each for some seconds. Options: fuzz.py --help.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

. scripts/setup.sh
setup_packages
exec python3 tests/fuzz/fuzz.py "$@"
