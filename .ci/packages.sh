#!/usr/bin/env bash
# Installs the Debian 12 packages that are missing. Usage: .ci/packages.sh build|test
# build: what compiling Edgeward needs; test: that, and what the tests and fuzzers need.
set -euo pipefail

build=(
  ca-certificates cmake curl g++ git ninja-build pkg-config
  libboost1.81-dev libboost-context1.81-dev libboost-json1.81-dev libboost-url1.81-dev libcctz-dev
  libcli11-dev libexpected-dev libfmt-dev libhiredis-dev libmaxminddb-dev libsimdjson-dev
  libsodium-dev libspdlog-dev libssl-dev libsystemd-dev libxxhash-dev libyaml-cpp-dev libzstd-dev
  prometheus-cpp-dev tzdata zlib1g-dev
  ccache # wanted for speed, not needed
)
test=(
  bind9-dnsutils catch2 clang knot-dnsutils ldnsutils libbenchmark-dev libclang-rt-14-dev llvm mandoc
  mmdb-bin openssl prometheus python3 redis-server systemd time
)

case "${1:-}" in
  build) wanted=("${build[@]}") ;;
  test) wanted=("${build[@]}" "${test[@]}") ;;
  *) echo "usage: $0 build|test" >&2; exit 2 ;;
esac

missing=()
for package in "${wanted[@]}"; do
  status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$status" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || { echo "$0: run as root, or install: ${missing[*]}" >&2; exit 2; }
  as_root=(sudo)
fi
echo "Installing ${#missing[@]} packages: ${missing[*]}"
log=$(mktemp)
if ! { "${as_root[@]}" apt-get update -q &&
       "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
         apt-get install -q -y --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
  tail -n 20 "$log" >&2
  rm -f "$log"
  exit 2
fi
rm -f "$log"
