#!/usr/bin/env bash
# Records per second through the log on RocketMQ, one broker on this machine.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/target}"
cargo build --locked --release -p gantry-rocketmq --example log_bench
tests/rocketmq/cluster.py run "$CARGO_TARGET_DIR/rocketmq/bench" \
  "$CARGO_TARGET_DIR/release/examples/log_bench"
