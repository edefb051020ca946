#!/usr/bin/env bash
# Builds Gantry and moves a real file: file → transformations → topic → file. The given file is only read.
#   FILE=/path   what to read (default: a log file that every Debian machine has)
#   PORT=8083    where REST listens; another free port is taken when it is in use
#   RUN_ONCE=1   (or CI set) end with status 0 once every line has arrived and was checked
#   KEEP=1       go on with the data of the last run instead of starting afresh
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# A relative FILE means the caller's directory.
if [ -n "${FILE:-}" ] && [ "${FILE#/}" = "$FILE" ]; then export FILE="$PWD/$FILE"; fi
cd "$here"
. scripts/setup.sh
setup_packages

echo "building gantry (the first time takes a few minutes) ..."
cargo build --locked --release --workspace --bins
exec python3 scripts/lib/run_example.py
