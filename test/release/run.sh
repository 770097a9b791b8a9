#!/bin/bash
# npm run test:release: packs the release into release/, twice, and checks it: the same tarballs both times, the arm64
# programs under qemu-user, and all of it installed in a bare Debian without compiler. Last line: N passed, N failed, N skipped.
#
# As root, with Docker as test/docker/run.sh has it. Container and volumes are removed, the bare image is kept. See
# docs/internals/release.md.
set -euo pipefail
cd "$(dirname "$0")/../.."
here=test/release
if [ "$(id -u)" != 0 ]; then
  echo 'test-release: root is needed. Run "sudo npm run test:release".' >&2
  exit 9
fi

cache=${TSZONE_DOCKER_CACHE:-${HOME:-/root}/.cache/tszone-docker}
scratch=$(mktemp -d /var/tmp/tszone-release.XXXXXX)
name=tszone-release-$$
daemon='' slirp='' made=''
# shellcheck source=test/docker/daemon.sh
. test/docker/daemon.sh
# shellcheck source=test/docker/image.sh
. test/docker/image.sh
finish() {
  if [ -n "$made" ]; then remove_container "$name" "$made"; fi
  stop_daemon
  rm -rf "$scratch"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

install_packages() {
  local missing=() pair
  for pair in musl-gcc:musl-tools aarch64-linux-gnu-gcc:gcc-aarch64-linux-gnu qemu-aarch64-static:qemu-user-static; do
    command -v "${pair%%:*}" >/dev/null || missing+=("${pair##*:}")
  done
  [ -e /usr/aarch64-linux-gnu/include/stdio.h ] || missing+=(libc6-dev-arm64-cross)
  [ ${#missing[@]} -gt 0 ] || return 0
  echo "test-release: installing ${missing[*]}" >&2
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "${missing[@]}" >/dev/null
}

# Node and npm as the registry has them: the bare root has no package manager's.
copy_node() {
  local modules=$scratch/node/node_modules
  npm install --silent --no-audit --no-fund --prefix "$scratch/node" node@20 npm@10
  mkdir -p "$scratch/usr-local/bin" "$scratch/usr-local/lib/node_modules"
  cp -L "$modules/node/bin/node" "$scratch/usr-local/bin/node"
  cp -r "$modules/npm" "$scratch/usr-local/lib/node_modules/npm"
  ln -s ../lib/node_modules/npm/bin/npm-cli.js "$scratch/usr-local/bin/npm"
  docker cp --quiet "$scratch/usr-local/." "$name:/usr/local"
}

mkdir -p "$cache" "$scratch/again"
install_packages
npm run --silent pack:release
npm run --silent pack:release -- --out "$scratch/again" >/dev/null

status=0
{
  $here/tarballs.sh release "$scratch/again" || status=1
  $here/arm64.sh release || status=1
} | tee "$scratch/output"

start_daemon
docker image inspect tszone-test-base:bookworm >/dev/null 2>&1 || import_base tszone-test-base:bookworm
container_flags
# Volumes, as an overlay's upper directory cannot lie on the container's own overlay.
made=$(docker create --name "$name" --hostname bare "${flags[@]}" --volume /var/lib/tszone --volume /tmp \
  --env http_proxy --env https_proxy --env no_proxy --env npm_config_registry \
  tszone-test-base:bookworm /release/enter.sh /release/inside.sh)
copy_node
docker cp --quiet release/. "$name:/release"
docker cp --quiet test/docker/enter.sh "$name:/release"
docker cp --quiet $here/. "$name:/release"
if [ -n "${NODE_EXTRA_CA_CERTS:-}" ]; then docker cp --quiet "$NODE_EXTRA_CA_CERTS" "$name:/usr/local/lib/extra-ca.pem"; fi
docker start --attach "$name" | tee -a "$scratch/output" || status=1

passed=$(grep -c '^  ok: ' "$scratch/output" || true)
failed=$(grep -c '^  broken: ' "$scratch/output" || true)
# What failed without saying so counts too.
if [ "$status" != 0 ] && [ "$failed" = 0 ]; then failed=1; fi
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" = 0 ]
