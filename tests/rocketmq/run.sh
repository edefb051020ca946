#!/usr/bin/env bash
# The log's contract, other clients, access keys, TLS and faults, against real RocketMQ name servers
# and brokers.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/target}"
CLUSTER=(tests/rocketmq/cluster.py run)
# All packages, as in other builds, so that nothing is built twice with other features.
read -ra PACKAGES <<<"${GANTRY_TEST_PACKAGES:---workspace}"
TESTS=(cargo test --locked --release "${PACKAGES[@]}")

"${CLUSTER[@]}" --brokers=2 "$CARGO_TARGET_DIR/rocketmq/contract" \
  "${TESTS[@]}" --test cluster -- --ignored contract:: java::
"${CLUSTER[@]}" --secure "$CARGO_TARGET_DIR/rocketmq/secured" \
  "${TESTS[@]}" --test cluster -- --ignored --nocapture secured::
# These start clusters of their own, to break them; at once, as a broker looks at its disk only after
# a minute.
"${TESTS[@]}" --test cluster -- --ignored --nocapture faults::
# Workers of the real binary.
tests/rocketmq/faults.py
# Two schema registries on one topic; nodes and the broker are killed.
tests/registry/nodes.py --rounds 2 --brokers 1
