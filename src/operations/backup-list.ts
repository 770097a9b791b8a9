/** `backup list`: which backups a repository has. Whoever can write to it may have written anything. */
import { zoneError } from '../errors/index.js';
import { nearest } from '../spec/index.js';
import { namePattern } from '../spec/names.js';
import { describeRepository, type Repository, type RepositoryOptions, runRestic } from './backup-repository.js';
import type { HostContext } from './host-context.js';

export interface Backup {
  /** restic's, short. */
  readonly id: string;
  readonly zone: string;
  /** ISO 8601, UTC. */
  readonly createdAt: string;
  /** The machine that it was made on. */
  readonly host: string;
  readonly comment?: string;
  /** Of all files, as they were counted before. */
  readonly sizeBytes?: number;
  /** The id of the backup that has all of it: nothing had changed since. */
  readonly sameAs?: string;
}

const idPattern = /^[0-9a-f]{8}$/;

/** By this tag ours are told from others in the repository. */
const ownTag = 'tszone';

/** A tag may have no comma. */
export function backupTags(zone: string, sizeBytes: number, comment?: string, sameAs?: string): string {
  const said = comment === undefined ? [] : [`comment=${encodeURIComponent(comment)}`];
  const same = sameAs === undefined ? [] : [`same=${sameAs}`];
  return [ownTag, `zone=${zone}`, `size=${sizeBytes}`, ...same, ...said].join(',');
}

/** The archive's name in the repository. */
export const archiveOf = (zone: string): string => `/${zone}.tar`;
/** In place of it, if nothing has changed since another backup. */
export const sameOf = (zone: string): string => `/${zone}.same`;

/** The oldest first. @throws BACKUP_REPOSITORY_NOT_FOUND, BACKUP_PASSWORD_MISSING, BACKUP_PASSWORD_WRONG, HOST_TOOL_MISSING */
export async function listBackups(
  host: Pick<HostContext, 'roots'>,
  options: RepositoryOptions & { readonly zone?: string | undefined },
): Promise<Backup[]> {
  const backups = await readBackups(await describeRepository(host, options));
  return options.zone === undefined ? backups : backups.filter(({ zone }) => zone === options.zone);
}

export async function readBackups(repository: Repository): Promise<Backup[]> {
  return parseBackups(await runRestic(repository, ['snapshots', '--json', '--no-lock', '--tag', ownTag]));
}

/** Pure. */
export function parseBackups(json: string): Backup[] {
  const found: unknown = JSON.parse(json) ?? [];
  const backups = Array.isArray(found) ? found.flatMap((one: unknown) => parseOne(one)) : [];
  return backups.sort((a, b) => (a.createdAt < b.createdAt ? -1 : 1));
}

interface Listed {
  readonly short_id: string;
  readonly time: string;
  readonly hostname: string;
  readonly tags: readonly string[];
  readonly paths: readonly string[];
}

function parseOne(one: unknown): Backup[] {
  const { short_id: id, time, hostname, tags, paths } = one as Partial<Listed>;
  const at = new Date(String(time));
  if (!idPattern.test(String(id)) || Number.isNaN(at.getTime()) || !Array.isArray(tags)) return [];
  const tag = (name: string) =>
    tags
      .map(String)
      .find((text) => text.startsWith(`${name}=`))
      ?.slice(name.length + 1);
  const zone = tag('zone') ?? '';
  const same = tag('same');
  if (!namePattern.test(zone) || !Array.isArray(paths)) return [];
  if (same === undefined ? paths[0] !== archiveOf(zone) : paths[0] !== sameOf(zone) || !idPattern.test(same)) return [];
  const comment = decoded(tag('comment'));
  const size = Number(tag('size'));
  return [
    {
      id: String(id),
      zone,
      createdAt: at.toISOString(),
      host: String(hostname),
      ...(comment === undefined ? {} : { comment }),
      ...(Number.isSafeInteger(size) ? { sizeBytes: size } : {}),
      ...(same === undefined ? {} : { sameAs: same }),
    },
  ];
}

function decoded(text: string | undefined): string | undefined {
  try {
    return text === undefined ? undefined : decodeURIComponent(text);
  } catch {
    return text;
  }
}

/**
 * An id, or at least eight digits of it; or ZONE, ZONE@latest: the newest one, that of this machine if it has any. Pure.
 *
 * @throws BACKUP_NOT_FOUND
 */
export function chooseBackup(backups: readonly Backup[], wanted: string, machine: string): Backup {
  const byId = /^[0-9a-f]{8,64}$/.test(wanted) ? backups.find(({ id }) => wanted.startsWith(id)) : undefined;
  const name = wanted.replace(/@latest$/, '');
  const ofZone = backups.filter(({ zone }) => zone === name);
  const found = byId ?? ofZone.findLast(({ host }) => host === machine) ?? ofZone.at(-1);
  if (found !== undefined) return found;
  const near = nearest(name, [...new Set(backups.map(({ zone }) => zone))]);
  throw zoneError('BACKUP_NOT_FOUND', `the repository has no backup "${wanted}"`, {
    hint: `${near === undefined ? '' : `Did you mean "${near}"? `}See "tszone backup list REPO" for those that there are; write ID, ZONE or ZONE@latest.`,
    context: { backup: wanted },
  });
}

/** The one that has the files: itself, or the one that it is the same as. Pure. @throws BACKUP_DAMAGED that is not there */
export function baseOf(backups: readonly Backup[], backup: Backup): Backup {
  const { id, zone, sameAs } = backup;
  if (sameAs === undefined) return backup;
  const base = backups.find((one) => one.id === sameAs && one.zone === zone && one.sameAs === undefined);
  if (base !== undefined) return base;
  throw zoneError('BACKUP_DAMAGED', `backup "${id}" of zone "${zone}" is the same as "${sameAs}", which is not there`, {
    hint: 'It was removed by other means than "tszone backup prune". See "tszone backup list REPO" for other backups.',
    context: { backup: id, sameAs },
  });
}
