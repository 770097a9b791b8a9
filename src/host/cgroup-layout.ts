/** From the mounts and a few files to the layout of cgroups. */
import {
  type CgroupLayout,
  type Controller,
  type ControllerFacts,
  controllerNames,
  type DelegatedUnit,
  type MemoryFloor,
} from './facts.js';
import { isWritable, type Mount } from './mountinfo.js';

/** Reads a file; `undefined` if it is not there. */
export type ReadText = (path: string) => string | undefined;

/** systemd's name for a unit that was started by us, once per boot; see docs/decisions on cgroups. */
const delegatedUnit: DelegatedUnit = { unit: 'tszone-zones.service', slice: 'machine.slice' };

export interface LayoutSources {
  readonly mounts: readonly Mount[];
  /** systemd is pid 1. */
  readonly systemd: boolean;
  readonly read: ReadText;
  readonly exists: (path: string) => boolean;
}

/** Mounts that cannot be written do not count: nothing can be enforced there. */
export function cgroupLayout({ mounts, systemd, read, exists }: LayoutSources): CgroupLayout {
  const writable = mounts.filter(isWritable);
  const unified = [...writable].reverse().find(({ fsType }) => fsType === 'cgroup2')?.mountPoint;
  const v1 = v1Controllers(writable);
  const delegate = systemd && unified !== undefined && v1.size === 0 ? delegatedUnit : undefined;
  const base = delegate === undefined ? unified : `${unified}/${delegate.slice}/${delegate.unit}`;
  const v2 = unified === undefined ? new Map<Controller, ControllerFacts>() : v2Controllers(unified, read, exists);
  const devicesAbove = isInnerUserNamespace(read);
  const controllers = Object.fromEntries([...v2, ...v1].filter(([name]) => name !== 'devices' || !devicesAbove));
  const floors = unified === undefined ? [] : memoryFloors(unified, delegate, { read, exists });
  return {
    mode: v1.size === 0 ? 'v2' : unified === undefined ? 'v1' : 'hybrid',
    controllers,
    ...(unified === undefined ? {} : { unified }),
    ...(base === undefined ? {} : { base }),
    ...(delegate === undefined ? {} : { delegate }),
    ...(floors.length === 0 ? {} : { floors }),
    ...(devicesAbove ? { devicesAbove } : {}),
    tracking: systemd && v1.size > 0 ? trackingHierarchies(writable, unified) : [],
    swapAccounting: countsSwap(controllers, read, exists),
  };
}

/** The first one maps every id to itself; a host that does not say has none. */
export function isInnerUserNamespace(read: ReadText): boolean {
  const map = read('/proc/self/uid_map')?.trim().split(/\s+/);
  return map !== undefined && map.join(' ') !== '0 0 4294967295';
}

function v1Controllers(mounts: readonly Mount[]): Map<Controller, ControllerFacts> {
  const found = new Map<Controller, ControllerFacts>();
  for (const { fsType, mountPoint, superOptions } of mounts) {
    if (fsType !== 'cgroup') continue;
    const hierarchy = superOptions.filter(isController);
    const shared = hierarchy.length > 1 ? { hierarchy } : {};
    for (const name of controllerNames)
      if (superOptions.includes(name)) found.set(name, { version: 1, mount: mountPoint, ...shared });
  }
  return found;
}

/** What a cgroup mount shows besides its controllers: cgroup1_show_options() and the flags of any file system. */
const mountFlags = new Set(
  'rw ro sync dirsync mand lazytime seclabel noprefix xattr cpuset_v2_mode favordynmods clone_children'.split(' '),
);

/** Values are those of release_agent, name and security labels. */
function isController(option: string): boolean {
  return !mountFlags.has(option) && !option.includes('=');
}

/** cgroup.controllers of the mount point: in a container, what its host hands down. */
function v2Controllers(
  unified: string,
  read: ReadText,
  exists: (path: string) => boolean,
): Map<Controller, ControllerFacts> {
  const offered = read(`${unified}/cgroup.controllers`)?.trim().split(' ') ?? [];
  const found = controllerNames.filter((name) => offered.includes(name));
  // cgroup.freeze is in every group but the root, which has no switch for it; it came with 5.2, before anything we run on.
  // Devices are for a program that any group can have.
  const all = exists(`${unified}/cgroup.procs`) ? [...found, 'freezer' as const, 'devices' as const] : found;
  return new Map(all.map((name) => [name, { version: 2, mount: unified }]));
}

/**
 * The mount point of a machine is the root, which has no such file; a container's is a group of its host's. The unit is
 * started with a floor without bound, so it counts only if it is there and has another.
 */
function memoryFloors(
  unified: string,
  delegate: DelegatedUnit | undefined,
  { read, exists }: Pick<LayoutSources, 'read' | 'exists'>,
): MemoryFloor[] {
  const slice = delegate === undefined ? undefined : `${unified}/${delegate.slice}`;
  const unit = delegate === undefined ? undefined : `${slice}/${delegate.unit}`;
  const paths = [
    ...(exists(`${unified}/memory.min`) ? [unified] : []),
    ...(slice === undefined ? [] : [slice]),
    ...(unit !== undefined && exists(`${unit}/cgroup.procs`) ? [unit] : []),
  ];
  return paths.flatMap((path) => {
    const text = read(`${path}/memory.min`)?.trim() ?? '0';
    return text === 'max' ? [] : [{ path, bytes: Number(text) }];
  });
}

/** By which systemd finds a service's processes on v1. */
function trackingHierarchies(mounts: readonly Mount[], unified: string | undefined): ControllerFacts[] {
  const named = mounts.find(({ fsType, superOptions }) => fsType === 'cgroup' && superOptions.includes('name=systemd'));
  return [
    ...(named === undefined ? [] : [{ version: 1 as const, mount: named.mountPoint }]),
    ...(unified === undefined ? [] : [{ version: 2 as const, mount: unified }]),
  ];
}

/** v1 has the file if it counts. v2's root has none: there it is on unless the command line says otherwise. */
function countsSwap(
  controllers: CgroupLayout['controllers'],
  read: ReadText,
  exists: (path: string) => boolean,
): boolean {
  const { memory } = controllers;
  if (memory?.version === 1) return exists(`${memory.mount}/memory.memsw.limit_in_bytes`);
  if (memory?.version !== 2) return false;
  return exists('/proc/swaps') && !/\bswapaccount=(0|off|n)/.test(read('/proc/cmdline') ?? '');
}
