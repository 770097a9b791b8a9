#!/bin/bash
# In the bare container: a user without compiler installs the tarballs in /release.
set -uo pipefail
cd /release || exit
# shellcheck source=test/release/promise.sh
. ./promise.sh
if [ -e /usr/local/lib/extra-ca.pem ]; then export NODE_EXTRA_CA_CERTS=/usr/local/lib/extra-ca.pem; fi
export npm_config_audit=false npm_config_fund=false npm_config_update_notifier=false
main=$(echo tszone-[0-9]*.tgz)
version=${main#tszone-} version=${version%.tgz}
platform=@tszone/linux-$(node -p process.arch)

# application DIR: an empty one, entered, whose tszone is on the path.
application() {
  mkdir "/tmp/$1"
  cd "/tmp/$1" || exit
  echo '{"private":true}' >package.json
  PATH=$PWD/node_modules/.bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
}
is_absent() { ! command -v "$1"; }
is_uncompiled() { [ -d node_modules/tszone ] && [ ! -e node_modules/tszone/native/build/tszone-helper ]; }
nothing_is_left() {
  local names
  names=$(tszone list -q) && [ -z "$names" ]
}
is_native() { [ "$(head -c 4 "$1")" = $'\x7fELF' ]; }
is_javascript() { head -1 "$1" | grep -qx '#!/usr/bin/env node'; }
# What README tells to run first, without its making of tszone.
first_command() {
  # shellcheck disable=SC2016
  tszone run --rm --memory 64M sparse -- sh -c 'echo "I am $(id -un) of $(hostname)"; echo "address: $(hostname -I)"; echo "memory: $(cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null) bytes"'
}
first_answer=$'^I am root of [a-z]+-[a-z]+-\n^address: [0-9]+\\.\n^memory: 67108864 bytes$'

echo "this machine: $(sed -n 's/^PRETTY_NAME=//p' /etc/os-release), $(dpkg-query -W | wc -l) packages, node $(node --version), npm $(npm --version)"
for program in gcc cc c++ clang tcc musl-gcc as ld make; do promise "$program is absent" is_absent $program; done

echo 'installed from three files'
application files
cat >package.json <<END
{
  "private": true,
  "dependencies": { "tszone": "file:/release/$main" },
  "optionalDependencies": {
    "@tszone/linux-x64": "file:/release/tszone-linux-x64-$version.tgz",
    "@tszone/linux-arm64": "file:/release/tszone-linux-arm64-$version.tgz"
  }
}
END
promise_output 'npm install' '^added [0-9]+ packages' npm install
promise "$platform is there" test -x "node_modules/$platform/bin/tszone-helper"
promise 'that for another architecture is not' test "$(echo node_modules/@tszone/*)" = "node_modules/$platform"
promise 'nothing was compiled' is_uncompiled
promise "V8's code was stored for this node" test -s node_modules/tszone/dist/bundle/main.cjs.cache
if [ -e "node_modules/$platform/bin/tszone" ]; then
  promise 'tszone is the native entry' is_native node_modules/.bin/tszone
else
  promise 'tszone is JavaScript, as there is no native entry' is_javascript node_modules/.bin/tszone
fi
promise_output "README's first command" "$first_answer" first_command
promise_output 'create' 'zone "box" is made' tszone create box --image sparse --memory 64M
promise_output 'start' '^zone "box" is running$' tszone start box
# shellcheck disable=SC2016
promise_output 'exec' '^42 in box$' tszone exec box -- sh -c 'echo "$((6 * 7)) in $(hostname)"'
promise_output 'list' '^box +running +sparse ' tszone list
promise_output 'delete' '^zone "box" is deleted$' tszone delete --force box
promise 'nothing is left' nothing_is_left
cat >library.mjs <<'END'
import { openHost } from 'tszone';
const host = await openHost();
const zone = await host.run({ image: 'sparse', memory: '64M' });
const { exitCode, stdout } = await zone.exec(['id', '-un']);
console.log(`status ${exitCode}, ${stdout.trim()}`);
await zone.delete({ force: true });
END
promise_output 'the library' '^status 0, root$' node library.mjs

echo 'from a registry: npm chooses the platform package'
application registry
node /release/registry.mjs /release >/tmp/registry.url &
registry=$!
until [ -s /tmp/registry.url ]; do sleep 0.1; done
promise_output 'npm install' '^added [0-9]+ packages' npm install "/release/$main" "--@tszone:registry=$(cat /tmp/registry.url)"
promise "$platform alone was chosen" test "$(echo node_modules/@tszone/*)" = "node_modules/$platform"
promise_output "README's first command" "$first_answer" first_command

echo 'without install scripts'
application scripts
promise_output 'npm install' '^added [0-9]+ packages' npm install --ignore-scripts "/release/$main" "--@tszone:registry=$(cat /tmp/registry.url)"
promise 'tszone is JavaScript' is_javascript node_modules/.bin/tszone
promise_output "README's first command" "$first_answer" first_command
kill $registry

echo 'without the platform package'
application omitted
promise_output 'npm install fails, and names both ways out' \
  $'"@tszone/linux-[a-z0-9]+" is not installed, and building .* needs "make" and "gcc"\nhint: .*--include=optional.*apt-get install -y gcc make' \
  npm install --omit=optional "/release/$main"
