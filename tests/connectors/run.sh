#!/usr/bin/env bash
# Java connectors in Gantry: plugins over REST, Debezium between real databases and beside native connectors of its name, an Iceberg table, connectors that misbehave, and what a few connectors
# say of themselves, held against Kafka Connect. --all: all connectors, more rows and kills, and docs/connectors.md.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

. scripts/setup.sh
setup_packages
setup_venv
if [ -z "${GANTRY:-}" ]; then cargo build --quiet --locked --release --workspace --bins; fi

# Each goes on when another has failed: what fails is to be seen in one run.
status=0
one() {
  "$@" || status=1
}

# Where another Java is installed besides the usual one, its users are to be served, too.
newer() {
  local usual home
  usual=$(readlink -f "$(command -v java)")
  for home in /usr/lib/jvm/*/; do
    if [ -e "$home/lib/server/libjvm.so" ] && [ "$(readlink -f "$home/bin/java")" != "$usual" ]; then
      echo "with $home"
      one python3 tests/connectors/smoke.py --set "gantry.java.home=$home"
      return
    fi
  done
}

case "${1:-}" in
  "")
    one python3 tests/connectors/smoke.py
    newer
    one python3 tests/connectors/debezium.py
    one python3 tests/connectors/capture.py
    one python3 tests/connectors/capture_mariadb.py
    one python3 tests/connectors/iceberg.py
    one python3 tests/connectors/contain.py
    one python3 tests/connectors/load.py
    ;;
  --all)
    python3 tests/connectors/plugins.py --all
    one python3 tests/connectors/smoke.py
    newer
    one python3 tests/connectors/debezium.py --rows 5000 --kills 5
    one python3 tests/connectors/debezium.py --mode distributed --kills 3 --seed 2
    one python3 tests/connectors/capture.py
    one python3 tests/connectors/capture_mariadb.py
    one python3 tests/connectors/iceberg.py --rows 20000 --kills 5
    one python3 tests/connectors/iceberg.py --mode distributed --kills 3 --seed 2
    one python3 tests/connectors/contain.py
    one python3 tests/connectors/load.py --all
    ;;
  *)
    echo "run.sh: unknown option $1; there is --all" >&2
    exit 2
    ;;
esac
exit "$status"
