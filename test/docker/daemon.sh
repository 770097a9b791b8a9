# shellcheck shell=bash
# Sourced by run.sh: a Docker daemon. The running one is used; else a private one is started, in network and mount
# namespaces of its own (behind slirp4netns), so that it leaves no bridge, no packet filter rule and no mount on this machine.

# Needs $scratch and $cache; sets DOCKER_HOST for a daemon of our own.
start_daemon() {
  if docker info >/dev/null 2>&1; then return 0; fi
  local missing=() pair
  for pair in docker:docker.io dockerd:docker.io slirp4netns:slirp4netns; do
    command -v "${pair%%:*}" >/dev/null || missing+=("${pair##*:}")
  done
  if [ ${#missing[@]} -gt 0 ]; then
    echo "test-docker: installing ${missing[*]}" >&2
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "${missing[@]}" iptables >/dev/null
    # A package's own service may have come up by itself.
    if docker info >/dev/null 2>&1; then return 0; fi
  fi
  mkdir -p "$scratch/docker" "$cache/data"
  # The daemon's data has one user at a time.
  exec 8>"$cache/lock"
  flock 8
  remove_groups /sys/fs/cgroup/docker /sys/fs/cgroup/*/docker
  export DOCKER_HOST=unix://$scratch/docker/docker.sock
  # shellcheck disable=SC2016
  nice -n 10 unshare --net --mount bash -c '
    touch "$1/ready"
    until ip route | grep -q ^default; do sleep 0.1; done
    exec setpriv --pdeathsig TERM dockerd --data-root "$2" --exec-root "$1/exec" --pidfile "$1/pid" --host "unix://$1/docker.sock"' \
    dockerd "$scratch/docker" "$cache/data" >"$scratch/docker/log" 2>&1 8>&- &
  daemon=$!
  # Before that its namespaces are still ours.
  until [ -e "$scratch/docker/ready" ]; do sleep 0.05; done
  setpriv --pdeathsig TERM slirp4netns --configure --mtu=1500 --disable-host-loopback "$daemon" tap0 >"$scratch/docker/slirp.log" 2>&1 8>&- &
  slirp=$!
  local i
  for ((i = 0; i < 300; i++)); do
    if docker info >/dev/null 2>&1; then
      # Of a lane that was killed.
      docker ps --all --quiet | xargs --no-run-if-empty docker rm --force --volumes >/dev/null
      return 0
    fi
    kill -0 "$daemon" 2>/dev/null || break
    sleep 0.1
  done
  tail -n 20 "$scratch/docker/log" "$scratch/docker/slirp.log" >&2
  echo 'test-docker: dockerd does not start' >&2
  return 1
}

stop_daemon() {
  [ -n "${daemon:-}" ] || return 0
  kill "$daemon" 2>/dev/null && wait "$daemon" || true
  kill "$slirp" 2>/dev/null || true
  # On v1 dockerd leaves its empty parent group behind.
  remove_groups /sys/fs/cgroup/docker /sys/fs/cgroup/*/docker
}

# remove_container NAME ID: with its volumes, and the groups that were made in it: runc removes those that it knows.
remove_container() {
  docker rm --force --volumes "$1" >/dev/null 2>&1 || true
  remove_groups /sys/fs/cgroup/docker/"$2" /sys/fs/cgroup/*/docker/"$2" /sys/fs/cgroup/system.slice/docker-"$2".scope
}

# With all below them; what has processes stays. The kernel takes a moment for those that have just died.
remove_groups() {
  local group i
  for group in "$@"; do
    for ((i = 0; i < 20; i++)); do
      [ -d "$group" ] || break
      if find "$group" -depth -type d -exec rmdir {} + 2>/dev/null; then break; fi
      sleep 0.1
    done
  done
}
