#!/bin/bash
# npm run test:vm: the integration tests of suite.txt in two VMs with cgroup v2, one with a plain init and one with systemd
# as pid 1, at the same time. Last line: N passed, N failed, N skipped.
#
#   run.sh [--init plain|systemd] [--smoke | --run COMMAND] [FILE.test.ts …]
#     --smoke   only the checks of smoke.sh          --run   a command for bash -c in place of the tests
#     FILE      below test/integration, in place of those in suite.txt
#
# As root on Debian or Ubuntu; what is missing is installed. The base image is kept in ~/.cache/tszone-vm. Needs no KVM.
# See docs/internals/test-lanes.md for the variables and for how it works.
set -euo pipefail
cd "$(dirname "$0")/../.."
here=test/vm
inits=(plain systemd) mode=tests command=
while [ $# -gt 0 ]; do
  case $1 in
    --init) inits=("$2"); shift 2 ;;
    --smoke) mode=smoke; shift ;;
    --run) mode=command command=$2; shift 2 ;;
    -*) echo "test-vm: unknown option \"$1\"" >&2; exit 2 ;;
    *) break ;;
  esac
done

# shellcheck source=test/vm/prepare.sh
. "$here/prepare.sh"
install_packages
base=$(find_base)
"$here/base.sh" "$base"

scratch=$(mktemp -d /var/tmp/tszone-lane.XXXXXX)
boots=()
finish() {
  # timeout(1) sends its signal twice.
  trap '' INT TERM
  [ ${#boots[@]} = 0 ] || kill "${boots[@]}" 2>/dev/null || true
  wait
  rm -rf "$scratch"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
[ "${TSZONE_TEST_BUILT:-}" = 1 ] || npm run --silent build
stage_project "$scratch/project"
if [ "$mode" != smoke ]; then
  images=$(find_images)
  cp -a "$images" "$scratch/project/images"
fi
if [ "$mode" = tests ]; then node "$here/bundle.mjs" "$scratch/project/test/vm/lane.mjs" /tszone "$@"; fi

# What tests put there is mounted in zones, and the plain lane's /tmp is a tmpfs, whose owners this kernel cannot map.
# Command lines are run as they are installed, with a start-up snapshot, which has to be made by the machine that uses it.
environment="export TSZONE_TEST_VIA=native TSZONE_TEST_SLOWDOWN=${TSZONE_TEST_SLOWDOWN:-15} TSZONE_TEST_CACHE=/tszone/cache TMPDIR=/var/tmp"
case $mode in
  smoke) command="$here/smoke.sh" ;;
  tests) command="$environment; $here/smoke.sh && node $here/start-files.mjs && node $here/lane.mjs" ;;
  command) command="$environment; $command" ;;
esac

printf '%s\n' "$command" >"$scratch/project/lane-command"
SECONDS=0
for init in "${inits[@]}"; do
  # Before the reader below looks for it.
  : >"$scratch/$init"
  "$here/boot.sh" "$base" "$scratch/project" "$init" >"$scratch/$init" 2>&1 &
  boots+=("$!")
done

passed=0 failed=0 skipped=0
for index in "${!inits[@]}"; do
  init=${inits[index]} boot=${boots[index]} status=0
  echo "== $init"
  # Waited for: a signal that ends this script would else be held up by a foreground program.
  tail --pid="$boot" -n +1 -f "$scratch/$init" &
  wait "$!"
  wait "$boot" || status=$?
  unset "boots[index]"
  echo "== $init: after $SECONDS s, status $status"
  counts=$(sed -nE 's/^([0-9]+) passed, ([0-9]+) failed, ([0-9]+) skipped$/\1 \2 \3/p' "$scratch/$init" | tail -1)
  if [ -n "$counts" ]; then
    read -r p f s <<<"$counts"
  else
    # No count: the boot or the smoke checks are the one thing that was tested.
    p=$((status == 0)) f=$((status != 0)) s=0
  fi
  if [ "$status" != 0 ] && [ "$f" = 0 ]; then f=1; fi
  passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
done
echo
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
