#!/usr/bin/env bash
# Installs what is missing on a Debian machine that has Rust and a JDK. Sourced by the other scripts for its functions;
# run by itself it prepares everything that `make test` needs.
set -euo pipefail

# Where rustup puts cargo, for shells that did not read its profile.
export PATH="$PATH:$HOME/.cargo/bin"

DENY_VERSION=0.20.2
# The version that the crate `rocksdb` is made for.
ROCKSDB_VERSION=10.4.2

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

# RocksDB as its own project publishes it, where .cargo/config.toml says: to compile it takes a quarter of an hour. And
# libclang, which reads its header.
setup_rocksdb() {
  local root dir name
  root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
  dir="$root/.native/rocksdb"
  if [ -z "${LIBCLANG_PATH:-}" ] && ! compgen -G '/usr/lib/llvm-*/lib/libclang.so' >/dev/null; then apt_install libclang-dev; fi
  if [ -e "$dir/$ROCKSDB_VERSION" ]; then return 0; fi
  case "$(uname -m)" in
    x86_64) name=librocksdbjni-linux64.so ;;
    aarch64) name=librocksdbjni-linux-aarch64.so ;;
    *) echo "setup: no RocksDB is published for $(uname -m): build librocksdb.so $ROCKSDB_VERSION and put it into $dir" >&2; return 1 ;;
  esac
  rm -rf "$dir" && mkdir -p "$dir"
  echo "setup: fetching RocksDB $ROCKSDB_VERSION"
  mvn -q -B org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy \
    -Dartifact="org.rocksdb:rocksdbjni:$ROCKSDB_VERSION:jar:linux64" -DoutputDirectory="$dir"
  (cd "$dir" && jar xf rocksdbjni-*.jar "$name" && mv "$name" librocksdb.so && rm rocksdbjni-*.jar && touch "$ROCKSDB_VERSION")
}

# Python's virtual environments, which Debian packages apart, for the Python client of the tests.
setup_venv() {
  python3 -c 'import ensurepip, venv' 2>/dev/null || apt_install python3-venv
}

# A MariaDB server, of which tests start their own: the parts without a service, and nothing that makes way for them.
setup_mariadb() {
  if command -v mariadbd >/dev/null || [ -x /usr/sbin/mariadbd ]; then return 0; fi
  apt_install --no-remove mariadb-server-core mariadb-client-core
}

# A PostgreSQL server, of which tests start their own: Debian's package would make one that runs as a service.
setup_postgres() {
  local run=()
  if compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null; then return 0; fi
  if [ "$(id -u)" -ne 0 ]; then run=(sudo); fi
  apt_install --no-remove postgresql-common
  "${run[@]}" pg_conftool /etc/postgresql-common/createcluster.conf set create_main_cluster off
  apt_install --no-remove postgresql
}

# The program of Redis' server, of which tests start their own: Debian's package redis-server would make one that runs as
# a service. Under another name it is in the package of the tools.
setup_redis() {
  if command -v redis-check-rdb >/dev/null && command -v redis-cli >/dev/null; then return 0; fi
  apt_install --no-remove redis-tools
}

# OpenSSH's server, of which tests start their own: unpacked beside the source, as Debian's package would make one that
# runs as a service. Its client's tools make and look at keys.
setup_sshd() {
  local root dir run=()
  root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
  dir="$root/.native/sshd"
  command -v ssh-keygen >/dev/null || apt_install --no-remove openssh-client
  if [ -x "$dir/usr/sbin/sshd" ] || [ -x /usr/sbin/sshd ]; then return 0; fi
  if ! command -v apt-get >/dev/null; then
    echo "setup: this is no Debian machine (no apt-get). Install by hand what provides: /usr/sbin/sshd" >&2
    return 1
  fi
  echo "setup: fetching openssh-server"
  if [ "$(id -u)" -ne 0 ]; then run=(sudo); fi
  rm -rf "$dir" && mkdir -p "$dir"
  # Where no list of packages is kept, it is fetched first.
  (cd "$dir" && { apt-get download -qq openssh-server libwrap0 2>/dev/null ||
    { "${run[@]}" apt-get update -qq && apt-get download -qq openssh-server libwrap0; }; } &&
    for package in *.deb; do dpkg -x "$package" .; done && rm ./*.deb)
}

# cargo-deny checks licences, sources and duplicates; building it takes two to four minutes, once, which tests do beside
# other things.
setup_deny() {
  if cargo deny --version >/dev/null 2>&1; then return 0; fi
  # It runs for a second: to optimise it would take minutes.
  cargo install cargo-deny --debug --locked --version "$DENY_VERSION"
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
  setup_packages
  setup_rocksdb
  setup_mariadb
  setup_postgres
  setup_redis
  setup_sshd
fi
