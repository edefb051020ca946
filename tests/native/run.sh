#!/usr/bin/env bash
# Native connectors on real servers. Two at a time, as each mostly waits for its servers; what one said is shown when it has
# ended. More kills, one after the other: tests/native/run.sh --kills 20
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

SEED="${SEED:-1}"
LOGS="${CARGO_TARGET_DIR:-$PWD/../../target}/native/logs"
mkdir -p "$LOGS"
LOGS="$(cd "$LOGS" && pwd)"
export LOGS

# Built before, so that no two build at once.
. ../../scripts/setup.sh
setup_packages
setup_mariadb
setup_postgres
setup_redis
setup_sshd
setup_venv
cargo test --quiet --locked --release --workspace --test all --no-run

one() {
  local name=${1%%.py*} began=$SECONDS status=0
  # shellcheck disable=SC2086 # its words are its arguments
  ./$1 >"$LOGS/$name.log" 2>&1 || status=$?
  cat "$LOGS/$name.log"
  if [ "$status" -eq 0 ]; then echo "ok    $((SECONDS - began)) s  $1"; else echo "FAIL  $((SECONDS - began)) s  $1"; fi
  return "$status"
}
export -f one

lanes=2 few=3
if [ "${1:-}" = --kills ]; then lanes=1 few=$2; fi
# The long ones first.
printf '%s\n' \
  "elasticsearch.py --kills $few --seed $SEED" \
  "jdbc_kills.py --kills $few --seed $SEED" \
  "replicator.py --kills $few --seed $SEED" \
  "objects.py --kills $few --seed $SEED" \
  "cdc_kills.py --kills $((few * 2)) --seed $SEED" \
  "cdc_mysql.py --kills $few --seed $SEED" \
  "jdbc.py" \
  "spool.py --kills $((few * 2)) --seed $SEED" \
  "sftp.py --kills $((few * 2)) --seed $SEED" \
  "redis_kills.py --kills $few --seed $SEED" \
  "http_source.py --kills $((few * 2)) --seed $SEED" \
  "redis.py" |
  xargs -P "$lanes" -I{} bash -c 'one "{}"'
