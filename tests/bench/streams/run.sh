#!/usr/bin/env bash
# Builds the windowed count and measures it beside Kafka Streams. Smaller or partial runs by environment:
#   RECORDS=200000 ROUNDS=1 CASES=keyed-1k,keyed-100k,shuffle-100k
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../../.."

. scripts/setup.sh
setup_packages
setup_rocksdb
cargo build --locked --release -p gantry-streams --example count_bench

args=()
[ -n "${RECORDS:-}" ] && args+=(--records "$RECORDS")
[ -n "${ROUNDS:-}" ] && args+=(--rounds "$ROUNDS")
[ -n "${CASES:-}" ] && args+=(--cases "$CASES")
exec python3 tests/bench/streams/bench.py "${args[@]}" "$@"
