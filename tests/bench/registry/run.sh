#!/usr/bin/env bash
# Builds Gantry and the load generator and measures the schema registry beside Apicurio. Smaller or partial runs by environment:
#   ONLY=side-by-side,many ROUNDS=1 SECONDS_EACH=2 SCHEMAS=10000
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../../.."

. scripts/setup.sh
setup_packages
if [ -z "${GANTRY:-}" ]; then cargo build --locked --release --workspace --bins; fi

args=()
[ -n "${ONLY:-}" ] && args+=(--only "$ONLY")
[ -n "${ROUNDS:-}" ] && args+=(--rounds "$ROUNDS")
[ -n "${SECONDS_EACH:-}" ] && args+=(--seconds "$SECONDS_EACH")
[ -n "${SCHEMAS:-}" ] && args+=(--schemas "$SCHEMAS")
exec python3 tests/bench/registry/bench.py "${args[@]}" "$@"
