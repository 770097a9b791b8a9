# shellcheck shell=bash
# Sourced by run.sh: the host's packages, where the base image is, and what of the project goes into the VM.

install_packages() {
  local missing=() pair
  for pair in qemu-system-x86_64:qemu-system-x86 mmdebstrap:mmdebstrap mke2fs:e2fsprogs cpio:cpio xz:xz-utils; do
    PATH=$PATH:/usr/sbin:/sbin command -v "${pair%%:*}" >/dev/null || missing+=("${pair##*:}")
  done
  [ -e /usr/share/keyrings/debian-archive-keyring.gpg ] || missing+=(debian-archive-keyring)
  if [ "$(id -u)" != 0 ]; then
    echo "test-vm: root is needed (to make the base image). Run \"sudo npm run test:vm\"." >&2
    exit 9
  fi
  [ ${#missing[@]} -gt 0 ] || return 0
  echo "test-vm: installing ${missing[*]}" >&2
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  apt-get install -qq -y --no-install-recommends "${missing[@]}" >/dev/null
}

# The base is keyed by all that goes into it, so that a change makes a new one; older ones are dropped.
find_base() {
  local cache=${TSZONE_VM_CACHE:-${HOME:-/root}/.cache/tszone-vm} key
  key=$({ cat test/vm/base.sh test/vm/base-kernel.sh; node --version; echo "${TSZONE_VM_KERNEL:-}"; } | sha256sum | cut -c1-12)
  mkdir -p "$cache"
  find "$cache" -mindepth 1 -maxdepth 1 ! -name "$key" -mtime +7 -exec rm -rf {} +
  echo "$cache/$key"
}

# The built tree without sources and without what only development needs: under emulation each file read counts.
stage_project() {
  local target=$1 path
  mkdir -p "$target/native" "$target/node_modules"
  cp -a bin dist rootfs-templates package.json test "$target"
  cp -a native/build "$target/native"
  node -p 'Object.entries(require("./package-lock.json").packages).filter(([path, it]) => path && !it.dev && !it.devOptional).map(([path]) => path).join("\n")' |
    while read -r path; do
      # Nested packages come with the one they are in.
      [ -d "$path" ] && [ ! -e "$target/$path" ] || continue
      mkdir -p "$target/$(dirname "$path")"
      cp -a "$path" "$target/$path"
    done
}

# The debian image as a tar, for tests to import: the VM would build it for a quarter of an hour. Made with the template's
# packages, a month old at most.
debian_tar() {
  local cache=${TSZONE_VM_CACHE:-${HOME:-/root}/.cache/tszone-vm} mirror=${TSZONE_DEBIAN_MIRROR:-http://deb.debian.org/debian} tar packages
  tar=$cache/debian/$(sha256sum rootfs-templates/debian/template.json | cut -c1-12).tar
  if [ -z "$(find "$tar" -mtime -30 2>/dev/null)" ]; then
    mkdir -p "$cache/debian"
    packages=$(node -p 'require("./rootfs-templates/debian/template.json").packages.join(",")')
    nice -n 10 mmdebstrap --quiet --mode=root --variant=minbase --include="$packages" \
      --keyring=/usr/share/keyrings/debian-archive-keyring.gpg \
      --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
      bookworm "$tar.tmp" "$mirror" "deb ${mirror%/debian}/debian-security bookworm-security main" --format=tar >&2
    mv "$tar.tmp" "$tar"
  fi
  # Used is young: find_base drops what lies about for a week.
  touch "$cache/debian"
  echo "$tar"
}
