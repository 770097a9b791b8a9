/** What a zone is, on disk: `zones/NAME/zone.json`. Its presence means that the zone exists. */

import { join } from 'node:path';
import { hasCode, type ZoneError, zoneError } from '../errors/index.js';
import type { SeenFile } from '../helper/index.js';
import { symlink } from '../host/quick-fs.js';
import { nearest, type ZoneSpec } from '../spec/index.js';
import type { IdRange } from './id-register.js';
import { corrupt, isErrno, readJson, type Versioned, writeJson, writeRunTimeFile } from './json-file.js';
import { namesIn } from './names-in.js';
import type { Roots } from './roots.js';
import { zonePaths } from './zone-paths.js';

/** What the zone needs of its image for ever, so that a later image of the same name changes nothing. */
export interface ZoneImage {
  readonly name: string;
  readonly kind: 'layers' | 'sparse';
  /** Digests, topmost first. */
  readonly layers: readonly string[];
  readonly arch: string;
  readonly config: ZoneImageConfig;
}

/** A directory of the host that a sparse zone sees, read-only. */
export interface HostDirectory {
  readonly source: string;
  readonly target: string;
}

export interface ZoneImageConfig {
  readonly entrypoint?: readonly string[] | undefined;
  readonly cmd?: readonly string[] | undefined;
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly user?: string | undefined;
  readonly workdir?: string | undefined;
  readonly init?: 'tiny' | 'none' | 'full' | undefined;
  readonly stopSignal?: number | undefined;
  /** Writable also in a read-only root. */
  readonly volumes?: readonly string[] | undefined;
  /** In the form of `create`'s flags. */
  readonly limits?: Readonly<Record<string, string | number | undefined>> | undefined;
  readonly hostDirs?: readonly HostDirectory[] | undefined;
  /** sparse: the layer that has what its /usr/local began with. */
  readonly localLayer?: string | undefined;
}

/** Where what the zone writes is kept. */
export interface ZoneStorage {
  /** A pool's name. */
  readonly pool: string;
  /** The pool's name for the zone's volume: the zone may be renamed. Of the default pool empty: it lies in the zone's own directory. */
  readonly volume: string;
  /** Frozen layers of that pool between the volume and the image, topmost first. */
  readonly layers: readonly string[];
}

export interface ZoneRecord extends Versioned {
  readonly version: 1;
  readonly spec: ZoneSpec;
  readonly image: ZoneImage;
  readonly ids: IdRange;
  /** Absent: `rootfs` in the zone's own directory, directly above the image. */
  readonly storage?: ZoneStorage | undefined;
  /** 32 hex digits, machine-id(5). */
  readonly machineId: string;
  /** A clone whose machine id and ssh host keys are still those of its source: they are written when its volume is mounted first. */
  readonly identityDue?: true | undefined;
  readonly createdAtMs: number;
  /** "A user stopped it" is remembered, so that `unless-stopped` and `autostart last` mean what they say. */
  readonly stoppedByUser: boolean;
  /** It was prepared for whoever claims a zone of this image next. */
  readonly spareOf?: string | undefined;
  /** Automatic restarts since the last start by a user. */
  readonly restarts: number;
}

/** @throws ZONE_NOT_FOUND with the nearest name */
export async function readZone(roots: Roots, name: string): Promise<ZoneRecord> {
  const record = await findZone(roots, name);
  if (record !== undefined) return record;
  const near = nearest(name, await zoneNames(roots));
  throw zoneError('ZONE_NOT_FOUND', `zone "${name}" does not exist`, {
    hint:
      near === undefined
        ? 'See "tszone list" for the zones that there are.'
        : `Did you mean "${near}"? See "tszone list".`,
    context: { zone: name, ...(near === undefined ? {} : { nearest: near }) },
  });
}

/**
 * Its name is that of its directory: a rename that was interrupted may not have come to the record.
 *
 * @throws STATE_CORRUPT, STATE_TOO_NEW there is a zone, but what it is cannot be told
 */
export async function findZone(roots: Roots, name: string, seen?: SeenFile): Promise<ZoneRecord | undefined> {
  const path = zonePaths(roots, name).record;
  const record = await readJson<ZoneRecord>(path, 1, seen);
  if (record === undefined) return undefined;
  if (!isWhole(record)) throw corrupt(path, 'is no record of a zone');
  // Of a thousand that are listed, none is copied.
  if (record.spec.name === name && laterNames.every((field) => field in record.spec)) return record;
  return { ...record, spec: { ...laterFields, ...record.spec, name } };
}

/** Of records that were written before there were these. */
const laterFields = {
  userns: { kind: 'auto' },
  privileged: false,
  nesting: false,
  sysctl: {},
  device: [],
  seccomp: 'default',
} as const;
const laterNames = Object.keys(laterFields);

/** What everything else counts on; a file that was cut or edited lacks it. */
function isWhole({ spec, image, ids }: Partial<ZoneRecord>): boolean {
  return typeof spec?.name === 'string' && Array.isArray(image?.layers) && typeof ids?.base === 'number';
}

/** Call with the zone's lock held. */
export async function writeZone(roots: Roots, record: ZoneRecord): Promise<void> {
  const { record: path, runRecord } = zonePaths(roots, record.spec.name);
  if (!record.spec.ephemeral) return writeJson(path, record);
  await writeRunTimeFile(runRecord, JSON.stringify(record));
  await symlink(runRecord, path).catch((error: unknown) => {
    if (!isErrno(error, 'EEXIST')) throw error;
  });
}

/** Of a throw-away zone, which does not exist for anybody until its record is written. */
export async function writeUnseenZone(roots: Roots, record: ZoneRecord): Promise<void> {
  const { record: path, runRecord, unseenRecord } = zonePaths(roots, record.spec.name);
  await writeRunTimeFile(unseenRecord, JSON.stringify(record));
  // What is not there yet costs the least when somebody waits.
  await symlink(runRecord, path);
}

export async function readUnseenZone(roots: Roots, name: string): Promise<ZoneRecord> {
  const path = zonePaths(roots, name).unseenRecord;
  const record = await readJson<ZoneRecord>(path, 1);
  if (record === undefined) throw corrupt(path, 'is not there');
  return record;
}

/** Names of all zones, sorted. A directory without a record is a zone that is being made or deleted: not listed. */
export async function zoneNames(roots: Roots): Promise<readonly string[]> {
  return namesIn(join(roots.root, 'zones'));
}

/** A zone whose record cannot be read. */
export interface UnreadableZone {
  readonly name: string;
  /** STATE_CORRUPT or STATE_TOO_NEW */
  readonly error: ZoneError;
}

/** All zones, sorted by name; those whose record cannot be read apart. */
export async function scanZones(
  roots: Roots,
): Promise<{ readonly records: readonly ZoneRecord[]; readonly unreadable: readonly UnreadableZone[] }> {
  const found = await Promise.all((await zoneNames(roots)).map((name) => readableZone(roots, name)));
  const records = found.filter((one) => one !== undefined && 'spec' in one);
  const unreadable = found.filter((one) => one !== undefined && 'error' in one);
  return { records, unreadable };
}

/** `undefined`: it is being made or deleted. */
export async function readableZone(
  roots: Roots,
  name: string,
  seen?: SeenFile,
): Promise<ZoneRecord | UnreadableZone | undefined> {
  try {
    return await findZone(roots, name, seen);
  } catch (error) {
    if (!hasCode(error, 'STATE_CORRUPT', 'STATE_TOO_NEW')) throw error;
    return { name, error };
  }
}

/** All zones that can be read, sorted by name. Where one that cannot matters, too: scanZones. */
export async function readZones(roots: Roots): Promise<readonly ZoneRecord[]> {
  return (await scanZones(roots)).records;
}
