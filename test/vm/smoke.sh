#!/bin/bash
# In the VM, before the tests: is this the machine the lane promises? One line for each promise, status 1 if any is broken.
set -u
failed=0
scratch=$(mktemp -d /var/tmp/smoke.XXXXXX)
group=/sys/fs/cgroup$(dirname "$(sed -n 's/^0:://p' /proc/self/cgroup)")
group=${group%/}

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

only_v2() {
  [ "$(stat -fc %T /sys/fs/cgroup)" = cgroup2fs ] && ! grep -q ' cgroup ' /proc/mounts
}
pid1() {
  if [ "$TSZONE_VM_INIT" = systemd ]; then [ "$(</proc/1/comm)" = systemd ]; else [ "$(</proc/1/comm)" = init-plain ]; fi
}
delegated() {
  local controller
  for controller in cpu cpuset memory pids; do
    grep -qw "$controller" "$group/cgroup.subtree_control" || { echo "no $controller in $group"; return 1; }
  done
  mkdir "$group/smoke" && echo 4M >"$group/smoke/memory.max" && echo 5 >"$group/smoke/pids.max" && rmdir "$group/smoke"
}
# As a zone does it: the overlay is mounted inside the user namespace, with userxattr, on ext4.
overlay() {
  mkdir -p "$scratch"/{lower,upper,work,root} && echo a >"$scratch/lower/file" &&
    unshare --user --map-root-user --mount sh -c "mount -t overlay -o userxattr,lowerdir=$scratch/lower,upperdir=$scratch/upper,workdir=$scratch/work overlay $scratch/root && echo b >$scratch/root/file" &&
    [ "$(<"$scratch/upper/file")" = b ]
}
network() {
  ip link add smokeb type bridge && ip link add smokev type veth peer name smokew && ip link set smokev master smokeb
  local status=$?
  ip link del smokev && ip link del smokeb && return $status
}
masquerade() {
  nft add table inet smoke && nft 'add chain inet smoke post { type nat hook postrouting priority srcnat; }' &&
    nft add rule inet smoke post ip saddr 10.1.0.0/16 masquerade
  local status=$?
  nft delete table inet smoke && return $status
}
helper() {
  native/build/tszone-helper features | grep -q '"protocol"'
}

promise 'cgroup v2 and nothing else' only_v2
promise "$TSZONE_VM_INIT as pid 1" pid1
promise 'controllers are delegated and limits can be written' delegated
promise 'overlay in a user namespace' overlay
promise 'bridge and veth' network
promise 'nftables with NAT' masquerade
promise 'node runs' node -e 'process.exit(0)'
promise 'the native helper runs' helper
rm -rf "$scratch"
exit $failed
