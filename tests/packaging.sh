#!/usr/bin/env bash
# Makes the Debian package of a build and tries it: lintian, then installing, serving, upgrading,
# removing and purging on this machine's own files, under a layer that is thrown away. Needs root.
# Exits with 77 where that cannot be done. Usage: tests/packaging.sh [BUILD_FOLDER]
set -euo pipefail
cd "$(dirname "$0")/.."

build=${1:-build/release}
skip() { echo "packaging: skipped: $*"; exit 77; }
fail() { echo "packaging: FAILED: $*" >&2; exit 1; }

# The part under the layer, with --inside, in namespaces of its own: what it mounts and
# starts ends with it.
if [ "$build" = --inside ]; then
  layer=$EDGEWARD_LAYER
  mkdir "$layer/upper" "$layer/work" "$layer/root"
  root=$layer/root
  mount -t overlay overlay -o "lowerdir=/,upperdir=$layer/upper,workdir=$layer/work" "$root" ||
    exit 77
  mount --rbind /proc "$root/proc"
  mount --rbind /dev "$root/dev"
  mount -t tmpfs tmpfs "$root/tmp"
  cp "$EDGEWARD_PACKAGES"/*.deb "$root/tmp"
  in_root=(chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin
    DEBIAN_FRONTEND=noninteractive)
  inside() { "${in_root[@]}" "$@"; }
  package() { # runs dpkg; what it says is shown if it fails
    inside dpkg --force-confold "$@" >"$layer/log" 2>&1 || { cat "$layer/log"; fail "dpkg $*"; }
  }
  # Runs the service as its unit does, but on free ports, until it answers; drains an edge; ends it.
  serve() {
    mkfifo "$layer/said"
    "${in_root[@]}" setpriv --reuid edgeward --regid edgeward --clear-groups \
      edgeward serve --config /etc/edgeward/edgeward.yaml --listen 127.0.0.1:0 \
      --admin 127.0.0.1:0 --dns 127.0.0.1:0 >/dev/null 2>"$layer/said" &
    local service=$! line='' ports=()
    exec 3<"$layer/said"
    until [[ $line == *'listening on'* ]]; do
      read -r -t 60 line <&3 || fail "the service did not come up: $line"
    done
    mapfile -t ports < <(grep -oE '127\.0\.0\.1:[0-9]+' <<<"$line")
    curl -sf "http://${ports[0]}/readyz" >/dev/null || fail "it is not ready"
    curl -sf -X POST "http://${ports[1]}/v1/edges/lhr1/drain" || fail "it takes no drain"
    kill -TERM "$service"
    wait "$service" || fail "the service ended with $?"
    exec 3<&-
    rm "$layer/said"
  }

  package --purge edgeward
  rm -rf "$root/var/lib/edgeward"

  package -i /tmp/first.deb
  inside edgeward geo 8.8.8.8 2>/dev/null | grep -q '/usr/share/edgeward/geo/world.mmdb' ||
    fail "edgeward geo does not use the installed data"
  inside edgeward check /etc/edgeward/edgeward.yaml >/dev/null || fail "the configuration is faulty"
  inside systemd-analyze verify --man=no --recursive-errors=no edgeward.service ||
    fail "systemd does not take the unit"
  [ -z "$(find "$root/etc/systemd" -name 'edgeward*')" ] || fail "it is enabled without being asked"
  inside install -d -o edgeward -m 750 /var/lib/edgeward # as StateDirectory= does
  serve
  grep -q '"lhr1","drained":true' "$root/var/lib/edgeward/edges.json" || fail "the drain was not kept"
  echo "packaging: installed, and served"

  echo '# mine' >>"$root/etc/edgeward/edgeward.yaml"
  inside systemctl enable edgeward.service >/dev/null 2>&1
  package -i /tmp/next.deb
  inside systemctl is-enabled --quiet edgeward.service || fail "the upgrade disabled it"
  grep -q '^# mine' "$root/etc/edgeward/edgeward.yaml" || fail "the upgrade lost the configuration"
  [ -e "$root/etc/edgeward/edgeward.yaml.dpkg-dist" ] || fail "the upgrade did not offer its own"
  serve
  echo "packaging: upgraded, with the configuration kept, and served"

  package --remove edgeward
  [ ! -e "$root/usr/bin/edgeward" ] || fail "the program is still there"
  for kept in etc/edgeward/edgeward.yaml var/lib/edgeward/edges.json; do
    [ -e "$root/$kept" ] || fail "removing took away /$kept"
  done
  package --purge edgeward
  # What dpkg, its triggers and the user leave behind; everything else is as it was.
  known='^/(run|var/lib/dpkg|var/cache/man|var/log|tmp|root|proc|dev)(/|$)'
  known+='|^/etc/((passwd|group|shadow|gshadow)-?|\.pwd\.lock)$'
  find "$layer/upper" -mindepth 1 -type d -printf '/%P/\n' -o -printf '/%P\n' >"$layer/changed"
  while read -r path; do
    [[ $path =~ $known ]] && continue
    # A folder that was there is only a step on the way to what is in it.
    [[ $path == */ && -d $path ]] && continue
    echo "  $path"
  done <"$layer/changed" >"$layer/left"
  [ ! -s "$layer/left" ] || { cat "$layer/left"; fail "purged, but these are not as before"; }
  inside getent passwd edgeward >/dev/null || fail "the user is gone"
  echo "packaging: removed and purged: nothing is left but the user"
  exit 0
fi

[ -x "$build/edgeward" ] || fail "build first: cmake --build $build"
[ "$(id -u)" -eq 0 ] || skip "only root can install"
command -v dpkg-shlibdeps >/dev/null || skip "dpkg-dev is not installed"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/packages" "$work/layer"

(cd "$build" && cpack --config CPackConfig.cmake -B "$work/cpack") >"$work/log" 2>&1 ||
  { cat "$work/log"; fail "cpack"; }
first=$(find "$work" -name 'edgeward_*.deb' ! -path '*/_CPack_Packages/*')
cp "$first" "$work/packages/first.deb"
# The same as the next version, with a configuration that differs.
dpkg-deb -R "$first" "$work/next"
sed -i 's/^\(Version: .*-\).*/\12/' "$work/next/DEBIAN/control"
echo '# of the next version' >>"$work/next/etc/edgeward/edgeward.yaml"
dpkg-deb -Znone -b "$work/next" "$work/packages/next.deb" >/dev/null

if command -v lintian >/dev/null; then
  lintian --allow-root --fail-on error "$first" || fail "lintian"
  echo "packaging: lintian finds no error"
else
  echo "packaging: lintian is not installed: not asked"
fi
status=0
EDGEWARD_LAYER=$work/layer EDGEWARD_PACKAGES=$work/packages \
  unshare --mount --mount-proc --pid --fork --kill-child \
  bash -c 'mount -t tmpfs tmpfs "$EDGEWARD_LAYER" && exec "$0" --inside' \
  "$PWD/tests/packaging.sh" || status=$?
[ $status -ne 77 ] || skip "no overlay file system here"
exit $status
