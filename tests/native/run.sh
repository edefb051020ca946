#!/usr/bin/env bash
# Native connectors on real servers.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

./jdbc.py
./objects.py --kills 3 --seed "${SEED:-1}"
./jdbc_kills.py --kills 5 --seed "${SEED:-1}"
./cdc_mysql.py --kills 3 --seed "${SEED:-1}"
./elasticsearch.py --kills 3 --seed "${SEED:-1}"
./redis.py
./redis_kills.py --kills 3 --seed "${SEED:-1}"
