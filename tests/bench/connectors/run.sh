#!/usr/bin/env bash
# Builds native connectors and measures them; smaller runs by environment: ROWS=100000 ROUNDS=1
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../../.."

. scripts/setup.sh
setup_packages
setup_mariadb
setup_postgres
cargo build --locked --release --workspace --bins
cargo build --locked --release --workspace --example jdbc_bench

args=()
[ -n "${ROWS:-}" ] && args+=(--rows "$ROWS")
[ -n "${ROUNDS:-}" ] && args+=(--rounds "$ROUNDS")
exec python3 tests/bench/connectors/bench.py "${args[@]}" "$@"
