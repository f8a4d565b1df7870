#!/usr/bin/env bash
# Fuzzes every reader, starting from its corpus. Usage: tests/fuzz/run.sh SECONDS (for all together,
# of one processor: two fuzz two readers at a time).
# What libFuzzer finds is left in build/asan/found/TARGET; minimise it and add it to the corpus.
set -euo pipefail
cd "$(dirname "$0")/../.."

seconds=${1:?usage: tests/fuzz/run.sh SECONDS}
targets=(batch caching dns http input log_lines mmdb prefix redis rtt series yaml)
each=$(((seconds + ${#targets[@]} - 1) / ${#targets[@]}))

cmake --preset asan -DEDGEWARD_TESTS=ON -DEDGEWARD_WERROR=ON >/dev/null
built=("${targets[@]/#/edgeward_}")
cmake --build build/asan -j "$(nproc)" --target "${built[@]/%/_fuzz}" -- --quiet

# What it says at its end is shown, whether it found something or not.
fuzz() {
  local target=$1 seconds=$2 found=build/asan/found/$1 status=0
  mkdir -p "$found/corpus"
  "build/asan/tests/fuzz/edgeward_${target}_fuzz" -max_total_time="$seconds" -max_len=4096 \
    -timeout=20 -rss_limit_mb=2048 -print_final_stats=1 -verbosity=0 -artifact_prefix="$found/" \
    "$found/corpus" "tests/fuzz/corpus/$target" >"$found/log" 2>&1 || status=$?
  printf '== fuzzed %s for %s s\n%s\n' "$target" "$seconds" "$(tail -n 8 "$found/log")"
  return "$status"
}
export -f fuzz
printf '%s\n' "${targets[@]}" | xargs -P "$(nproc)" -I {} bash -c "fuzz {} $each"
