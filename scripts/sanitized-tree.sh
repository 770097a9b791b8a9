#!/bin/sh
# scripts/sanitized-tree.sh [-static]: makes native/build-sanitize[-static]/tree: this tree, built, with the native programs of `make sanitize[-static]` in
# their places, so that a test which is run there runs them. Findings are written below /var/tmp/tszone-sanitize[-static].
set -eu
cd "$(dirname "$0")/.."
kind="sanitize${1:-}"
make -s -C native "$kind"
tree="native/build-$kind/tree"
rm -rf "$tree" "/var/tmp/tszone-$kind"
mkdir -p "$tree/native/build"
# Everybody's: a zone's ids write there, too.
mkdir -m 1777 "/var/tmp/tszone-$kind"
cp -r bin dist src test scripts rootfs-templates package.json tsconfig.json tsconfig.test.json .mocharc.json "$tree"
# A start-up snapshot knows where it was made.
rm -f "$tree"/dist/bundle/*.blob
# Not a link: in a zone that has only this tree it would lead nowhere.
cp -al node_modules "$tree/node_modules"
for program in tszone tszone-helper tszone-init; do ln "native/build-$kind/$program" "$tree/native/build/$program"; done
cd "$tree"
node --input-type=module -e "(await import('./scripts/snapshot.mjs')).writeCommand()"
