#!/usr/bin/env bash
# Builds Gantry and runs the long tests. By environment: FUZZ_S, KILLS, CONNECTORS, FLOW_S, CYCLES, REGISTRY_KILLS, STREAMS_KILLS, SEED.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

. scripts/setup.sh
setup_packages
cargo build --locked --release --workspace --bins
cargo build --locked --release -p gantry-jvm-bridge --example bridge_cost
cargo build --locked --release -p gantry-streams --example orders

args=()
[ -n "${FUZZ_S:-}" ] && args+=(--fuzz-s "$FUZZ_S")
[ -n "${KILLS:-}" ] && args+=(--kills "$KILLS")
[ -n "${CONNECTORS:-}" ] && args+=(--connectors "$CONNECTORS")
[ -n "${FLOW_S:-}" ] && args+=(--flow-s "$FLOW_S")
[ -n "${CYCLES:-}" ] && args+=(--cycles "$CYCLES")
[ -n "${REGISTRY_KILLS:-}" ] && args+=(--registry-kills "$REGISTRY_KILLS")
[ -n "${STREAMS_KILLS:-}" ] && args+=(--streams-kills "$STREAMS_KILLS")
[ -n "${SEED:-}" ] && args+=(--seed "$SEED")
exec python3 tests/soak/soak.py "${args[@]}" "$@"
