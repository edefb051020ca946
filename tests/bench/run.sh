#!/usr/bin/env bash
# Builds Gantry and runs the benchmark. Smaller or partial runs by environment:
#   LINES=10000 ROUNDS=1 ONLY=gantry|kafka MODE=standalone|distributed FLAT_LINES=1000,10000 FLAT_CONNECTORS=1,10
# An empty FLAT_LINES= or FLAT_CONNECTORS= leaves that table out.
set -euo pipefail
# Some shells export LINES as the height of the terminal, and bash sets it itself: such small numbers are not meant.
shopt -u checkwinsize
if [ "${LINES:-0}" -lt 1000 ]; then unset LINES; fi
cd "$(dirname "$0")/../.."

. scripts/setup.sh
setup_packages
if [ "${ONLY:-}" != gantry ]; then setup_maven; fi
if [ "${ONLY:-}" != kafka ]; then cargo build --release -p gantry; fi

args=()
[ -n "${LINES:-}" ] && args+=(--lines "$LINES")
[ -n "${ROUNDS:-}" ] && args+=(--rounds "$ROUNDS")
[ -n "${ONLY:-}" ] && args+=(--only "$ONLY")
[ -n "${MODE:-}" ] && args+=(--mode "$MODE")
[ -n "${FLAT_LINES+set}" ] && args+=(--flat-lines "$FLAT_LINES")
[ -n "${FLAT_CONNECTORS+set}" ] && args+=(--flat-connectors "$FLAT_CONNECTORS")
exec python3 tests/bench/bench.py "${args[@]}" "$@"
