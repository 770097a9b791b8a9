#!/bin/bash
# tarballs.sh DIR AGAIN: two packings of the same tree.
set -uo pipefail
# shellcheck source=test/release/promise.sh
. "$(dirname "$0")/promise.sh"
dir=$1 again=$2
list() { tar -tzf "$dir"/"$1"; }
lacks() {
  local paths
  paths=$(list "$1") && ! grep -E -- "$2" <<<"$paths"
}
has() { list "$1" | grep -xF -- "$2"; }
main=$(cd "$dir" && echo tszone-[0-9]*.tgz)

echo "tarballs"
promise 'packing again gives the same bytes' cmp "$dir/SHA256SUMS" "$again/SHA256SUMS"
promise 'the sums are right' sh -c "cd '$dir' && sha256sum --check --quiet SHA256SUMS"
promise 'no tests, TypeScript sources, compiled programs or files of development are packed' \
  lacks "$main" '^package/((src|test|bench|docs|\.ci|\.github)/|native/(test|fuzz|build)|.*\.test\.|.*(biome|tsconfig|package-lock)|.*\.cache$)'
promise 'the sources of the native programs are packed' has "$main" package/native/Makefile
for arch in x64 arm64; do
  for program in tszone-helper tszone-init; do
    promise "$arch has $program" has "tszone-linux-$arch-${main#tszone-}" "package/bin/$program"
  done
done
