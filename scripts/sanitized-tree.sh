#!/bin/sh
# Makes native/build-sanitize/tree: this tree, built, with the native programs of `make sanitize` in their places, so that a test which is run
# there runs them. Findings are written below /var/tmp/tszone-sanitize.
set -eu
cd "$(dirname "$0")/.."
make -s -C native sanitize
tree=native/build-sanitize/tree
rm -rf "$tree" /var/tmp/tszone-sanitize
mkdir -p "$tree/native/build"
# Everybody's: a zone's ids write there, too.
mkdir -m 1777 /var/tmp/tszone-sanitize
cp -r bin dist src test scripts rootfs-templates package.json tsconfig.json tsconfig.test.json .mocharc.json "$tree"
# A start-up snapshot knows where it was made.
rm -f "$tree"/dist/bundle/*.blob
ln -s ../../../node_modules "$tree/node_modules"
for program in tszone tszone-helper tszone-init; do ln "native/build-sanitize/$program" "$tree/native/build/$program"; done
cd "$tree"
node --input-type=module -e "(await import('./scripts/snapshot.mjs')).writeCommand()"
