#!/bin/bash
# npm run test:docker: the integration suite in a privileged container with the node that runs this.
# Last line: N passed, N failed, N skipped.
#
#   run.sh [--smoke | --run COMMAND]
#     --smoke   only the checks of smoke.sh          --run   a command for bash -c in place of the tests
#
# As root. Uses the Docker that runs, else starts a private one and stops it again. Container and volumes are removed,
# images are kept. See docs/internals/test-lanes.md.
set -euo pipefail
cd "$(dirname "$0")/../.."
here=test/docker
command=(test/docker/inside.sh) kind=tests
case ${1:-} in
  --smoke) kind=smoke command=(test/docker/smoke.sh) ;;
  --run) kind=command command=(bash -c "$2") ;;
  '') ;;
  *) echo "test-docker: unknown argument \"$1\"" >&2; exit 2 ;;
esac
if [ "$(id -u)" != 0 ]; then
  echo 'test-docker: root is needed. Run "sudo npm run test:docker".' >&2
  exit 9
fi

cache=${TSZONE_DOCKER_CACHE:-${HOME:-/root}/.cache/tszone-docker}
scratch=$(mktemp -d /var/tmp/tszone-docker.XXXXXX)
name=tszone-test-$$
daemon='' slirp='' made=''
# shellcheck source=test/docker/daemon.sh
. "$here/daemon.sh"
# shellcheck source=test/docker/image.sh
. "$here/image.sh"
finish() {
  if [ -n "$made" ]; then remove_container "$name" "$made"; fi
  stop_daemon
  rm -rf "$scratch"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

mkdir -p "$cache"
start_daemon
image=$(find_image)
container_flags

made=$(docker create --name "$name" --hostname tszone-docker "${flags[@]}" --env http_proxy --env https_proxy --env no_proxy \
  --env npm_config_registry --env TSZONE_TEST_SLOWDOWN --env TSZONE_TEST_JOBS "$image" test/docker/enter.sh "${command[@]}")
# A copy of what git would commit, not a mount: the container must not find what was built here.
git ls-files -z --cached --others --exclude-standard | while IFS= read -r -d '' path; do
  if [ -e "$path" ] || [ -L "$path" ]; then printf '%s\0' "$path"; fi
done | tar -c --null --owner=0 --group=0 -T - | docker cp - "$name:/src"
if [ -n "${NODE_EXTRA_CA_CERTS:-}" ]; then docker cp "$NODE_EXTRA_CA_CERTS" "$name:/usr/local/lib/extra-ca.pem" >/dev/null; fi

# Not in the foreground: a signal would be looked at when all is over.
{ docker start --attach "$name" && echo 0 >"$scratch/status" || echo $? >"$scratch/status"; } | tee "$scratch/output" &
wait $!
status=$(<"$scratch/status")
if [ "$kind" = tests ] && ! tail -1 "$scratch/output" | grep -qE '^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$'; then
  echo '0 passed, 1 failed, 0 skipped'
  if [ "$status" = 0 ]; then status=1; fi
fi
exit $status
