/** What a snapshot is, on disk: `zones/ZONE/snapshots/NAME.json`. Its presence means that the snapshot exists. */
import { zoneError } from '../errors/index.js';
import { nearest, type ZoneSpec } from '../spec/index.js';
import { corrupt, makeStateDirectory, readJson, type Versioned, writeJson } from './json-file.js';
import { namesIn } from './names-in.js';
import type { Roots } from './roots.js';
import { zonePaths } from './zone-paths.js';
import type { ZoneImage } from './zones.js';

export interface SnapshotRecord extends Versioned {
  readonly version: 1;
  /** Of its own for ever, whatever the zone is called. */
  readonly id: string;
  readonly name: string;
  /** A user has thought of the name: it does not go because of the zone's policy. */
  readonly isNamed: boolean;
  readonly comment?: string | undefined;
  readonly createdAtMs: number;
  /** From then on the next command on the zone's snapshots removes it. */
  readonly expiresAtMs?: number | undefined;
  /** A pool's name. */
  readonly pool: string;
  /** Frozen layers, topmost first. */
  readonly layers: readonly string[];
  /** The topmost one is a copy of what a running zone had written. */
  readonly isCopy: boolean;
  /** The directory of `localOf` holds a sparse zone's /usr/local. */
  readonly hasLocal: boolean;
  /** What the zone was. */
  readonly spec: ZoneSpec;
  readonly image: ZoneImage;
  readonly machineId: string;
  readonly wasRunning: boolean;
  /** How long a running zone stood still. */
  readonly frozenMs?: number | undefined;
  readonly copiedBytes: number;
}

const fileOf = (roots: Roots, zone: string, name: string) => `${zonePaths(roots, zone).snapshots}/${name}.json`;

/** What of a snapshot lies in no layer. */
export const extrasOf = (roots: Roots, zone: string, { id }: Pick<SnapshotRecord, 'id'>): string =>
  `${zonePaths(roots, zone).snapshots}/${id}.extras`;

export const snapshotPaths = (roots: Roots, zone: string, snapshot: Pick<SnapshotRecord, 'id' | 'name'>): string[] => [
  fileOf(roots, zone, snapshot.name),
  extrasOf(roots, zone, snapshot),
];

/** @throws STATE_CORRUPT, STATE_TOO_NEW */
export async function findSnapshot(roots: Roots, zone: string, name: string): Promise<SnapshotRecord | undefined> {
  const path = fileOf(roots, zone, name);
  const record = await readJson<SnapshotRecord>(path, 1);
  if (record === undefined) return undefined;
  if (!Array.isArray(record.layers) || typeof record.spec?.name !== 'string')
    throw corrupt(path, 'is no record of a snapshot');
  return record;
}

/** @throws SNAPSHOT_NOT_FOUND with the nearest name */
export async function readSnapshot(roots: Roots, zone: string, name: string): Promise<SnapshotRecord> {
  const record = await findSnapshot(roots, zone, name);
  if (record !== undefined) return record;
  const near = nearest(name, await snapshotNames(roots, zone));
  throw zoneError('SNAPSHOT_NOT_FOUND', `zone "${zone}" has no snapshot "${name}"`, {
    hint:
      near === undefined
        ? `See "tszone snapshot list ${zone}" for those that there are.`
        : `Did you mean "${zone}@${near}"? See "tszone snapshot list ${zone}".`,
    context: { zone, snapshot: name, ...(near === undefined ? {} : { nearest: `${zone}@${near}` }) },
  });
}

/** Of a zone, sorted. */
export async function snapshotNames(roots: Roots, zone: string): Promise<string[]> {
  const files = await namesIn(zonePaths(roots, zone).snapshots);
  return files.filter((file) => file.endsWith('.json') && !file.startsWith('.')).map((file) => file.slice(0, -5));
}

/** Of a zone, the oldest first. @throws STATE_CORRUPT, STATE_TOO_NEW */
export async function readSnapshots(roots: Roots, zone: string): Promise<SnapshotRecord[]> {
  const names = await snapshotNames(roots, zone);
  const found = await Promise.all(names.map((name) => findSnapshot(roots, zone, name)));
  return found
    .filter((record) => record !== undefined)
    .sort((a, b) => a.createdAtMs - b.createdAtMs || (a.name < b.name ? -1 : 1));
}

/** Call with the zone's lock held. */
export async function writeSnapshot(roots: Roots, zone: string, record: SnapshotRecord): Promise<void> {
  await makeStateDirectory(zonePaths(roots, zone).snapshots);
  await writeJson(fileOf(roots, zone, record.name), record);
}
