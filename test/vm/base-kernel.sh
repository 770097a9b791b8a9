#!/bin/sh
# A hook of mmdebstrap: unpacks the kernel named by TSZONE_VM_KERNEL into the root file system in $1. Not installed as a
# package, which would build an initrd of its own for a minute.
set -eu
root=$1
export APT_CONFIG="$MMDEBSTRAP_APT_CONFIG"
package=$TSZONE_VM_KERNEL
while real=$(apt-cache depends "$package" | sed -n 's/^  Depends: \(linux-image-[^ ]*\)$/\1/p' | head -1) && [ -n "$real" ]; do
  package=$real
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
apt-get -qq -o APT::Sandbox::User=root download "$package"
dpkg-deb -x ./*.deb kernel
version=$(ls kernel/lib/modules)
find kernel/lib/modules -name '*.ko.xz' -exec xz -d {} +
mkdir -p "$root/lib/modules" "$root/boot"
mv "kernel/lib/modules/$version" "$root/lib/modules/"
mv "kernel/boot/vmlinuz-$version" "kernel/boot/config-$version" "$root/boot/"
chroot "$root" depmod "$version"
