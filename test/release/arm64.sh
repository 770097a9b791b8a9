#!/bin/bash
# arm64.sh DIR: the arm64 programs under qemu-user. It has no namespaces to make, so: what needs none.
set -uo pipefail
# shellcheck source=test/release/promise.sh
. "$(dirname "$0")/promise.sh"
dir=$1
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
for arch in x64 arm64; do
  mkdir "$scratch/$arch"
  tar -xzf "$dir"/tszone-linux-$arch-*.tgz -C "$scratch/$arch" --strip-components=1
done
arm64() { qemu-aarch64-static "$scratch/arm64/bin/$1" "${@:2}"; }
status_of() { "$@" >/dev/null 2>&1; echo $?; }

same_features() { [ "$(arm64 tszone-helper features)" = "$("$scratch/x64/bin/tszone-helper" features)" ]; }
are_static() { ! readelf --program-headers "$scratch"/arm64/bin/* | grep INTERP; }
takes_a_free_lock() { arm64 tszone-helper lock 0 3>"$scratch/lock"; }
finds_a_lock_taken() { (flock 4 && [ "$(status_of arm64 tszone-helper lock 0.2 3>"$scratch/lock")" = 75 ]) 4>"$scratch/lock"; }
refuses_an_unknown_mode() { [ "$(status_of arm64 tszone-helper nonsense)" = 125 ]; }
init_ends_with_its_child() {
  # shellcheck disable=SC2016
  [ "$(status_of sh -c '(exit 7) & exec qemu-aarch64-static "$1" --main $!' sh "$scratch/arm64/bin/tszone-init")" = 7 ]
}
init_forwards_signals() {
  # shellcheck disable=SC2016
  [ "$(status_of sh -c 'sleep 60 & main=$!; (sleep 1; kill -TERM $$) & exec qemu-aarch64-static "$1" --main $main' sh "$scratch/arm64/bin/tszone-init")" = 143 ]
}
entry_hands_over() {
  mkdir "$scratch/main"
  tar -xzf "$dir"/tszone-[0-9]*.tgz -C "$scratch/main" --strip-components=1
  cp "$scratch/arm64/bin/tszone" "$scratch/main/bin/tszone"
  [ "$(qemu-aarch64-static "$scratch/main/bin/tszone" version)" = "$(node -p 'require("./package.json").version')" ]
}

echo "arm64, under $(qemu-aarch64-static --version | head -1)"
promise "system call numbers and constants are those of arm64's headers" make -s -C native headers CROSS=aarch64-linux-gnu-
promise 'helper and init are static' are_static
promise_output 'features' '"protocol":[0-9]+' arm64 tszone-helper features
promise 'features are those of x64' same_features
promise 'a free lock is taken' takes_a_free_lock
promise 'a lock that is taken is waited for, then busy' finds_a_lock_taken
promise 'an unknown mode is refused' refuses_an_unknown_mode
promise 'init ends with the status of its child' init_ends_with_its_child
promise 'init forwards a signal' init_forwards_signals
if [ -e "$scratch/arm64/bin/tszone" ]; then promise 'the entry starts node for what it does not do itself' entry_hands_over; fi
