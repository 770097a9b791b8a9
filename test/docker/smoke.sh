#!/bin/bash
# In the container: is this a machine that zones can run on? One line for each answer, status 1 if one is no.
set -u
failed=0
promise() {
  local what=$1 output
  shift
  if output=$("$@" 2>&1); then
    echo "  ok: $what"
  else
    echo "  broken: $what: ${output//$'\n'/ / }"
    failed=1
  fi
}
groups() {
  local parent=/sys/fs/cgroup
  if [ -d $parent/memory ]; then parent=$parent/memory; fi
  mkdir "$parent/tszone-smoke-$$" && rmdir "$parent/tszone-smoke-$$"
}
overlay() {
  local at
  at=$(mktemp -d) && mkdir "$at"/{lower,upper,work,root} &&
    unshare --user --map-root-user --mount sh -c "mount -t overlay -o userxattr,lowerdir=$at/lower,upperdir=$at/upper,workdir=$at/work overlay $at/root && echo b >$at/root/file" &&
    rm -r "$at"
}
namespaces() {
  unshare --user --map-root-user --pid --fork --net --mount --uts --ipc sh -c 'mount -t proc proc /proc && mount -t sysfs -o ro sysfs /sys && ip link set lo up'
}
network() {
  ip link add smokeb type bridge && ip link add smokev type veth peer name smokew master smokeb
  local status=$?
  ip link del smokev && ip link del smokeb && return $status
}
masquerade() {
  nft add table inet smoke && nft 'add chain inet smoke post { type nat hook postrouting priority srcnat; }' && nft add rule inet smoke post masquerade
  local status=$?
  nft delete table inet smoke && return $status
}
mirror() {
  apt-get update -qq
}
promise 'node runs' node -e 'process.exit(0)'
promise 'cgroups can be made' groups
promise 'overlay in a user namespace, on /tmp' overlay
promise 'proc and sysfs in own namespaces' namespaces
promise 'bridge and veth' network
promise 'nftables with NAT' masquerade
promise "Debian's mirror is reached" mirror
exit $failed
