/**
 * What a zone is made of, told by what the kernel marks changes with: inode numbers and times of change, which nobody in a zone can
 * set. No file is opened (decision 0032).
 */
import { createHash } from 'node:crypto';
import { text } from 'node:stream/consumers';
import { zoneError } from '../errors/index.js';
import { runTool } from '../helper/index.js';
import { readZone, zoneLeases, zonePaths } from '../state/index.js';
import { layerDriverOf } from '../storage/index.js';
import { makeManifest } from './export-manifest.js';
import type { HostContext } from './host-context.js';
import { lockZone, type OperationOptions } from './zone-lock.js';
import { isZoneRunning, partsOf } from './zone-parts.js';
import { planOpen, volumeOf, type ZoneVolume } from './zone-storage.js';

interface TreeState {
  readonly hash: string;
  readonly entries: number;
  /** Whatever is changed from now on is marked with another time. */
  readonly settled: boolean;
}

export interface ZoneState {
  readonly isRunning: boolean;
  /** Frozen, topmost first. */
  readonly layers: readonly string[];
  /** What is not in any layer. */
  readonly own: TreeState;
  /** What a sparse zone has in /usr/local. */
  readonly local: TreeState | undefined;
  /** Of all of it, and of the zone's settings. */
  readonly key: string;
}

export const isSettled = ({ own, local }: ZoneState): boolean => own.settled && local?.settled !== false;

/**
 * Frozen layers and those of images never change, so that their names are enough.
 *
 * @param willBeKnown it is to be compared with a later one: what a running zone has mapped goes to disk first, so that its changes are marked, too
 * @returns `undefined` if it cannot be told without more ado
 */
export async function lookAtState(
  host: HostContext,
  zone: string,
  { willBeKnown }: { readonly willBeKnown: boolean },
  options: OperationOptions,
): Promise<ZoneState | undefined> {
  await using _lock = await lockZone(host, zone, options);
  return await stateOf(host, zone, willBeKnown);
}

/** The same; call with the zone's lock held, or if nothing is made of it. */
export async function stateOf(host: HostContext, zone: string, willBeKnown: boolean): Promise<ZoneState | undefined> {
  const { roots } = host;
  const record = await readZone(roots, zone);
  const isRunning = await isZoneRunning(host, zone);
  const parts = await partsOf(host, record);
  const place = await volumeOf(roots, record);
  const { layers } = place;
  const directories = parts.flatMap((part) => part.directories);
  const sync = willBeKnown && isRunning;
  // Not mounted while the zone is stopped: then it is known only whether there is anything in it.
  const isClosed = !isRunning && planOpen(place).prepare.length > 0;
  const own = isClosed ? await closedState(place) : await treeState(directories[0], sync);
  if (own === undefined) return undefined;
  const local = record.image.kind === 'sparse' ? await treeState(zonePaths(roots, zone).local, sync) : undefined;
  const { createdAt: _at, ...what } = makeManifest({
    record,
    leases: await zoneLeases(roots, zone),
    running: false,
    parts: local === undefined ? ['rootfs'] : ['rootfs', 'local'],
    sizeBytes: 0,
    entries: 0,
  });
  const key = sha256(JSON.stringify({ what, directories, own: own.hash, local: local?.hash }));
  return { isRunning, layers, own, local, key };
}

const sha256 = (data: string) => createHash('sha256').update(data).digest('hex');

async function closedState({ pool, volume, layers }: ZoneVolume): Promise<TreeState | undefined> {
  const isUntouched = await layerDriverOf(pool).isUntouched(pool, volume, layers);
  return isUntouched ? { hash: 'untouched', entries: 1, settled: true } : undefined;
}

/** @throws KERNEL_STEP_FAILED */
async function treeState(directory = '', sync = false): Promise<TreeState> {
  const args = ['--root', directory, '--changes', ...(sync ? ['--sync'] : [])];
  const tool = runTool('list', args, { stdout: 'pipe', stderr: 'pipe' });
  if (tool.stdout === null || tool.stderr === null) throw new Error('no pipes');
  const hash = createHash('sha256');
  tool.stdout.on('data', (chunk: Buffer) => hash.update(chunk));
  const [said, status] = await Promise.all([text(tool.stderr), tool.exited]);
  if (status === 0) return { ...(JSON.parse(said) as Omit<TreeState, 'hash'>), hash: hash.digest('hex') };
  throw zoneError('KERNEL_STEP_FAILED', `"${directory}" cannot be looked at`, {
    hint: 'Check the file system and the kernel log (dmesg), then repeat the command.',
    context: { step: 'backup', path: directory, status, said },
  });
}
