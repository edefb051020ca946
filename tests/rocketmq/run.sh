#!/usr/bin/env bash
# The log's contract, and what workers do about faults, against a real RocketMQ name server and broker.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
TARGET="${CARGO_TARGET_DIR:-target}"
tests/rocketmq/cluster.py run "$TARGET/rocketmq/contract" \
  cargo test --locked --release --workspace --test rocketmq -- --ignored
tests/rocketmq/faults.py
