#!/bin/bash
# Boots one VM and runs one command in it; its output is ours, and so is its exit status.
#
#   boot.sh BASE PROJECT INIT
#     BASE      from base.sh           INIT      plain | systemd
#     PROJECT   a directory, copied to /tszone in the VM; its file lane-command is for bash -c, in /tszone
#   TSZONE_VM_MEMORY (MB), TSZONE_VM_CPUS, TSZONE_VM_TIMEOUT (s), TSZONE_VM_NICE
#
# 124: out of time; 125: the VM ended without a status (its console is printed then).
set -euo pipefail
base=$1 project=$2 init=$3
guest=$(dirname "$(realpath "$0")")/guest
case $init in plain) pid1=/tszone/test/vm/guest/init-plain ;; systemd) pid1=/lib/systemd/systemd ;; *) exit 2 ;; esac

run=$(mktemp -d "${TMPDIR:-/var/tmp}/tszone-vm.XXXXXX")
qemu=
trap '[ -z "$qemu" ] || kill "$qemu" 2>/dev/null || true; rm -rf "$run"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

mkdir "$run/initrd"
cp -a "$base/initrd/." "$run/initrd"
cp "$guest/initrd-init" "$run/initrd/init"
(cd "$run/initrd" && find . | cpio -o -H newc --quiet) >"$run/initrd.cpio"

truncate -s $(($(du -sm "$project" | cut -f1) * 5 / 4 + 256))M "$run/project.ext4"
mke2fs -q -t ext4 -O ^has_journal -d "$project" "$run/project.ext4"

accelerator=tcg,thread=multi cpu=max,-la57
# /dev/kvm alone says little: a guest may have one that never runs anything.
if [ -w /dev/kvm ] && grep -qwE 'vmx|svm' /proc/cpuinfo; then accelerator=kvm cpu=host; fi
# Emulated, the counter is this machine's. A kernel that measures it while others work may take it for a third of what it is, and time flies.
clock=
if [ "$accelerator" != kvm ] && cc -O1 -o "$run/tsc-khz" "$(dirname "$guest")/tsc-khz.c" 2>/dev/null; then clock=tsc_early_khz=$("$run/tsc-khz"); fi
arguments=(
  -M q35 -accel "$accelerator" -cpu "$cpu" -smp "${TSZONE_VM_CPUS:-2}" -m "${TSZONE_VM_MEMORY:-2048}"
  -nodefaults -no-user-config -display none -no-reboot
  -kernel "$base/vmlinuz" -initrd "$run/initrd.cpio"
  -append "console=ttyS0 quiet loglevel=4 panic=-1 mitigations=off nokaslr tsc=reliable $clock no_timer_check random.trust_cpu=1 cgroup_no_v1=all net.ifnames=0 systemd.unit=tszone-test.target systemd.show_status=0 tszone.init=$pid1"
  -serial "file:$run/console" -device virtio-rng-pci -device virtio-serial-pci
  -netdev user,id=net -device virtio-net-pci,netdev=net
  -drive "file=$base/root.ext4,format=raw,if=none,id=root,snapshot=on,cache=unsafe" -device virtio-blk-pci,drive=root
  -drive "file=$run/project.ext4,format=raw,if=none,id=project,cache=unsafe" -device virtio-blk-pci,drive=project
  -chardev "file,id=out,path=$run/out" -device virtserialport,chardev=out,name=out
  -chardev "file,id=status,path=$run/status" -device virtserialport,chardev=status,name=status
)
mkfifo "$run/out"
cat "$run/out" &
relay=$!
result=0
nice -n "${TSZONE_VM_NICE:-10}" timeout "${TSZONE_VM_TIMEOUT:-5400}" qemu-system-x86_64 "${arguments[@]}" </dev/null &
qemu=$!
wait "$qemu" || result=$?
qemu=
# A qemu that never came up has never opened the pipe, and its reader would wait for ever.
if [ "$result" != 0 ]; then sleep 0.2; kill "$relay" 2>/dev/null || true; fi
wait "$relay" || true
status=$(cat "$run/status" 2>/dev/null || true)
if [ -n "$status" ]; then exit "$status"; fi
tail -30 "$run/console" >&2 || true
if [ "$result" = 124 ]; then
  echo "test-vm: out of time" >&2
  exit 124
fi
echo "test-vm: the VM ended without a result (qemu: $result)" >&2
exit 125
