#!/usr/bin/env bash
# Builds the windowed count and Nexmark and measures them beside Kafka Streams; with all cases also what alone.py has.
# Smaller or partial runs by environment:
#   RECORDS=200000 ROUNDS=1 CASES=keyed-1k,shuffle-100k-exactly-once
#   EVENTS=200000 ROUNDS=1 CASES=nexmark-q5,nexmark-q8
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../../.."

. scripts/setup.sh
setup_packages
setup_rocksdb
cargo build --locked --release --workspace --example count_bench --example nexmark --example state_bench \
  --example copy_bench --example rescale_bench --example orders

args=()
[ -n "${RECORDS:-}" ] && args+=(--records "$RECORDS")
[ -n "${EVENTS:-}" ] && args+=(--events "$EVENTS")
[ -n "${ROUNDS:-}" ] && args+=(--rounds "$ROUNDS")
[ -n "${CASES:-}" ] && args+=(--cases "$CASES")
exec python3 tests/bench/streams/bench.py "${args[@]}" "$@"
