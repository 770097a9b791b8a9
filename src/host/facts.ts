/** HostFacts: what this kernel and machine can do, as data. probe.ts fills it in; planning only reads it. */
import type { CapabilityName } from '../spec/capabilities.js';
import type { ApparmorFacts } from './apparmor.js';

export interface KernelFacts {
  /** `uname -r`. */
  readonly release: string;
  readonly major: number;
  readonly minor: number;
  /** `uname -m`. */
  readonly machine: string;
  /** A pid and its start time mean nothing after this has changed. */
  readonly bootId: string;
  /** This is a zone, or in another user namespace than the machine's first. */
  readonly isInner?: true;
}

export interface CapabilityFacts {
  readonly bounding: bigint;
  readonly effective: bigint;
  readonly boundingNames: readonly CapabilityName[];
  readonly effectiveNames: readonly CapabilityName[];
}

/** What tszone uses, by the kernel's names; `blkio` is v1's, `io` is v2's. */
export const controllerNames = [
  'memory',
  'cpu',
  'cpuacct',
  'cpuset',
  'pids',
  'freezer',
  'devices',
  'blkio',
  'io',
] as const;
export type Controller = (typeof controllerNames)[number];

export interface ControllerFacts {
  readonly version: 1 | 2;
  /** v1: the hierarchy's mount point (several controllers may share one). v2: the mount point of the unified one. */
  readonly mount: string;
  /** v1, where several controllers share the hierarchy: all of them, as the kernel lists them, also those that we do not use. */
  readonly hierarchy?: readonly string[];
}

/** A systemd unit with Delegate=yes below which tszone may make groups. */
export interface DelegatedUnit {
  readonly unit: string;
  readonly slice: string;
}

export interface MemoryFloor {
  readonly path: string;
  readonly bytes: number;
}

/** Which hierarchy owns which controller, and where groups may be made. Only writable mounts are listed. */
export interface CgroupLayout {
  /** v2: nothing but the unified hierarchy. hybrid: v1 controllers beside a cgroup2 mount. */
  readonly mode: 'v1' | 'hybrid' | 'v2';
  /** v2 kernels freeze, and filter devices, without a controller: `freezer` and `devices` are then listed with version 2. */
  readonly controllers: Readonly<Partial<Record<Controller, ControllerFacts>>>;
  /** The cgroup2 mount point, if there is one. */
  readonly unified?: string;
  /** v2: the directory in which `tszone/` is made: the mount point, or the delegated unit's group. */
  readonly base?: string;
  /** v2 under systemd: the unit that owns `base`; started on first use. */
  readonly delegate?: DelegatedUnit;
  /**
   * v1 and hybrid under systemd: hierarchies without controllers by which systemd knows a service's processes
   * (name=systemd, and the unified one). A zone leaves them, too: otherwise it ends with the service that started it.
   */
  readonly tracking: readonly ControllerFacts[];
  /**
   * v2: what the groups above ours, which are not ours to change, keep for all below them (memory.min). Those without a bound are
   * left out; absent: there is none. More than that can be guaranteed to nobody.
   */
  readonly floors?: readonly MemoryFloor[];
  /**
   * In another user namespace than the machine's first: nobody can change a list of devices, and what is above holds. `devices`
   * is then not listed.
   */
  readonly devicesAbove?: true;
  /** Whether the kernel counts and limits swap per group. */
  readonly swapAccounting: boolean;
}

/** What /bin, /sbin and /lib* are. */
export interface UsrLayout {
  /** Every one of them that exists is a link into /usr. */
  readonly merged: boolean;
  /** `'/bin' → 'usr/bin'`. */
  readonly links: Readonly<Record<string, string>>;
  /** Those that are directories of their own: `/lib64`. */
  readonly dirs: readonly string[];
}

export interface CpuFacts {
  readonly count: number;
  /** As the kernel writes it: `0-3,5`. */
  readonly online: string;
}

export interface HostFacts {
  readonly kernel: KernelFacts;
  readonly isRoot: boolean;
  readonly capabilities: CapabilityFacts;
  readonly cgroup: CgroupLayout;
  /** Security modules that are active; empty if the kernel does not say. */
  readonly lsms: readonly string[];
  /** Absent: this kernel has no AppArmor, or it is off. */
  readonly apparmor?: ApparmorFacts;
  /** The kernel takes filters of system calls, and can refuse one with an errno. */
  readonly seccomp: boolean;
  readonly usr: UsrLayout;
  readonly cpus: CpuFacts;
  /** As the kernel writes it: `0`. */
  readonly memoryNodes: string;
  /** systemd is pid 1. */
  readonly systemd: boolean;
  /** `docker`, `podman`, `container` … if this is itself a container. A hint: nothing depends on it. */
  readonly container?: string;
}

/** Whether a directory's file system can be mounted with mapped owners. */
export interface IdmapVerdict {
  readonly ok: boolean;
  /** As in mountinfo: `ext4`. */
  readonly fsType: string;
  readonly mountPoint: string;
  /** Why not. */
  readonly reason?: string;
}

/** What the environment says; read once, at the door. */
export interface HostEnvironment {
  /** TSZONE_ROOT. */
  readonly root?: string;
  /** TSZONE_RUN_ROOT. */
  readonly runRoot?: string;
  /** http_proxy, https_proxy, no_proxy and the like, as they are set. */
  readonly proxies: Readonly<Record<string, string>>;
}
