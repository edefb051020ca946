#!/usr/bin/env bash
# Builds the windowed count and Nexmark and measures them beside Kafka Streams. Smaller or partial runs by environment:
#   RECORDS=200000 ROUNDS=1 CASES=keyed-1k,shuffle-100k-exactly-once
#   EVENTS=200000 ROUNDS=1 CASES=nexmark-q5,nexmark-q8
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../../.."

. scripts/setup.sh
setup_packages
setup_rocksdb
cargo build --locked --release -p gantry-streams --example count_bench --example nexmark

args=()
[ -n "${RECORDS:-}" ] && args+=(--records "$RECORDS")
[ -n "${EVENTS:-}" ] && args+=(--events "$EVENTS")
[ -n "${ROUNDS:-}" ] && args+=(--rounds "$ROUNDS")
[ -n "${CASES:-}" ] && args+=(--cases "$CASES")
exec python3 tests/bench/streams/bench.py "${args[@]}" "$@"
