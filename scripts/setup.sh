#!/usr/bin/env bash
# Installs what is missing on a Debian machine that has Rust and a JDK. Sourced by the other scripts for its functions;
# run by itself it prepares everything that `make test` needs.
set -euo pipefail

# Where rustup puts cargo, for shells that did not read its profile.
export PATH="$PATH:$HOME/.cargo/bin"

DENY_VERSION=0.20.2

# Installs the given Debian packages; needs root or sudo.
apt_install() {
  local run=()
  if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
      echo "setup: missing Debian packages: $*. Install them as root: apt-get install $*" >&2
      return 1
    fi
    run=(sudo)
  fi
  if ! command -v apt-get >/dev/null; then
    echo "setup: this is no Debian machine (no apt-get). Install by hand what provides: $*" >&2
    return 1
  fi
  echo "setup: installing $*"
  "${run[@]}" apt-get update -qq
  "${run[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"
}

# A C linker for Rust, Maven and a JDK for the Java side of the bridge, Python for the runners, curl for the reader of
# the output.
setup_packages() {
  local missing=()
  command -v cc >/dev/null || missing+=(build-essential)
  command -v pkg-config >/dev/null || missing+=(pkg-config)
  command -v curl >/dev/null || missing+=(curl ca-certificates)
  command -v python3 >/dev/null || missing+=(python3)
  command -v javac >/dev/null || missing+=(default-jdk-headless)
  command -v mvn >/dev/null || missing+=(maven)
  if [ ${#missing[@]} -gt 0 ]; then apt_install "${missing[@]}"; fi
  if ! command -v cargo >/dev/null; then
    echo "setup: cargo is missing. Install Rust from https://rustup.rs and start again" >&2
    return 1
  fi
}

# Python's virtual environments, which Debian packages apart, for the Python client of the tests.
setup_venv() {
  python3 -c 'import ensurepip, venv' 2>/dev/null || apt_install python3-venv
}

# cargo-deny checks licences, sources and duplicates; building it takes two to four minutes, once.
setup_deny() {
  if cargo deny --version >/dev/null 2>&1; then return 0; fi
  cargo install cargo-deny --locked --version "$DENY_VERSION"
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
  setup_packages
  setup_deny
fi
