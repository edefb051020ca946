#!/usr/bin/env bash
# Builds Gantry and measures its Java connectors beside Kafka Connect's. Smaller or partial runs by environment:
#   ONLY=flow,cost,database,start SIDES=gantry|kafka CASES=file,flat-string,… ROUNDS=1 RECORDS=100000 STRUCTS=50000 ROWS=20000 CHANGES=10000
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../../.."

. scripts/setup.sh
setup_packages
if [ -z "${GANTRY:-}" ]; then cargo build --locked --release --workspace --bins; fi
if [ -z "${BRIDGE_COST:-}" ]; then cargo build --locked --release -p gantry-jvm-bridge --example bridge_cost; fi

args=()
[ -n "${ONLY:-}" ] && args+=(--only "$ONLY")
[ -n "${SIDES:-}" ] && args+=(--sides "$SIDES")
[ -n "${CASES:-}" ] && args+=(--cases "$CASES")
[ -n "${ROUNDS:-}" ] && args+=(--rounds "$ROUNDS" --cost-rounds "$ROUNDS" --database-rounds "$ROUNDS" --start-rounds "$ROUNDS")
[ -n "${RECORDS:-}" ] && args+=(--records "$RECORDS")
[ -n "${STRUCTS:-}" ] && args+=(--structs "$STRUCTS")
[ -n "${ROWS:-}" ] && args+=(--rows "$ROWS")
[ -n "${CHANGES:-}" ] && args+=(--changes "$CHANGES")
exec python3 tests/bench/jvm/bench.py "${args[@]}" "$@"
