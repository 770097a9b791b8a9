/** Which directories of the host a zone's root is made of, and whether this host can map their owners. */

import { join } from 'node:path';
import { requireLimits } from '../cgroups/index.js';
import { zoneError } from '../errors/index.js';
import { helperPath, initPath } from '../helper/index.js';
import { canIdmap, type HostFacts, hostDeviceNodes } from '../host/index.js';
import { lstat, stat } from '../host/quick-fs.js';
import { type HostTree, identityFiles } from '../namespaces/index.js';
import type { StartPlanInput } from '../plan/index.js';
import { limitsOf } from '../plan/index.js';
import { hasHostIds, type MountSpec, type ZoneSpec } from '../spec/index.js';
import {
  defaultPoolName,
  type HostDirectory,
  isErrno,
  type ZoneImage,
  type ZoneRecord,
  zonePaths,
} from '../state/index.js';
import { layerDirectory } from '../storage/index.js';
import type { HostContext } from './host-context.js';
import { resolveDevices, type ZoneDevice } from './zone-devices.js';
import { planZoneFilter } from './zone-filter.js';
import {
  directoryOf,
  findPoolOf,
  frozenLayersOf,
  planOpen,
  requireBounds,
  type StoragePart,
  volumeLimits,
  volumeOf,
} from './zone-storage.js';

/**
 * What the plan of any start needs to know of the zone's root.
 *
 * @param seen of a dry run: trees with what will be in its layers
 * @throws PATH_NOT_FOUND
 */
export async function planZoneFiles(
  host: HostContext,
  record: ZoneRecord,
  seen: readonly string[] = [],
): Promise<ZoneFilesPart> {
  const place = await volumeOf(host.roots, record);
  const { local } = zonePaths(host.roots, record.spec.name);
  const files = { frozen: frozenLayersOf(place), rootfs: directoryOf(place), storage: planOpen(place), local, seen };
  return planFiles(host, record, files);
}

/** Where they are. */
export interface FilesPlace {
  /** Trees of frozen layers, topmost first. */
  readonly frozen: readonly string[];
  /** Holds `upper` and `work`. */
  readonly rootfs: string;
  readonly storage: StoragePart;
  /** What a sparse zone sees as /usr/local. */
  readonly local: string;
  readonly seen?: readonly string[] | undefined;
}

export async function planFiles(host: HostContext, record: ZoneRecord, place: FilesPlace): Promise<ZoneFilesPart> {
  const { frozen, rootfs, storage, local, seen = [] } = place;
  return {
    roots: host.roots,
    facts: host.facts,
    record,
    layers: [...frozen, ...imageLayersOf(host, record.image)],
    rootfs,
    storage,
    trees: await planZoneTrees(record, local),
    ...(record.spec.privileged ? { hostDevices: await hostDeviceNodes() } : {}),
    fromImage: await filesFromImage([join(rootfs, 'upper'), ...frozen, ...seen]),
    programs: { init: initPath(), helper: helperPath() },
  };
}

export type ZoneFilesPart = Pick<
  StartPlanInput,
  'roots' | 'facts' | 'record' | 'layers' | 'rootfs' | 'storage' | 'trees' | 'hostDevices' | 'fromImage' | 'programs'
>;

/** All that the zone's root is made of, topmost first, if its volume is open. @throws POOL_NOT_FOUND */
export async function planZoneLayers(host: HostContext, record: ZoneRecord): Promise<string[]> {
  const place = await volumeOf(host.roots, record);
  return [join(directoryOf(place), 'upper'), ...frozenLayersOf(place), ...imageLayersOf(host, record.image)];
}

export function imageLayersOf({ roots }: Pick<HostContext, 'roots'>, { layers }: Pick<ZoneImage, 'layers'>): string[] {
  return layers.map((digest) => layerDirectory(roots, digest));
}

/** The host's /usr of a sparse zone, and what the user mounts. @throws PATH_NOT_FOUND */
async function planZoneTrees({ spec, image }: ZoneRecord, local: string): Promise<HostTree[]> {
  const shared = (image.config.hostDirs ?? []).map((directory) => sharedTree(directory, spec, local));
  return [...shared, ...(await Promise.all(spec.mount.map(userTree)))];
}

/** Not idmapped: as nobody's, files that are closed to others on the host stay closed inside (decision 0006). */
function sharedTree(directory: HostDirectory, spec: ZoneSpec, local: string): HostTree {
  const tree = { ...directory, readOnly: true, idmap: false, isFile: false };
  return directory.target !== '/usr' || spec.usrLocal ? tree : { ...tree, cover: { path: 'local', source: local } };
}

/** Of the files that tszone keeps true, those still the image's. Only asks whether a name is there: a zone can fool nobody but itself. */
async function filesFromImage(directories: readonly string[]): Promise<string[]> {
  const isIn = (path: string) => (directory: string) =>
    lstat(join(directory, path)).then(
      () => true,
      () => false,
    );
  const there = await Promise.all(
    identityFiles.map(async (path) => (await Promise.all(directories.map(isIn(path)))).includes(true)),
  );
  return identityFiles.filter((_, index) => !there[index]);
}

async function userTree(mount: MountSpec): Promise<HostTree> {
  const found = await stat(mount.source).catch((cause: unknown) => {
    if (!isErrno(cause, 'ENOENT', 'ENOTDIR')) throw cause;
    throw zoneError('PATH_NOT_FOUND', `mount source "${mount.source}" does not exist`, {
      hint: `Run "mkdir -p ${mount.source}" first.`,
      context: { path: mount.source },
      cause,
    });
  });
  return { ...mount, idmap: true, isFile: !found.isDirectory() };
}

/**
 * What can be known before anything is made.
 *
 * @throws SPEC_INVALID a CPU that is not online · CGROUP_CONTROLLER_MISSING a limit without its controller · HOST_FEATURE_MISSING a
 * file system that cannot be idmapped, a foreign architecture, a guarantee that would not hold · PATH_NOT_FOUND a mount's source, a device
 */
export async function checkZoneFeasible(host: HostContext, spec: ZoneSpec, image: ZoneImage): Promise<FeasibleParts> {
  const { roots, facts } = host;
  requireLimits(facts, limitsOf(spec));
  requireArchitecture(facts, image);
  const filter = await planZoneFilter({ roots, facts }, { spec, image });
  requireCapabilities(facts, spec);
  const isMapped = !hasHostIds(spec);
  if (isMapped) requireOwnNetwork(facts, spec);
  if (isMapped) await requireIdmappedRoot(facts, roots.root);
  await requireBounds(roots, await findPoolOf(roots, spec.pool ?? defaultPoolName), volumeLimits(spec));
  const devices = await resolveDevices(host, spec.device);
  for (const mount of spec.mount) {
    await userTree(mount);
    if (isMapped)
      await requireIdmap(facts, mount.source, 'Mount a directory of another file system (ext4, xfs, btrfs, tmpfs).');
  }
  return { filter, devices };
}

/** What has been looked up by then, for a start that follows at once. */
export interface FeasibleParts {
  readonly filter: StartPlanInput['filter'];
  readonly devices: readonly ZoneDevice[];
}

/** What covers parts of the /sys around cannot be taken off, nor covered once more. */
function requireOwnNetwork({ kernel }: HostFacts, { net }: ZoneSpec): void {
  if (net.kind !== 'host' || kernel.isInner !== true) return;
  throw zoneError('HOST_FEATURE_MISSING', 'a zone inside a zone cannot show the /sys of the network around it', {
    hint: 'Leave --net host out; or pass --userns host, too, for a zone with the ids of the zone around.',
    context: { feature: 'net=host' },
  });
}

/** Without a user namespace a zone has only what the host has to give. */
function requireCapabilities({ capabilities }: HostFacts, spec: ZoneSpec): void {
  if (!hasHostIds(spec)) return;
  const missing = spec.capAdd.find((name) => name !== 'ALL' && !capabilities.effectiveNames.includes(name));
  if (missing === undefined) return;
  throw zoneError('HOST_FEATURE_MISSING', `this host has no capability ${missing} to give to zone "${spec.name}"`, {
    hint: `Leave --cap-add ${missing} out, or run tszone where it is in the bounding set (capsh --print).`,
    context: { capability: missing },
  });
}

const innerHint =
  'Put it on a tmpfs of the zone\'s own: "mount -t tmpfs tmpfs DIR"; or pass --userns host, for a zone with the ids of the zone around.';

/** Facts are others when a mount is. */
const idmappedRoots = new WeakMap<HostFacts, string>();

async function requireIdmappedRoot(facts: HostFacts, root: string): Promise<void> {
  if (idmappedRoots.get(facts) === root) return;
  await requireIdmap(facts, root, 'Put the data on ext4, xfs or btrfs with --root.');
  idmappedRoots.set(facts, root);
}

async function requireIdmap({ kernel }: HostFacts, path: string, hint: string): Promise<void> {
  const verdict = await canIdmap(path, kernel);
  if (verdict.ok) return;
  const inner = kernel.isInner === true ? ` inside a zone: ${verdict.reason}` : '';
  throw zoneError(
    'HOST_FEATURE_MISSING',
    `the file system of "${path}" (${verdict.fsType}) cannot be mounted with mapped owners${inner}`,
    {
      hint: kernel.isInner === true ? innerHint : hint,
      context: { path, ...verdict },
    },
  );
}

/** Debian's names → what a kernel of that machine runs. */
const runsOn: Readonly<Record<string, readonly string[]>> = {
  x86_64: ['amd64', 'i386', 'x32'],
  aarch64: ['arm64', 'armhf', 'armel'],
  i686: ['i386'],
  riscv64: ['riscv64'],
  ppc64le: ['ppc64el'],
  s390x: ['s390x'],
};

function requireArchitecture({ kernel }: HostFacts, image: ZoneImage): void {
  const known = runsOn[kernel.machine];
  if (image.kind === 'sparse' || known === undefined || known.includes(image.arch)) return;
  throw zoneError(
    'HOST_FEATURE_MISSING',
    `image "${image.name}" is for ${image.arch}, this host is ${kernel.machine}`,
    {
      hint: `Build or import the image for one of: ${known.join(', ')}.`,
      context: { image: image.name, arch: image.arch, machine: kernel.machine },
    },
  );
}
