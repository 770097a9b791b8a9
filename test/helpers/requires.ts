/**
 * Tests say what they need. What is missing skips the test, with the fact's name as its reason; with TSZONE_MUST_WORK=1
 * scripts/run-tests.ts counts the skip as a failure unless test/allowed-skips.json lists the fact.
 */
import { spawnSync } from 'node:child_process';
import { accessSync, readFileSync } from 'node:fs';
import { release } from 'node:os';

const exists = (path: string) => {
  try {
    accessSync(path);
    return true;
  } catch {
    return false;
  }
};
const hasProgram = (name: string) => spawnSync('sh', ['-c', `command -v ${name}`], { stdio: 'ignore' }).status === 0;
const hasFileSystem = (name: string) => new RegExp(`\\t${name}$`, 'm').test(readFileSync('/proc/filesystems', 'utf8'));

function isKernelFrom(least: number, minorLeast: number): boolean {
  const [major = 0, minor = 0] = release().split('.').map(Number);
  return major > least || (major === least && minor >= minorLeast);
}

/** Without crun, which takes no hybrid hierarchy, and with limits that need no CAP_SYS_RESOURCE. */
export const podmanRun = (group: string) => [
  ...['run', '--rm', '--network', 'none', '--cgroup-parent', `/${group}`],
  ...['--ulimit', 'nofile=1024:1024', '--ulimit', 'nproc=1024:1024'],
];
/** With a store of its own. */
export const podmanIn = (directory: string) => [
  ...['--root', `${directory}/store`, '--runroot', `${directory}/run`, '--tmpdir', `${directory}/tmp`],
  ...['--storage-driver', 'vfs', '--cgroup-manager', 'cgroupfs', '--runtime', 'runc', '--events-backend', 'file'],
];

/** Tried with an image of its own making: in a container, or with the unified hierarchy alone, it may not get the groups that it wants. */
function runsPodman(): boolean {
  const group = `tszone-test-podman-${process.pid}`;
  const script = `d=$(mktemp -d); mkdir -p $d/root/bin; cp $(command -v busybox) $d/root/bin/sh
    p="podman ${podmanIn('$d').join(' ')}"
    tar -C $d/root -cf $d/root.tar . && $p import -q $d/root.tar localhost/probe && $p ${podmanRun(group).join(' ')} localhost/probe /bin/sh -c true; s=$?
    $p rm --all --force; rm -rf $d; find /sys/fs/cgroup -depth -type d -path '*/${group}*' -delete; exit $s`;
  return (
    hasProgram('podman') && hasProgram('runc') && spawnSync('sh', ['-c', script], { stdio: 'ignore' }).status === 0
  );
}

/** Tried with a node of its own: in a container /dev may lack those that are there, and they may be refused all the same. */
function opensLoopDevices(): boolean {
  const script = `n=/sys/class/misc/loop-control/dev; d=$(mktemp -u /dev/tszone-XXXXXX)
    [ -e $n ] && mknod $d c $(tr : ' ' <$n) && : <$d; s=$?; rm -f $d; exit $s`;
  return spawnSync('sh', ['-c', script], { stdio: 'ignore' }).status === 0;
}

/** Tried: whether the kernel has the format of such quotas is said nowhere. */
function keepsProjectQuotas(): boolean {
  const script = `d=$(mktemp -d) && truncate -s 32M $d/i && mkfs.ext4 -q -O quota,project -E quotatype=prjquota $d/i &&
    mkdir $d/m && mount -o loop,prjquota $d/i $d/m && umount $d/m; s=$?; rm -rf $d; exit $s`;
  return spawnSync('sh', ['-c', script], { stdio: 'ignore' }).status === 0;
}

function hasCapability(number: number): boolean {
  const bits = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0';
  return (BigInt(`0x${bits}`) & (1n << BigInt(number))) !== 0n;
}

function isIpv6On(): boolean {
  const path = '/proc/sys/net/ipv6/conf/default/disable_ipv6';
  return exists(path) && readFileSync(path, 'utf8').trim() === '0';
}

/** What a test can ask for. */
export const facts = {
  loop: () => opensLoopDevices() && hasProgram('mkfs.ext4'),
  btrfs: () => opensLoopDevices() && hasFileSystem('btrfs') && hasProgram('mkfs.btrfs'),
  'project-quota': () => keepsProjectQuotas(),
  'grow-mounted': () => hasCapability(24),
  root: () => process.getuid?.() === 0,
  overlay: () => hasFileSystem('overlay'),
  'cgroup-v1': () => exists('/sys/fs/cgroup/memory/cgroup.procs'),
  'cgroup-v2': () => exists('/sys/fs/cgroup/cgroup.controllers'),
  unified: () => / cgroup2 rw,/.test(readFileSync('/proc/self/mounts', 'utf8')),
  vsock: () => exists('/dev/vsock'),
  'host-devices': () => exists('/dev/fuse') && exists('/dev/loop0'),
  ipv6: () => isIpv6On(),
  apparmor: () => exists('/sys/kernel/security/apparmor/.replace') && hasProgram('apparmor_parser'),
  'apparmor-parser': () => hasProgram('apparmor_parser'),
  nft: () => hasProgram('nft'),
  ip: () => hasProgram('ip'),
  strace: () => hasProgram('strace'),
  mmdebstrap: () => hasProgram('mmdebstrap'),
  busybox: () => hasProgram('busybox'),
  gcc: () => hasProgram('gcc'),
  restic: () => hasProgram('restic'),
  rclone: () => hasProgram('rclone'),
  dropbear: () => hasProgram('dropbear') && exists('/usr/lib/sftp-server'),
  libseccomp: () => exists('/usr/include/seccomp.h'),
  'stress-ng': () => hasProgram('stress-ng'),
  bwrap: () => hasProgram('bwrap'),
  gdb: () => hasProgram('gdb'),
  'tmpfs-idmap': () => isKernelFrom(6, 3),
  /** Of users: as many as a directory of names has room for, where ext4 has one block. */
  'tmpfs-xattrs': () => isKernelFrom(6, 6) && / \/dev\/shm tmpfs /.test(readFileSync('/proc/self/mounts', 'utf8')),
  x86_64: () => process.arch === 'x64',
  'clang-format': () => hasProgram('clang-format'),
  skopeo: () => hasProgram('skopeo'),
  umoci: () => hasProgram('umoci'),
  buildah: () => hasProgram('buildah'),
  podman: () => hasProgram('podman'),
  'podman-runs': () => runsPodman(),
  'docker-registry': () => hasProgram('docker-registry'),
} as const satisfies Record<string, () => boolean>;

export type Fact = keyof typeof facts;

/** `before(requires('root', 'overlay'))`, or inside a test: `requires('nft').call(this)`. */
export function requires(...needed: Fact[]): (this: Mocha.Context) => void {
  return function skipIfMissing(this: Mocha.Context) {
    const missing = needed.find((name) => !facts[name]());
    if (missing === undefined) return;
    const runnable = this.test;
    // A hook's note goes to its suite: what is skipped are the suite's tests.
    const noted = runnable?.title.startsWith('"before') === true ? runnable.parent : runnable;
    if (noted !== undefined) Object.assign(noted, { tszoneMissing: missing });
    this.skip();
  };
}
