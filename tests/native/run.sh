#!/usr/bin/env bash
# Native connectors on real servers.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

./jdbc.py
./jdbc_kills.py --kills 5 --seed "${SEED:-1}"
./spool.py --kills 6 --seed "${SEED:-1}"
