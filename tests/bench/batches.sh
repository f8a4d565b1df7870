#!/usr/bin/env bash
# Batches of 1,000 decisions beside the bare answerer (16 requests pipelined), in turn, so that the
# ratio holds when the machine drifts: the server on core 0, wrk on core 1.
#
#   tests/bench/batches.sh [-n RUNS] [-c CONNECTIONS] [-d SECONDS] [EDGEWARD [BARE_ANSWERER]]
#
# Prints millions a second by the clock and by the server's CPU time (which counts less what else
# runs on the machine, and where it is wrk that has no time left), with the ratios of each.
set -euo pipefail
cd "$(dirname "$0")/../.."

runs=5
connections=4
seconds=3
while getopts n:c:d: option; do
  case $option in
    n) runs=$OPTARG ;;
    c) connections=$OPTARG ;;
    d) seconds=$OPTARG ;;
    *) sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "$0"; exit 2 ;;
  esac
done
shift $((OPTIND - 1))
edgeward=${1:-build/release/edgeward}
answerer=${2:-build/release/tests/bench/edgeward_bare_answerer_bench}

folder=$(mktemp -d)
cat >"$folder/edgeward.yaml" <<END
fleet: $PWD/data/fleets/demo.yaml
geo:
  databases: [$PWD/data/geo/world.mmdb]
serve:
  listen: 127.0.0.1:18480
  admin: 127.0.0.1:18481
  dns: none
  workers: 1
  unreported_edges: ready
END
taskset -c 0 "$edgeward" serve --config "$folder/edgeward.yaml" >/dev/null 2>&1 &
server=$!
taskset -c 0 "$answerer" 18482 >/dev/null 2>&1 &
bare=$!
trap 'kill $server $bare; rm -r "$folder"' EXIT
until curl -sf 127.0.0.1:18480/readyz >/dev/null; do sleep 0.1; done

cpu() { awk '{ print $14 + $15 }' "/proc/$1/stat"; } # hundredths of a second
load() { taskset -c 1 wrk -t1 -d"${seconds}s" "$@"; }
pipelined() {
  load -c64 -s tests/bench/pipeline.lua http://127.0.0.1:18482/ |
    awk '/requests in/ { n = $1 } /^Requests.sec/ { print $2, n }'
}
batches() {
  FORMAT=$1 load -c"$connections" -s tests/bench/batch.lua http://127.0.0.1:18480/ |
    sed -n 's/^decisions.s \([0-9]*\) (\([0-9]*\) batches, \([0-9]*\) errors.*/\1 \2000 \3/p'
}

echo '   bare answerer           NDJSON              ratio           array              ratio'
echo '   clock     CPU    clock     CPU    clock  CPU      clock     CPU    clock  CPU'
for ((i = 0; i < runs; ++i)); do
  at=$(cpu $bare)
  read -r b bn <<<"$(pipelined)"
  bc=$(($(cpu $bare) - at))
  at=$(cpu $server)
  read -r l ln l_errors <<<"$(batches lines)"
  lc=$(($(cpu $server) - at))
  at=$(cpu $server)
  read -r a an a_errors <<<"$(batches array)"
  ac=$(($(cpu $server) - at))
  [ "$l_errors $a_errors" = '0 0' ] || { echo "$0: there were errors" >&2; exit 1; }
  echo "$b $bn $bc $l $ln $lc $a $an $ac" | awk '{
    bc = $2 / $3 / 1e4; lc = $5 / $6 / 1e4; ac = $8 / $9 / 1e4
    printf "%8.3f%8.3f %8.3f%8.3f %8.2f%5.2f   %8.3f%8.3f %8.2f%5.2f\n", $1 / 1e6, bc,
      $4 / 1e6, lc, $4 / $1, lc / bc, $7 / 1e6, ac, $7 / $1, ac / bc }'
done
