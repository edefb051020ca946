#!/usr/bin/env bash
# Builds Gantry and runs the long tests. By environment: FUZZ_S, KILLS, CONNECTORS, FLOW_S, SEED.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

. scripts/setup.sh
setup_packages
cargo build --locked --release --workspace --bins

args=()
[ -n "${FUZZ_S:-}" ] && args+=(--fuzz-s "$FUZZ_S")
[ -n "${KILLS:-}" ] && args+=(--kills "$KILLS")
[ -n "${CONNECTORS:-}" ] && args+=(--connectors "$CONNECTORS")
[ -n "${FLOW_S:-}" ] && args+=(--flow-s "$FLOW_S")
[ -n "${SEED:-}" ] && args+=(--seed "$SEED")
exec python3 tests/soak/soak.py "${args[@]}" "$@"
