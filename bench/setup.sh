#!/bin/sh
# Installs the peers of the bench: setup.sh PACKAGE...  Their services are not started.
set -eu
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 755 "$policy"
  trap 'rm -f "$policy"' EXIT
fi
export DEBIAN_FRONTEND=noninteractive
install() { apt-get -o DPkg::Lock::Timeout=300 install --yes --no-install-recommends "$@"; }
install "$@" || { apt-get update && install "$@"; }
