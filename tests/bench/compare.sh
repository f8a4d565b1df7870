#!/usr/bin/env bash
# Whole commands, reading included, on a Zipf 1.0 trace of 20 M requests for 1 M objects: Edgeward
# and, where one is named, another simulator, in turn, so that the ratio holds when the machine
# drifts. One thread, page cache warm.
#
#   tests/bench/compare.sh [-n RUNS] [--sized] [POLICY...]
#   REFERENCE='cachesim {trace} oracleGeneral {policy} {capacity}' tests/bench/compare.sh lru fifo
#
# In REFERENCE, {trace}, {policy} and {capacity} (10 % of the objects, or of the footprint) are
# replaced. Prints the median wall and CPU seconds and the peak memory of each, and the ratio.
set -euo pipefail
cd "$(dirname "$0")/../.."

runs=5
sized=no
while [ $# -gt 0 ]; do
  case "$1" in
    -n) runs=${2:?-n needs a number}; shift 2 ;;
    --sized) sized=yes; shift ;;
    -*) sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "$0"; exit 2 ;;
    *) break ;;
  esac
done
policies=("$@")
[ ${#policies[@]} -gt 0 ] || policies=(lru fifo sieve arc s3fifo wtinylfu gdsf)

edgeward=$PWD/build/release/edgeward
folder=${TMPDIR:-/tmp}/edgeward-bench
mkdir -p "$folder"
if [ "$sized" = yes ]; then
  sizes=lognormal:32KiB,1.6
  trace=$folder/zipf-sized.bin
else
  sizes=constant:1
  trace=$folder/zipf-unit.bin
fi
[ -s "$trace" ] || "$edgeward" synth --requests 20000000 --objects 1000000 --zipf 1.0 \
  --sizes "$sizes" --seed 1 --format oracle_general -o "$trace"
cat "$trace" >/dev/null
capacity=$("$edgeward" replay "$trace" --policy fifo --capacity 10% --json 2>/dev/null |
  sed -n 's/.*"capacity_bytes": *\([0-9]*\).*/\1/p' | head -n 1)

measure() { # appends "wall cpu memory" to the file $1; the rest is the command
  local file=$1
  shift
  # In a folder of its own: simulators leave files where they run.
  cd "$folder"
  /usr/bin/time -o "$folder/time" -f '%e %U %S %M' "$@" >"$folder/out" 2>&1 ||
    { echo "$0: failed: $*" >&2; tail -n 3 "$folder/out" >&2; exit 1; }
  tail -n 1 "$folder/time" | awk '{ printf "%.2f %.2f %d\n", $1, $2 + $3, $4 / 1024 }' >>"$file"
}
median() { awk -v c="$2" '{ print $c }' "$1" | sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

printf '%-10s %28s %28s %14s\n' policy 'edgeward: wall cpu MiB' 'reference: wall cpu MiB' 'ratio wall cpu'
for policy in "${policies[@]}"; do
  rm -f "$folder"/ours "$folder"/theirs
  for ((i = 0; i < runs; ++i)); do
    measure "$folder/ours" "$edgeward" replay "$trace" --policy "$policy" --capacity "$capacity" --threads 1
    [ -n "${REFERENCE:-}" ] || continue
    command=${REFERENCE//\{trace\}/$trace}
    command=${command//\{policy\}/$policy}
    command=${command//\{capacity\}/$capacity}
    read -ra words <<<"$command"
    measure "$folder/theirs" "${words[@]}"
  done
  ours="$(median "$folder/ours" 1) $(median "$folder/ours" 2) $(median "$folder/ours" 3)"
  if [ -n "${REFERENCE:-}" ]; then
    theirs="$(median "$folder/theirs" 1) $(median "$folder/theirs" 2) $(median "$folder/theirs" 3)"
    ratio=$(echo "$ours $theirs" | awk '{ printf "%.2f %.2f", $4 / $1, $5 / $2 }')
  else
    theirs='- - -'
    ratio='-'
  fi
  printf '%-10s %28s %28s %14s\n' "$policy" "$ours" "$theirs" "$ratio"
done
