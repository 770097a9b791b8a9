/** Does and undoes state ops. */

import { existsSync, lstatSync } from 'node:fs';
import { dirname } from 'node:path';
import { hasCode, zoneError } from '../errors/index.js';
import { chmod, mkdir, rename, rm, rmdir } from '../host/quick-fs.js';
import { formatUserns, type HostOpHandler, hasHostIds, idCount, type ZoneSpec } from '../spec/index.js';
import { leaseIds, releaseIds, renameIds, type WantedIds } from './id-register.js';
import { diskFull, isErrno, syncDirectory } from './json-file.js';
import { mountsBelow } from './mounts.js';
import { leaseAddresses, releaseAddresses, renameLeases } from './networks.js';
import type { StateOp } from './ops.js';
import { removePool, specInPool, writePool } from './pools.js';
import { withReserve } from './reserve.js';
import type { Roots } from './roots.js';
import { writeSnapshot } from './snapshots.js';
import { zonePaths } from './zone-paths.js';
import { findZone, writeUnseenZone, writeZone } from './zones.js';

type Step<Op extends StateOp['op']> = (op: Extract<StateOp, { op: Op }>) => Promise<void>;
type Steps = { readonly [Op in StateOp['op']]: Step<Op> };

const nothing = async () => {};

const applySteps: Steps = {
  'state.mkdir': async ({ path, mode }) => {
    await mkdir(path, { recursive: true, mode }).catch((error: unknown) => {
      throw diskFull(error, path);
    });
    // What the caller's umask took away: a zone's root has to be open to its users.
    if ((mode & process.umask()) !== 0) await chmod(path, mode);
  },
  'state.remove': ({ path }) => removeTree(path),
  'state.ids-lease': async ({ roots, zone, ephemeral, ids }) => {
    await leaseIds(roots, zone, { ephemeral, ids });
  },
  'state.ids-release': ({ roots, zone }) => releaseIds(roots, zone),
  'state.addresses-lease': async ({ roots, zone, interfaces, ephemeral }) => {
    for (const { network, name, ip, ip6, mac } of interfaces) {
      await leaseAddresses(roots, network, zone, { interfaceName: name, ip, ip6, mac, ephemeral });
    }
  },
  'state.addresses-release': ({ roots, zone }) => releaseAddresses(roots, zone),
  'state.zone-write': async ({ roots, record, unseen }) => {
    const write = unseen === true ? writeUnseenZone : writeZone;
    await write(roots, { ...record, ids: await leaseIds(roots, record.spec.name, { ids: record.spec }) });
  },
  'state.zone-stopped': nothing,
  'state.zone-rename': ({ roots, from, to }) => renameDirectory(roots, from, to),
  'state.ids-rename': ({ roots, from, to }) => renameIds(roots, from, to),
  'state.addresses-rename': ({ roots, from, to }) => renameLeases(roots, from, to),
  'state.record-rename': ({ roots, to }) => renameRecord(roots, to),
  'state.zone-save': ({ roots, record }) => writeZone(roots, record),
  'state.snapshot-save': ({ roots, zone, record }) => writeSnapshot(roots, zone, record),
  'state.pool-write': ({ roots, record }) => writePool(roots, record),
  'state.pool-forget': ({ roots, name }) => removePool(roots, name),
  'state.zone-storage': async ({ roots, zone, storage, like }) => {
    const record = await findZone(roots, zone);
    if (record === undefined) return;
    const { name, ephemeral } = record.spec;
    const spec = specInPool({ ...(like?.spec ?? record.spec), name, ephemeral }, storage.pool);
    await writeZone(roots, { ...record, ...like, spec, storage });
  },
  'state.replace': ({ path, by }) => replaceTree(path, by),
};

const undoSteps: Steps = {
  'state.mkdir': ({ path }) => removeTree(path),
  'state.remove': nothing,
  'state.ids-lease': ({ roots, zone }) => releaseIds(roots, zone),
  'state.ids-release': nothing,
  'state.addresses-lease': ({ roots, zone }) => releaseAddresses(roots, zone),
  'state.addresses-release': nothing,
  'state.zone-write': ({ roots, record }) => removeRecord(roots, record.spec),
  'state.zone-stopped': ({ roots, zone }) => recordStopped(roots, zone),
  'state.zone-rename': nothing,
  'state.ids-rename': nothing,
  'state.addresses-rename': nothing,
  'state.record-rename': nothing,
  'state.zone-save': nothing,
  'state.snapshot-save': nothing,
  'state.pool-write': ({ roots, record }) => removePool(roots, record.name),
  'state.pool-forget': nothing,
  'state.zone-storage': nothing,
  'state.replace': nothing,
};

/** Of a throw-away zone it is a link, and what that leads to has made the zone's run-time directory. */
async function removeRecord(roots: Roots, { name, ephemeral }: ZoneSpec): Promise<void> {
  const { record, runRecord, unseenRecord, run } = zonePaths(roots, name);
  await removeTree(record);
  if (!ephemeral) return;
  await rm(runRecord, { force: true });
  await rm(unseenRecord, { force: true });
  await rmdir(run).catch((error: unknown) => {
    if (!isErrno(error, 'ENOENT', 'ENOTEMPTY')) throw error;
  });
}

/** rm(1) would empty what is mounted in the tree before it came to the mount point, which it cannot remove. */
async function removeTree(path: string): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (found.isDirectory()) await refuseMounts(path);
  try {
    await rm(path, { recursive: true, force: true, maxRetries: 3 });
  } catch (error) {
    if (isErrno(error, 'EBUSY')) await refuseMounts(path);
    throw error;
  }
}

async function replaceTree(path: string, by: string): Promise<void> {
  if (!existsSync(by)) return;
  await removeTree(path);
  await rename(by, path);
  await syncDirectory(dirname(path));
}

async function refuseMounts(path: string): Promise<void> {
  const mounts = await mountsBelow(path);
  const [first] = mounts;
  if (first === undefined) return;
  throw zoneError('ZONE_STATE', `something is mounted at "${first}", so "${path}" cannot be removed`, {
    hint: `Run ${mounts.map((mount) => `umount "${mount}"`).join(' && ')} first, then repeat the command.`,
    context: { path, mounts },
  });
}

/** Where a full disk keeps it from being written, all else of the stop is done nevertheless. */
async function recordStopped(roots: Roots, zone: string): Promise<void> {
  const record = await findZone(roots, zone);
  if (record === undefined || record.stoppedByUser) return;
  await withReserve(roots, () => writeZone(roots, { ...record, stoppedByUser: true })).catch((error: unknown) => {
    if (!hasCode(error, 'RESOURCE_DISK_FULL')) throw error;
  });
}

async function renameDirectory(roots: Roots, from: string, to: string): Promise<void> {
  const target = zonePaths(roots, to).directory;
  await rename(zonePaths(roots, from).directory, target).catch((error: unknown) => {
    if (!isErrno(error, 'ENOENT')) throw error;
  });
  await syncDirectory(dirname(target));
}

async function renameRecord(roots: Roots, to: string): Promise<void> {
  const record = await findZone(roots, to);
  // A spare that has been given a name is somebody's.
  if (record !== undefined) await writeZone(roots, { ...record, spareOf: undefined });
}

function describeLease(zone: string, ids: WantedIds | undefined): string {
  if (ids === undefined) return `lease a range of user ids for zone ${zone}`;
  if (hasHostIds(ids)) return `give zone ${zone} the ids of the host`;
  return ids.userns.kind === 'range'
    ? `lease ids ${formatUserns(ids.userns)} for zone ${zone}`
    : `lease a range of ${idCount(ids)} user ids for zone ${zone}`;
}

const descriptions: { readonly [Op in StateOp['op']]: (op: Extract<StateOp, { op: Op }>) => string } = {
  'state.mkdir': ({ path }) => `make directory ${path}`,
  'state.remove': ({ path }) => `remove ${path}`,
  'state.ids-lease': ({ zone, ids }) => describeLease(zone, ids),
  'state.ids-release': ({ zone }) => `release the user ids of zone ${zone}`,
  'state.addresses-lease': ({ zone }) => `lease addresses for zone ${zone}`,
  'state.addresses-release': ({ zone }) => `release the addresses of zone ${zone}`,
  'state.zone-write': ({ record }) => `record zone ${record.spec.name}`,
  'state.zone-stopped': ({ zone }) => `record that zone ${zone} is to stay stopped`,
  'state.zone-rename': ({ from, to }) => `rename zone ${from} to ${to}`,
  'state.ids-rename': ({ from, to }) => `give the user ids of zone ${from} to ${to}`,
  'state.addresses-rename': ({ from, to }) => `give the addresses of zone ${from} to ${to}`,
  'state.record-rename': ({ to }) => `record the name ${to}`,
  'state.snapshot-save': ({ zone, record }) => `save the record of snapshot ${zone}@${record.name}`,
  'state.zone-save': ({ record }) => `save the record of zone ${record.spec.name}`,
  'state.pool-write': ({ record }) => `record pool ${record.name}`,
  'state.pool-forget': ({ name }) => `forget pool ${name}`,
  'state.zone-storage': ({ zone, storage }) =>
    `record that zone ${zone} is made of ${storage.layers.length} frozen layers`,
  'state.replace': ({ path, by }) => `put ${by} in the place of ${path}`,
};

export const stateHandlers: HostOpHandler<StateOp> = {
  apply: (op) => (applySteps[op.op] as Step<StateOp['op']>)(op),
  undo: (op) => (undoSteps[op.op] as Step<StateOp['op']>)(op),
  describe: (op) => (descriptions[op.op] as (op: StateOp) => string)(op),
};
