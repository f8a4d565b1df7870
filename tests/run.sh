#!/usr/bin/env bash
# Installs what is missing, builds, runs the tests.
#
#   tests/run.sh                  the release build, all tests
#   tests/run.sh --preset asan    another preset: debug, asan, tsan
#   tests/run.sh --only REGEX     only the tests whose name matches
#   tests/run.sh --build TARGET   only what is built for that target; may be repeated
#   tests/run.sh --full           also what is too long for every day: all presets, the benchmarks
#                                 built, five minutes of fuzzing for each target, the Debian package
set -euo pipefail
cd "$(dirname "$0")/.."

preset=release
only=.
full=no
targets=()
while [ $# -gt 0 ]; do
  case "$1" in
    --preset) preset=${2:?--preset needs a name}; shift 2 ;;
    --only) only=${2:?--only needs a regular expression}; shift 2 ;;
    --build) targets+=(--target "${2:?--build needs a target}"); shift 2 ;;
    --full) full=yes; shift ;;
    -h | --help) sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "$0"; exit 0 ;;
    *) echo "$0: unknown option '$1'; see --help" >&2; exit 2 ;;
  esac
done

jobs=$(nproc)
benchmarks=()
[ "$full" = yes ] || benchmarks=(-DEDGEWARD_BENCHMARKS=OFF)
run_suite() {
  echo "== $1: building"
  mkdir -p "build/$1"
  local log=build/$1/configure.log werror=ON
  # Instrumented for threads, GCC 12 warns of the standard library's own headers.
  [ "$1" != tsan ] || werror=OFF
  cmake --preset "$1" -DEDGEWARD_TESTS=ON -DEDGEWARD_WERROR=$werror "${benchmarks[@]}" >"$log" 2>&1 ||
    { cat "$log"; exit 1; }
  cmake --build "build/$1" -j "$jobs" "${targets[@]}" -- --quiet
  echo "== $1: testing"
  ctest --test-dir "build/$1" -j "$jobs" -R "$2" --output-on-failure --progress
}

.ci/packages.sh test
if [ "$full" = yes ]; then
  for each in debug asan tsan; do run_suite "$each" "$only"; done
  tests/fuzz/run.sh 300
fi
run_suite "$preset" "$only"
if [ "$full" = yes ]; then tests/packaging.sh "build/$preset" || [ $? -eq 77 ]; fi
