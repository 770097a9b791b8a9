#!/bin/bash
# In the container, before its command: makes /sys and the container's own cgroups writable and able to have groups below.
set -euo pipefail
# As --privileged has it, where that is spelt out: else zones in zones could mount no other.
mount -o remount,rw /sys
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
  mount -o remount,bind,rw /sys/fs/cgroup
  # A v2 group with processes of its own hands down no controllers: they move to a leaf.
  mkdir -p /sys/fs/cgroup/container
  while read -r pid; do echo "$pid" >/sys/fs/cgroup/container/cgroup.procs || true; done </sys/fs/cgroup/cgroup.procs
  for controller in $(</sys/fs/cgroup/cgroup.controllers); do echo "+$controller" >/sys/fs/cgroup/cgroup.subtree_control; done
else
  for hierarchy in /sys/fs/cgroup/*; do
    # cpu -> cpu,cpuacct
    [ -L "$hierarchy" ] || mount -o remount,bind,rw "$hierarchy"
  done
fi
exec "$@"
