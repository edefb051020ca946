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

# begin NAME COMMAND…: the same beside the steps that follow, on what they leave of the machine; `end` waits for it.
begin() {
  local name=$1
  shift
  BESIDE_NAME=$name BESIDE_BEGAN=$SECONDS BESIDE_LOG="$LOGS/${name// /-}.log"
  printf '\n==> %s, beside what follows: %s\n' "$name" "$*"
  nice -n 19 "$@" >"$BESIDE_LOG" 2>&1 &
  BESIDE=$!
  trap 'kill "$BESIDE" 2>/dev/null || true' EXIT
}

end() {
  local status=ok
  wait "$BESIDE" || status=FAIL
  trap - EXIT
  printf '%-5s %5d s  %s, beside those above\n' "$status" $((SECONDS - BESIDE_BEGAN)) "$BESIDE_NAME" >>"$SUMMARY"
  if [ "$status" = FAIL ]; then
    tail -n 100 "$BESIDE_LOG"
    summary
    exit 1
  fi
}

CARGO_TEST=(cargo test --locked --release --workspace --lib --bins --tests)
# The one example that tests run; that the others compile, lints have seen.
CARGO_EXAMPLE="cargo build --locked --release --workspace --example orders"

step "set-up"            scripts/setup.sh
step "format"            cargo fmt --all --check
step "lints"             cargo clippy --locked --release --workspace --all-targets -- -D warnings
step "build"             cargo build --locked --release --workspace --bins
# Servers and JVMs leave a core idle most of the time. These steps take the program as it was just built, and call no cargo, which would
# wait for the other one.
export GANTRY="$PWD/target/release/gantry"
if [ -n "${CARGO_TARGET_DIR:-}" ]; then GANTRY="$CARGO_TARGET_DIR/release/gantry"; fi
begin "build of tests"   bash -c "${CARGO_TEST[*]} --no-run && $CARGO_EXAMPLE"
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
step "clients"           tests/clients/run.sh
end
unset GANTRY
step "tests"             "${CARGO_TEST[@]}"
step "documentation's examples" cargo test --locked --release --workspace --doc
step "documentation"     env RUSTDOCFLAGS="-D warnings" cargo doc --locked --release --workspace --no-deps
step "simulation"        "${CARGO_TARGET_DIR:-target}/release/gantry-simulation" --seeds 500
step "exactly-once simulation" "${CARGO_TARGET_DIR:-target}/release/gantry-simulation" --seeds 500 --exactly-once
# What fuzzes has a directory of its own to be built in.
begin "build of fuzz targets and cargo-deny" bash -c 'tests/fuzz/run.sh --build; . scripts/setup.sh; setup_deny'
step "rocketmq"          tests/rocketmq/run.sh
step "streams"           tests/streams/run.sh
step "native connectors" tests/native/run.sh
step "chaos"             tests/chaos/chaos.py --seconds 20 --connectors 8 --seed 7
step "fifty kills"       tests/soak/kill.py --kills 50
step "full disk"         tests/soak/full_disk.py
step "example"           env RUN_ONCE=1 scripts/run-example.sh
end
step "fuzz"              tests/fuzz/run.sh
step "licences"          bash -c ". scripts/setup.sh && setup_deny && cargo deny --locked check bans licenses sources"
summary
