#!/bin/bash
# Builds the VM's base once: a Debian root file system with this machine's node, a kernel and the initrd's parts.
#
#   base.sh DIRECTORY      made if it is missing: root.ext4, vmlinuz, initrd/ (busybox and modules)
#
# What the tests need from the project is not in it (see ../../scripts/test-vm.sh), so that a change there builds nothing here.
set -euo pipefail
out=$1
here=$(dirname "$(realpath "$0")")
mirror=${TSZONE_DEBIAN_MIRROR:-http://deb.debian.org/debian}
node=$(realpath "$(command -v node)")
packages=systemd,systemd-sysv,dbus,iproute2,nftables,kmod,procps,iputils-ping,ca-certificates,busybox-static,libstdc++6,libcap2-bin,xz-utils,zstd,strace,apparmor,gcc,libc6-dev,stress-ng,bubblewrap,btrfs-progs,gdb-minimal
[ ! -d "$out" ] || exit 0

tmp=$out.tmp.$$
trap 'rm -rf "$tmp"' EXIT
mkdir -p "$tmp/initrd/lib"
export TSZONE_VM_KERNEL=${TSZONE_VM_KERNEL:-linux-image-cloud-amd64}
nice -n 10 mmdebstrap --quiet --mode=root --variant=minbase --include="$packages" \
  --keyring=/usr/share/keyrings/debian-archive-keyring.gpg \
  --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
  --customize-hook="$here/base-kernel.sh" \
  bookworm "$tmp/fs" "$mirror" "deb ${mirror%/debian}/debian-security bookworm-security main" >"$tmp/log" 2>&1 ||
  { tail -20 "$tmp/log" >&2; echo "test-vm: mmdebstrap failed" >&2; exit 1; }
fs=$tmp/fs

cp -L "$node" "$fs/usr/bin/node"
echo tszone-vm >"$fs/etc/hostname"
printf '127.0.0.1 localhost tszone-vm\n::1 localhost\n' >"$fs/etc/hosts"
printf 'nameserver 10.0.2.3\n' >"$fs/etc/resolv.conf"
: >"$fs/etc/fstab"
mkdir -p "$fs/tszone" "$fs/etc/systemd/system"
printf '[Journal]\nStorage=volatile\n' >"$fs/etc/systemd/journald.conf"
# Each unit costs seconds under emulation; none of these matters to a zone.
for unit in ldconfig.service apparmor.service systemd-{firstboot,hwdb-update,journal-catalog-update,journal-flush,machine-id-commit,pstore,random-seed,sysusers,timesyncd,update-done,update-utmp}.service \
  dev-hugepages.mount sys-kernel-debug.mount proc-sys-fs-binfmt_misc.automount; do
  ln -sf /dev/null "$fs/etc/systemd/system/$unit"
done
rm -rf "$fs"/var/cache/apt/* "$fs"/var/lib/apt/lists/*

mv "$fs"/boot/vmlinuz-* "$tmp/vmlinuz"
version=$(ls "$fs/lib/modules")
cp "$fs/bin/busybox" "$tmp/initrd/busybox"
for module in virtio_pci virtio_blk virtio_console ext4; do
  chroot "$fs" modprobe -S "$version" --show-depends "$module" 2>/dev/null || [ $? = 1 ]
done | sed -n 's/^insmod \([^ ]*\).*/\1/p' | awk '!seen[$0]++' >"$tmp/modules"
number=100
while read -r path; do
  cp "$fs$path" "$tmp/initrd/lib/$((number++))-${path##*/}"
done <"$tmp/modules"

truncate -s 8G "$tmp/root.ext4"
mke2fs -q -t ext4 -E lazy_itable_init=1,nodiscard -O ^has_journal -d "$fs" "$tmp/root.ext4"
rm -rf "$fs"
# Another run may have been faster.
mv -T "$tmp" "$out" 2>/dev/null || [ -e "$out/vmlinuz" ]
