#!/usr/bin/env bash
# Builds and measures the converters with a schema registry beside Apache Avro for Java. Smaller or larger runs by environment:
#   ROUNDS=1 SECONDS_EACH=0.3 WARM=2 CONFLUENT=<a class path with io.confluent.connect.avro.AvroConverter>
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../../.."

. scripts/setup.sh
setup_packages
if [ -z "${GANTRY:-}" ]; then cargo build --locked --release -p gantry-tests --bin converter-bench; fi

args=()
[ -n "${ROUNDS:-}" ] && args+=(--rounds "$ROUNDS")
[ -n "${SECONDS_EACH:-}" ] && args+=(--seconds "$SECONDS_EACH")
[ -n "${WARM:-}" ] && args+=(--warm "$WARM")
[ -n "${CONFLUENT:-}" ] && args+=(--confluent "$CONFLUENT")
exec python3 tests/bench/registry/converters.py "${args[@]}" "$@"
