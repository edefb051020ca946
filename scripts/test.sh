#!/usr/bin/env bash
# Everything that must be green, in order, each step named and timed. The first failure ends it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export PATH="$PATH:$HOME/.cargo/bin"

LOGS="${CARGO_TARGET_DIR:-target}/test-logs"
mkdir -p "$LOGS"
SUMMARY="$LOGS/summary.txt"
: >"$SUMMARY"
BEGAN=$SECONDS

# step NAME COMMAND…: runs it, shows and keeps its output.
step() {
  local name=$1 log began=$SECONDS status=0
  shift
  log="$LOGS/${name// /-}.log"
  printf '\n==> %s: %s\n' "$name" "$*"
  "$@" 2>&1 | tee "$log" || status=$?
  if [ "$status" -eq 0 ]; then
    printf 'ok    %5d s  %s\n' $((SECONDS - began)) "$name" >>"$SUMMARY"
  else
    printf 'FAIL  %5d s  %s (log: %s)\n' $((SECONDS - began)) "$name" "$log" >>"$SUMMARY"
    summary
    exit 1
  fi
}

summary() {
  printf '\n==> summary\n'
  cat "$SUMMARY"
  printf 'total %5d s\n' $((SECONDS - BEGAN))
}

step "set-up"            scripts/setup.sh
step "format"            cargo fmt --all --check
step "lints"             cargo clippy --locked --release --workspace --all-targets -- -D warnings
step "build"             cargo build --locked --release --workspace --bins
# The one example that tests run; that the others compile, lints have seen.
step "example of streams" cargo build --locked --release --workspace --example orders
step "tests"             cargo test --locked --release --workspace --lib --bins --tests
step "documentation's examples" cargo test --locked --release --workspace --doc
step "simulation"        "${CARGO_TARGET_DIR:-target}/release/gantry-simulation" --seeds 500
step "exactly-once simulation" "${CARGO_TARGET_DIR:-target}/release/gantry-simulation" --seeds 500 --exactly-once
step "documentation"     env RUSTDOCFLAGS="-D warnings" cargo doc --locked --release --workspace --no-deps
# Compiling has time while servers are waited for: what fuzzes, and cargo-deny where it is missing.
nice -n 19 bash -c 'tests/fuzz/run.sh --build; . scripts/setup.sh; setup_deny' >"$LOGS/fuzz-build.log" 2>&1 &
FUZZ_BUILD=$!
trap 'kill "$FUZZ_BUILD" 2>/dev/null || true' EXIT
step "rocketmq"          tests/rocketmq/run.sh
step "streams"           tests/streams/run.sh
step "native connectors" tests/native/run.sh
step "chaos"             tests/chaos/chaos.py --seconds 20 --connectors 8 --seed 7
step "pipelines"         tests/conformance/run-pipeline.sh
step "rest"              tests/conformance/run-rest.sh
step "pipelines distributed" tests/conformance/run-pipeline.sh --mode distributed
step "rest distributed"  tests/conformance/run-rest.sh --mode distributed
step "rocketmq connect"  tests/rocketmq-connect/face.py
step "java side"         mvn -q -B -f jvm-bridge/java/pom.xml -Dgantry.build.directory="${CARGO_TARGET_DIR:-$PWD/target}/jvm-bridge" package
step "java connectors"   tests/connectors/run.sh
step "schema registry"   bash -c "tests/registry/kill.py && tests/registry/move.py"
step "registry of a worker" bash -c "tests/registry/worker.py && tests/registry/converters.py"
step "key stores"        tests/edge/stores.py
# What went wrong is said by the step, which builds what is not built.
wait "$FUZZ_BUILD" || true
step "fuzz"              tests/fuzz/run.sh
step "licences"          bash -c ". scripts/setup.sh && setup_deny && cargo deny --locked check bans licenses sources"
step "clients"           tests/clients/run.sh
step "fifty kills"       tests/soak/kill.py --kills 50
step "full disk"         tests/soak/full_disk.py
step "example"           env RUN_ONCE=1 scripts/run-example.sh
summary
