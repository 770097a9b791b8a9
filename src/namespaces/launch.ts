/** The enter ops of a start: what the helper does, in order, from the clone to the zone's first instruction. */
import type { EnterOp } from '../helper/index.js';
import type { ZoneMode } from '../spec/index.js';
import type { IdRange } from '../state/index.js';
import {
  type ProcessPlanInput,
  type ProgramPlanInput,
  planConfinement,
  planProcess,
  planProgram,
} from './credentials.js';
import { type DeviceNode, planNodeMounts, planNodes } from './device-nodes.js';
import { planSysctlWrites } from './enter.js';
import { type IdentityInput, planIdentity } from './identity.js';
import { hostSysFlags, hostSysSlot, type KernelMountOptions, planKernelMounts } from './kernel-mounts.js';
import { planHostTrees, planRoot, planRootTrees, type RootPlanInput } from './root.js';

export type PayloadInput =
  /** The tiny init, alone or with a command as its main child. */
  | { readonly kind: 'tiny'; readonly initPath: string; readonly process: ProcessPlanInput | undefined }
  /** The command, or the image's own init, is pid 1. */
  | { readonly kind: 'direct'; readonly process: ProcessPlanInput }
  /** A mode of the helper itself is pid 1: for work on a stopped zone's files. */
  | { readonly kind: 'helper'; readonly helperPath: string; readonly argv: readonly string[] };

export interface LaunchPlanInput {
  readonly ids: IdRange;
  readonly hostname: string;
  readonly root: Omit<RootPlanInput, 'skeleton' | 'isOwned'>;
  readonly kernelMounts: KernelMountOptions;
  /** Devices of the host. */
  readonly devices: readonly DeviceNode[];
  readonly tmpfs: readonly { readonly path: string; readonly sizeBytes?: number | undefined }[];
  /** Of its own root, made where they are missing. */
  readonly directories: readonly string[];
  readonly identity: IdentityInput;
  readonly timeNamespace: boolean;
  /** cgroup.join or cgroup.into. */
  readonly cgroups: readonly EnterOp[];
  /** nl.send: loopback, addresses, routes. */
  readonly network: readonly EnterOp[];
  readonly sysctls: Readonly<Record<string, string>>;
  readonly program: ProgramPlanInput;
  readonly payload: PayloadInput;
  /** Whose command is not known yet: what `planLast` says takes the place of sync.program. */
  readonly late?: boolean | undefined;
}

const payloadSlot = 'init';

/** Namespaces that the clone makes; the rest is made by the child as uid 0 of the zone, so that it owns them. */
export function launchNamespaces({ kernelMounts, ...input }: LaunchPlanInput): string {
  return [
    ...(isHosts(kernelMounts.mode) ? [] : ['user']),
    'mnt',
    'pid',
    'uts',
    ...(input.timeNamespace ? ['time'] : []),
  ].join(',');
}

/** No user namespace: the zone's root is the host's. */
const isHosts = (mode: ZoneMode) => mode === 'host-ids' || mode === 'privileged';

/** What `exec` has to enter. */
export function zoneNamespaces(input: LaunchPlanInput): string {
  const net = input.kernelMounts.hostNetwork ? [] : ['net'];
  return [launchNamespaces(input), 'ipc', 'cgroup', ...net].join(',');
}

export function planLaunch(input: LaunchPlanInput): EnterOp[] {
  const skeleton = planSkeleton(input);
  const { mode } = input.kernelMounts;
  const root = { ...input.root, skeleton, isOwned: !isHosts(mode) };
  return [
    ...planHostSide(input, root),
    { op: 'cgroup.enter' },
    { op: 'ns.unshare', flags: 'cgroup' },
    { op: 'uts.hostname', name: input.hostname },
    { op: 'sync.maps' },
    { op: 'ns.unshare', flags: input.kernelMounts.hostNetwork ? 'ipc' : 'net,ipc' },
    { op: 'sync.created' },
    ...planRoot(root),
    // Of a read-only root they are part of the skeleton.
    ...(input.root.readOnly ? [] : planDirectories(input.directories)),
    ...planKernelMounts(input.kernelMounts),
    ...planNodeMounts(input.devices),
    ...(skeleton.length > 0 ? [] : planIdentity(input.identity)),
    ...input.tmpfs.map(planTmpfs),
    ...planHostTrees(root),
    // Nodes that an image brought, or that were made while the zone was privileged.
    ...(mode === 'host-ids' ? [{ op: 'root.attributes', attributes: 'nodev' } as const] : []),
    { op: 'root.pivot' },
    ...(input.network.length === 0 ? [] : [{ op: 'sync.links' } as const]),
    ...input.network,
    // Behind the network: a parameter may be one of a link.
    ...planSysctlWrites(input.sysctls),
    ...planProgram(input.program),
    // As late as can be: what a prepared zone has still to do, its caller waits for.
    ...(input.late === true ? [{ op: 'sync.program' } as const] : [{ op: 'sync.go' } as const, ...planLast(input)]),
  ];
}

/** What is done after the go. */
export function planLast(input: LaunchPlanInput): EnterOp[] {
  return [...planConfinement(input.program), ...planPayload(input)];
}

function planHostSide(input: LaunchPlanInput, root: RootPlanInput): EnterOp[] {
  return [
    { op: 'ns.flags', flags: launchNamespaces(input) },
    ...planIdMaps(input),
    ...planRootTrees(root),
    ...planNodes(input.devices, input.ids),
    ...(input.kernelMounts.hostNetwork
      ? [
          {
            op: 'tree.open',
            slot: hostSysSlot,
            path: '/sys',
            flags: hostSysFlags(input.kernelMounts.mode),
          } as const,
        ]
      : []),
    ...planPayloadTree(input.payload),
    ...input.cgroups,
  ];
}

function planIdMaps({ ids, kernelMounts }: LaunchPlanInput): EnterOp[] {
  if (isHosts(kernelMounts.mode)) return [];
  const [inside, outside, count] = ['0', String(ids.base), String(ids.count)];
  return [
    { op: 'ns.uidmap', inside, outside, count },
    { op: 'ns.gidmap', inside, outside, count },
  ];
}

function planPayloadTree(payload: PayloadInput): EnterOp[] {
  if (payload.kind === 'direct') return [];
  const path = payload.kind === 'tiny' ? payload.initPath : payload.helperPath;
  return [{ op: 'tree.open', slot: payloadSlot, path, flags: 'readonly' }];
}

function planPayload(input: LaunchPlanInput): EnterOp[] {
  const { payload } = input;
  if (payload.kind === 'helper') {
    return [{ op: 'exec.slot', slot: payloadSlot, argv: ['tszone-helper', ...payload.argv] }];
  }
  if (payload.kind === 'direct') return planProcess(payload.process);
  if (payload.process === undefined) return [{ op: 'exec.slot', slot: payloadSlot, argv: ['init'] }];
  return [{ op: 'init.fork', slot: payloadSlot, argv: ['init'] }, ...planProcess(payload.process)];
}

function planTmpfs(tmpfs: { readonly path: string; readonly sizeBytes?: number | undefined }): EnterOp {
  const size = tmpfs.sizeBytes === undefined ? '' : `,size=${tmpfs.sizeBytes}`;
  return { op: 'mnt.fs', type: 'tmpfs', target: tmpfs.path, attributes: 'nosuid,nodev', options: `mode=1777${size}` };
}

/**
 * Of a throw-away zone, what is known beforehand costs the disk nothing: with many inodes deleted lately, ext4 looks at each of them before it gives
 * another.
 */
function planSkeleton(input: LaunchPlanInput): EnterOp[] {
  const { readOnly, volatile } = input.root;
  return [...(readOnly ? planMountPoints(input) : []), ...(readOnly || volatile ? planIdentity(input.identity) : [])];
}

function planDirectories(paths: readonly string[]): EnterOp[] {
  return paths.map((path) => ({ op: 'mkdir', path, mode: '0755' }));
}

/** A read-only root gets every mount point beforehand. */
function planMountPoints(input: LaunchPlanInput): EnterOp[] {
  const directories = ['/proc', '/sys', '/dev', ...input.tmpfs.map(({ path }) => path), ...input.directories];
  return [
    ...planDirectories(directories),
    ...input.root.trees.map(({ target, isFile }): EnterOp => {
      if (!isFile) return { op: 'mkdir', path: target, mode: '0755' };
      return { op: 'file.write', path: target, mode: '0644', marker: '', content: '' };
    }),
  ];
}
