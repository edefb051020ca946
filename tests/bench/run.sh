#!/usr/bin/env bash
# Builds Gantry and runs the benchmark. Smaller or partial runs by environment:
#   LINES=10000 ROUNDS=1 ONLY=gantry|kafka MODE=standalone|distributed FLAT_LINES=1000,10000 FLAT_CONNECTORS=1,10
#   TRANSFORM_S=0.5 REST_S=3
# An empty FLAT_LINES= or FLAT_CONNECTORS= leaves that table out, as LINES=none, TRANSFORM_S=0 and REST_S=0 leave out theirs.
set -euo pipefail
# Some shells export LINES as the height of the terminal, and bash sets it itself: such small numbers are not meant.
shopt -u checkwinsize
if [ "${LINES:-}" = none ]; then LINES=0; elif [ "${LINES:-0}" -lt 1000 ]; then unset LINES; fi
cd "$(dirname "$0")/../.."

. scripts/setup.sh
setup_packages
if [ "${REST_S:-}" != 0 ] && ! command -v wrk >/dev/null; then apt_install wrk; fi
if [ "${ONLY:-}" != kafka ]; then cargo build --locked --release --workspace --bins; fi

args=()
[ -n "${LINES:-}" ] && args+=(--lines "$LINES")
[ -n "${ROUNDS:-}" ] && args+=(--rounds "$ROUNDS")
[ -n "${ONLY:-}" ] && args+=(--only "$ONLY")
[ -n "${MODE:-}" ] && args+=(--mode "$MODE")
[ -n "${FLAT_LINES+set}" ] && args+=(--flat-lines "$FLAT_LINES")
[ -n "${FLAT_CONNECTORS+set}" ] && args+=(--flat-connectors "$FLAT_CONNECTORS")
[ -n "${TRANSFORM_S:-}" ] && args+=(--transform-seconds "$TRANSFORM_S")
[ -n "${REST_S:-}" ] && args+=(--rest-seconds "$REST_S")
exec python3 tests/bench/bench.py "${args[@]}" "$@"
