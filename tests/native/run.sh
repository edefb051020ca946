#!/usr/bin/env bash
# Native connectors on real servers.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

./jdbc.py
./replicator.py --kills 4 --seed "${SEED:-1}"
./jdbc_kills.py --kills 5 --seed "${SEED:-1}"
./elasticsearch.py --kills 3 --seed "${SEED:-1}"
