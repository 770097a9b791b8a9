/** /proc, /sys and /dev of a zone: what every zone mounts for itself, in the order that the kernel accepts. */
import type { EnterOp } from '../helper/index.js';
import type { ZoneMode } from '../spec/index.js';
import { hostIdMaskedPaths, maskedPaths, readOnlyPaths } from './masks.js';

/** Nodes that are bound from the host: mknod is refused in a user namespace. Their driver serves any zone alike. */
const deviceNodes = ['null', 'zero', 'full', 'random', 'urandom', 'tty'] as const;

const deviceLinks: readonly (readonly [text: string, path: string])[] = [
  ['/proc/self/fd', '/dev/fd'],
  ['/proc/self/fd/0', '/dev/stdin'],
  ['/proc/self/fd/1', '/dev/stdout'],
  ['/proc/self/fd/2', '/dev/stderr'],
  ['pts/ptmx', '/dev/ptmx'],
];

/** All zones of a machine share `kernel.pty.max`, 4096 if nobody has changed it, of which a quarter is the host's own. */
const mostTerminals = 1024;

export interface KernelMountOptions {
  /** sysfs shows the network of its mounter: with the host's network only the host's own tree can be shown. */
  readonly hostNetwork: boolean;
  /** v1 hierarchies to show below /sys/fs/cgroup, each as all its controllers (`cpu,cpuacct`); `unified` for v2; `none`. */
  readonly cgroupView: readonly string[] | 'unified' | 'none';
  /** The zone may divide its group of v2: on v1 that is shown as `unified`. */
  readonly ownGroups: boolean;
  readonly mode: ZoneMode;
  /** Of a privileged zone: every node below /dev of the host. */
  readonly hostDevices: readonly string[];
}

/** All before the pivot: the kernel refuses a new proc or sysfs when no full one is visible any more. */
export function planKernelMounts(options: KernelMountOptions): EnterOp[] {
  return [
    { op: 'mnt.fs', type: 'proc', target: '/proc', attributes: 'nosuid,nodev,noexec', options: '' },
    ...planSys(options),
    ...planDev(options),
    ...planMasks(options.mode),
    ...planUncovered(options),
  ];
}

/**
 * A user namespace inside may mount a /proc or /sys only where one is visible that nothing covers (`mount_too_revealing` in
 * fs/namespace.c; it asks for no permission to the way there). What covers those of the zone its root can take away, so to him this
 * shows nothing new; others may not enter.
 */
function planUncovered({ mode, hostNetwork }: KernelMountOptions): EnterOp[] {
  if (mode !== 'nesting') return [];
  const [proc, sys] = [`${nestingDirectory}/proc`, `${nestingDirectory}/sys`];
  const sysAttributes = 'ro,nosuid,nodev,noexec';
  return [
    { op: 'mkdir', path: nestingDirectory, mode: '0700' },
    { op: 'mnt.fs', type: 'proc', target: proc, attributes: 'nosuid,nodev,noexec', options: '' },
    ...(hostNetwork
      ? []
      : [{ op: 'mnt.fs', type: 'sysfs', target: sys, attributes: sysAttributes, options: '' } as const]),
  ];
}

const nestingDirectory = '/dev/.tszone';

function planMasks(mode: ZoneMode): EnterOp[] {
  if (mode === 'privileged') return [];
  const isHosts = mode === 'host-ids';
  return [
    ...[...maskedPaths, ...(isHosts ? hostIdMaskedPaths : [])].map((path): EnterOp => ({ op: 'mnt.mask', path })),
    ...readOnlyPaths
      // Networks of zones inside are switched on there. What is the machine's, only the machine's own root may write.
      .filter((path) => mode !== 'nesting' || path !== '/proc/sys')
      .map((path): EnterOp => ({ op: 'mnt.readonly', path })),
    ...(isHosts ? [{ op: 'proc.readonly' } as const] : []),
  ];
}

/** The slot of the host's /sys, opened only with the host's network. */
export const hostSysSlot = 'sys';

/**
 * Of the host's tree the submounts come along where the kernel asks for it (a user namespace may not uncover what they cover);
 * without one they stay behind: the host's root could read the kernel's traces there.
 */
export function hostSysFlags(mode: ZoneMode): string {
  if (mode === 'privileged') return 'recursive,nosuid,nodev,noexec';
  return `${mode === 'host-ids' ? '' : 'recursive,'}readonly,locked,nosuid,nodev,noexec`;
}

function planSys({ hostNetwork, cgroupView, ownGroups, mode }: KernelMountOptions): EnterOp[] {
  const attributes = mode === 'privileged' ? 'nosuid,nodev,noexec' : 'ro,nosuid,nodev,noexec';
  const view = planCgroupView(cgroupView, { attributes: mode === 'nesting' ? writable : attributes, ownGroups });
  if (!hostNetwork) return [{ op: 'mnt.fs', type: 'sysfs', target: '/sys', attributes, options: '' }, ...view];
  const tree: EnterOp = { op: 'mnt.tree', slot: hostSysSlot, target: '/sys' };
  return mode === 'host-ids' ? [tree, ...view] : [tree];
}

const writable = 'nosuid,nodev,noexec';

function planCgroupView(
  view: KernelMountOptions['cgroupView'],
  { attributes, ownGroups }: { readonly attributes: string; readonly ownGroups: boolean },
): EnterOp[] {
  const unified = (target: string): EnterOp => {
    return { op: 'mnt.fs', type: 'cgroup2', target, attributes: ownGroups ? writable : attributes, options: '' };
  };
  if (view === 'unified') return [unified('/sys/fs/cgroup')];
  if (view === 'none' && !ownGroups) return [];
  return [
    {
      op: 'mnt.fs',
      type: 'tmpfs',
      target: '/sys/fs/cgroup',
      attributes: 'nosuid,nodev,noexec',
      options: 'mode=755,size=64k',
    },
    ...(view === 'none' ? [] : view).flatMap((controllers): EnterOp[] => {
      const target = `/sys/fs/cgroup/${controllers}`;
      return [{ op: 'mnt.fs', type: 'cgroup', target, attributes, options: controllers }, ...singleNames(controllers)];
    }),
    ...(ownGroups ? [unified('/sys/fs/cgroup/unified')] : []),
  ];
}

/** As hosts have them: `cpu` leads to `cpu,cpuacct`. */
function singleNames(controllers: string): EnterOp[] {
  const names = controllers.split(',');
  if (names.length === 1) return [];
  return names.map((name) => ({ op: 'symlink', text: controllers, path: `/sys/fs/cgroup/${name}` }));
}

/** In a user namespace no node of a zone's own opens; without one, nodev has to say so. */
function planDev({ mode, hostDevices }: KernelMountOptions): EnterOp[] {
  const standard = deviceNodes.map((name) => `/dev/${name}`);
  const others = mode === 'privileged' ? hostDevices.filter((path) => !standard.includes(path)) : [];
  const nodes = [...standard, ...others];
  return [
    {
      op: 'mnt.fs',
      type: 'tmpfs',
      target: '/dev',
      attributes: mode === 'host-ids' ? 'nosuid,nodev,noexec' : 'nosuid,noexec',
      options: 'mode=755,size=1m,nr_inodes=4096',
    },
    ...nodes.map((path): EnterOp => ({ op: 'dev.bind', hostPath: path, target: path })),
    ...deviceLinks.map(([text, path]): EnterOp => ({ op: 'symlink', text, path })),
    {
      op: 'mnt.fs',
      type: 'devpts',
      target: '/dev/pts',
      attributes: 'nosuid,noexec',
      options: `newinstance,max=${mostTerminals},ptmxmode=0666,mode=0620,gid=5`,
    },
    { op: 'mnt.fs', type: 'tmpfs', target: '/dev/shm', attributes: 'nosuid,nodev,noexec', options: 'mode=1777' },
    { op: 'mnt.fs', type: 'mqueue', target: '/dev/mqueue', attributes: 'nosuid,nodev,noexec', options: '' },
    { op: 'console.make' },
  ];
}
