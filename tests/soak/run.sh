#!/usr/bin/env bash
# Builds Gantry and runs the long tests. By environment: FUZZ_CASES, KILLS, CONNECTORS, FLOW_S, SEED.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

. scripts/setup.sh
setup_packages
cargo build --release -p gantry

# The properties of all parsers, with far more inputs than a test run gives them.
FUZZ_CASES="${FUZZ_CASES:-50000}"
PROPTEST_CASES="$FUZZ_CASES" cargo test --locked --release -p gantry-log -p gantry-converters -p gantry-model --lib

args=(--fuzz-cases "$FUZZ_CASES")
[ -n "${KILLS:-}" ] && args+=(--kills "$KILLS")
[ -n "${CONNECTORS:-}" ] && args+=(--connectors "$CONNECTORS")
[ -n "${FLOW_S:-}" ] && args+=(--flow-s "$FLOW_S")
[ -n "${SEED:-}" ] && args+=(--seed "$SEED")
exec python3 tests/soak/soak.py "${args[@]}" "$@"
