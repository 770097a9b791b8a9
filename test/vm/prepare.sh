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
  find "$cache" -mindepth 1 -maxdepth 1 ! -name "$key" ! -name 'images-*' -mtime +7 -exec rm -rf {} +
  echo "$cache/$key"
}

# The built tree without what only development needs: under emulation each file read counts.
stage_project() {
  local target=$1 path
  mkdir -p "$target/native" "$target/node_modules"
  cp -a bin dist src scripts rootfs-templates package.json test "$target"
  cp -a native/build "$target/native"
  node -p 'Object.entries(require("./package-lock.json").packages).filter(([path, it]) => path && !it.dev && !it.devOptional).map(([path]) => path).join("\n")' |
    while read -r path; do
      # Nested packages come with the one they are in.
      [ -d "$path" ] && [ ! -e "$target/$path" ] || continue
      mkdir -p "$target/$(dirname "$path")"
      cp -a "$path" "$target/$path"
    done
  # A test bundles what it kills.
  cp -a node_modules/esbuild node_modules/@esbuild "$target/node_modules"
}

# Prints a directory with the images that the VM would build for a quarter of an hour; lane.ts puts it where the tests look.
# Not sparse: that one is made of the machine it is used on.
find_images() {
  local cache=${TSZONE_VM_CACHE:-${HOME:-/root}/.cache/tszone-vm} key name
  key=images-$(find rootfs-templates src/images -type f -print0 | sort -z | xargs -0 cat | sha256sum | cut -c1-12)
  if [ ! -e "$cache/$key" ]; then
    mkdir -p "$scratch/build"
    for name in busybox debian; do
      TSZONE_ROOT=$scratch/build/root TSZONE_RUN_ROOT=$scratch/build/run nice -n 10 node bin/tszone.js image build "$name" >&2
    done
    find "$cache" -mindepth 1 -maxdepth 1 -name 'images-*' -exec rm -rf {} +
    cp -a "$scratch/build/root/images" "$cache/$key.tmp.$$"
    mv -T "$cache/$key.tmp.$$" "$cache/$key"
  fi
  echo "$cache/$key"
}
