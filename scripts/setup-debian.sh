#!/bin/sh
# Installs, on Debian or Ubuntu as root, everything that building and testing tszone needs. Node (>= 20.19) is expected.
set -eu
export DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1

packages="
  gcc make musl-tools linux-libc-dev libc6-dev
  mmdebstrap busybox-static
  iproute2 nftables iputils-ping procps libcap2-bin libseccomp-dev
  tar xz-utils zstd gzip
  clang libclang-rt-dev binutils
  apparmor strace stress-ng gdb bubblewrap util-linux git ca-certificates
  docker-registry skopeo umoci buildah podman runc restic rclone dropbear-bin openssh-sftp-server openssh-client openssl e2fsprogs btrfs-progs
"

missing=""
for package in $packages; do
  dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q '^install ok installed$' || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -ne 0 ]; then
  echo "error: root is needed to install:$missing" >&2
  echo "hint: Run \"sudo scripts/setup-debian.sh\"." >&2
  exit 9
fi
apt-get update -qq
# shellcheck disable=SC2086
apt-get install -qq -y --no-install-recommends $missing >/dev/null
