#!/usr/bin/env bash
# Edgeward in a minute: installs what is missing (Debian 12), builds, makes a day of synthetic CDN
# traffic, replays it through cache policies, and then a small log that comes with the project; asks
# which edge should serve a client.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
show() { printf '$ %s\n' "$*"; "$@"; }

.ci/packages.sh build
if [ ! -x build/release/edgeward ]; then say "Building (a few minutes, the first time)"; fi
# Tests need packages of their own; where they were configured already, that stays.
[ -f build/release/CMakeCache.txt ] || cmake --preset release -DEDGEWARD_TESTS=OFF >/dev/null
cmake --build build/release --target edgeward -j "$(nproc)" -- --quiet
edgeward=build/release/edgeward
mkdir -p demo

say "1. A day of synthetic traffic: 500,000 requests, busier in the evening"
show $edgeward synth --requests 500000 --objects 60000 --zipf 0.9 --seed 1 \
  --rate-by-hour 3,2,2,2,2,3,4,6,8,9,10,10,11,11,10,10,11,12,14,16,16,13,9,5 -o demo/access.log

say "2. What would other cache policies have done with it?"
show $edgeward replay demo/access.log --policy lru,fifo,sieve,s3fifo,wtinylfu,gdsf,belady,pfoo \
  --capacity 1%,10% --warmup 10% -o demo/replay.json -o demo/replay.csv

say "3. A log that records what its own cache did, beside what others would have done"
show $edgeward replay data/samples/access.log.gz --policy lru,s3fifo,gdsf --capacity 5%

say "4. Which edge should serve a client, and why? (a made-up fleet, the coarse location database)"
show $edgeward route --client 81.2.69.142 --content /a --explain

say "5. The same router inside a replay: what would other routings have done with that log?"
show $edgeward replay data/samples/access.log.gz --fleet data/samples/edgeward.yaml \
  --routing nearest,weighted,latency --capacity 5%

say "6. The same decisions as a service, over HTTP (and DNS: dig @127.0.0.1 -p PORT www.cdn.example)"
printf '$ %s serve &\n' "$edgeward"
$edgeward serve --listen 127.0.0.1:0 --admin 127.0.0.1:0 --dns 127.0.0.1:0 2>demo/serve.log &
service=$!
trap 'kill "$service" 2>/dev/null || true' EXIT
for _ in $(seq 100); do
  if grep -q 'listening on' demo/serve.log; then break; fi
  sleep 0.1
done
cat demo/serve.log
http=$(sed -n 's/.*listening on \(http:[^,]*\).*/\1/p' demo/serve.log)
show curl -sS "$http/v1/route?client=81.2.69.142&content=/a"
show curl -sS -i "$http/r/video/1.mp4"
kill "$service" && wait "$service"
trap - EXIT

say "Next"
cat <<'NEXT'
  build/release/edgeward replay YOUR-ACCESS.log.gz         your own log: most CDN formats are recognised
  build/release/edgeward replay --help                     policies, formats, keys, warm-up, TTL, chunks
  demo/replay.json, demo/replay.csv                        the second table, for machines
  build/release/edgeward check data/fleets/demo.yaml       a fleet of your own starts from this file
  tests/run.sh                                             build and run the tests
NEXT
