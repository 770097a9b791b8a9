# shellcheck shell=bash
# Sourced by run.sh: the image, and how a container is started from it.

# Prints the image's name, made if it is missing. Keyed by its inputs.
find_image() {
  local base image npm
  base=tszone-test-base:bookworm
  npm=$(npm root --global 2>/dev/null)/npm
  image=tszone-test:$({ cat test/docker/Dockerfile scripts/setup-debian.sh; node --version; npm --version 2>/dev/null; } | sha256sum | cut -c1-12)
  if docker image inspect "$image" >/dev/null 2>&1; then
    echo "$image"
    return 0
  fi
  docker image inspect "$base" >/dev/null 2>&1 || import_base "$base" >&2
  mkdir -p "$scratch/context/node/bin" "$scratch/context/node/lib/node_modules"
  cp test/docker/Dockerfile scripts/setup-debian.sh "$scratch/context"
  cp -L "$(command -v node)" "$scratch/context/node/bin/node"
  cp -rL "$npm" "$scratch/context/node/lib/node_modules/npm"
  ln -s ../lib/node_modules/npm/bin/npm-cli.js "$scratch/context/node/bin/npm"
  ln -s ../lib/node_modules/npm/bin/npx-cli.js "$scratch/context/node/bin/npx"
  nice -n 10 docker build --quiet --build-arg "BASE=$base" --build-arg http_proxy --build-arg https_proxy --build-arg no_proxy \
    --tag "$image" "$scratch/context" >"$scratch/build.log" 2>&1 || { cat "$scratch/build.log" >&2; return 1; }
  echo "$image"
}

import_base() {
  local mirror=${TSZONE_DEBIAN_MIRROR:-http://deb.debian.org/debian} missing=()
  command -v mmdebstrap >/dev/null || missing+=(mmdebstrap)
  [ -e /usr/share/keyrings/debian-archive-keyring.gpg ] || missing+=(debian-archive-keyring)
  if [ ${#missing[@]} -gt 0 ]; then
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "${missing[@]}" >/dev/null
  fi
  nice -n 10 mmdebstrap --quiet --mode=root --variant=minbase --keyring=/usr/share/keyrings/debian-archive-keyring.gpg bookworm - \
    "$mirror" "deb ${mirror%/debian}/debian-security bookworm-security main" | docker import - "$1" >/dev/null
}

# Sets $flags. What --privileged means, by hand, where this machine itself lacks a capability: runc refuses to give what is
# not there.
container_flags() {
  local bounding cap_sys_resource=24
  bounding=$(sed -n 's/^CapBnd:\t//p' /proc/self/status)
  # With groups of its own the container sees no groups of others on this machine; enter.sh makes them usable.
  # A lost answer of the resolver is asked for again after a second, not five: apt may hang for good after a failure.
  flags=(--init --cgroupns=private --dns-option=timeout:1 --dns-option=attempts:5)
  if ((16#$bounding >> cap_sys_resource & 1)); then
    flags+=(--privileged)
  else
    flags+=(--cap-add=ALL --cap-drop=SYS_RESOURCE --device-cgroup-rule='a *:* rwm'
      --security-opt=seccomp=unconfined --security-opt=apparmor=unconfined --security-opt=systempaths=unconfined)
  fi
}
