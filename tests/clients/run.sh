#!/usr/bin/env bash
# Runs Kafka Connect clients of other people against Gantry, standalone and distributed. Options: clients.py --help.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

. scripts/setup.sh
setup_packages
setup_venv
if [ -z "${GANTRY:-}" ]; then cargo build --quiet --locked --release --workspace --bins; fi
exec python3 tests/clients/clients.py "$@"
