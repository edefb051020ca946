#!/usr/bin/env bash
# Streams jobs with connectors, with instances that are killed, with disks and brokers that fail; and beside them, as all of these
# mostly wait, state in a database.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

tests/streams/mysql.py &
MYSQL=$!
trap 'kill "$MYSQL" 2>/dev/null || true' EXIT
tests/streams/connectors.py
tests/streams/instances.py
tests/streams/faults.py
wait "$MYSQL"
