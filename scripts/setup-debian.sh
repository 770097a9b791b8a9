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

# An install waits for whoever else installs something.
install() {
  apt-get update -qq "$@" &&
    # shellcheck disable=SC2086
    apt-get install -qq -y --no-install-recommends -o DPkg::Lock::Timeout=300 $missing >/dev/null
}

# What a mirror answers late or wrongly once, or with lists that are older than its packages, is there a little later; so are the lists if another
# apt is at them.
for pause in 5 15 30 60; do
  # An update that had to leave out a part of the lists has failed.
  if install -o APT::Update::Error-Mode=any; then exit 0; fi
  echo "setup-debian: that failed; again in $pause s" >&2
  sleep "$pause"
done
# Or that part is of a source that is never there, and nothing of it is needed.
install
