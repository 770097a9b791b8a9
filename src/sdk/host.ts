/** This machine, as the library shows it. */
import { type Backup, listBackups } from '../operations/backup-list.js';
import { type BackupPruned, type BackupPruneOptions, pruneBackups } from '../operations/backup-prune.js';
import type { RepositoryOptions } from '../operations/backup-repository.js';
import { type BackupRestored, type BackupRestoreOptions, restoreBackup } from '../operations/backup-restore.js';
import { type BackupVerified, verifyBackups } from '../operations/backup-verify.js';
import { type CreateOptions, createZone } from '../operations/create-zone.js';
import { dryRunCreate, dryRunRun } from '../operations/dry-run.js';
import { dryRunBackupRestore, dryRunImport } from '../operations/dry-run-import.js';
import type { Dry, DryRun, MaybeDry, Wet } from '../operations/dry-run-step.js';
import { type HostContext, type HostOptions, openHostContext } from '../operations/host-context.js';
import { type ImportOptions, type ImportResult, importZone } from '../operations/import-zone.js';
import { listZones } from '../operations/list-zones.js';
import type { RunInput } from '../operations/run-input.js';
import { runDetached } from '../operations/run-zone.js';
import type { ZoneSummary } from '../operations/zone-view.js';
import type { ZoneOptions } from '../spec/index.js';
import { readZone } from '../state/index.js';
import { checkKeys, repositoryKeys } from './check-keys.js';
import { Zone } from './zone.js';

/**
 * Opens this host: probes it and finishes what killed commands left.
 *
 * @example
 * const host = await openHost();
 * await using zone = await host.run({ image: 'busybox', memory: '64M' });
 * const { stdout } = await zone.exec(['hostname']);
 * @throws NOT_ROOT, STATE_TOO_NEW, STATE_CORRUPT, RESOURCE_DISK_FULL
 */
export async function openHost(options: HostOptions = {}): Promise<Host> {
  checkKeys('openHost', options, ['root', 'runRoot']);
  return new Host(await openHostContext(options));
}

export class Host {
  /** What the operations take; for those that have no method here. */
  readonly context: HostContext;

  constructor(context: HostContext) {
    this.context = context;
  }

  /** Makes a zone; it is not started. @throws SPEC_INVALID, ZONE_EXISTS, IMAGE_NOT_FOUND, RESOURCE_DISK_FULL */
  create(spec: ZoneOptions, options?: Wet<CreateOptions>): Promise<Zone>;
  /** What would be done with an image that is there. @throws as the real one, before it makes anything */
  create(spec: ZoneOptions, options: Dry): Promise<DryRun>;
  async create(spec: ZoneOptions, { dryRun, ...options }: CreateOptions & MaybeDry = {}): Promise<Zone | DryRun> {
    if (dryRun === true) return dryRunCreate(this.context, spec);
    const { spec: made } = await createZone(this.context, spec, options);
    return new Zone(this.context, made.name, false);
  }

  /**
   * Makes and starts a zone, detached; a name is generated if none is given. `await using` deletes it.
   *
   * @throws as create and start
   */
  run(spec: RunInput, options?: Wet<CreateOptions>): Promise<Zone>;
  /** What would be done with an image that is there. @throws as the real one, before it makes anything */
  run(spec: RunInput, options: Dry): Promise<DryRun>;
  async run(spec: RunInput, { dryRun, ...options }: CreateOptions & MaybeDry = {}): Promise<Zone | DryRun> {
    if (dryRun === true) return dryRunRun(this.context, spec);
    const { name } = await runDetached(this.context, spec, options);
    return new Zone(this.context, name, true);
  }

  /**
   * Makes a zone of what `zone.export` has written, from a path or a descriptor of this process. It is not started.
   *
   * @throws EXPORT_INVALID, EXPORT_UNTRUSTED, ZONE_EXISTS, PATH_NOT_FOUND, RESOURCE_DISK_FULL
   */
  import(source: string | number, options?: Wet<Omit<ImportOptions, 'source'>>): Promise<ImportResult>;
  /** Reads the head of the archive, and says what would be done. @throws as the real one, before it makes anything */
  import(source: string | number, options: Omit<ImportOptions, 'source'> & Dry): Promise<DryRun>;
  async import(
    source: string | number,
    { dryRun, ...options }: Omit<ImportOptions, 'source'> & MaybeDry = {},
  ): Promise<ImportResult | DryRun> {
    checkKeys('import', options, [
      'dryRun',
      'name',
      'keepIdentity',
      'pool',
      'trust',
      'progress',
      'signal',
      'timeoutMs',
    ]);
    return (dryRun === true ? dryRunImport : importZone)(this.context, { ...options, source });
  }

  /** What `zone.backup` has put into a repository, the oldest first. @throws BACKUP_REPOSITORY_NOT_FOUND, BACKUP_PASSWORD_WRONG */
  backups(options: RepositoryOptions & { readonly zone?: string }): Promise<Backup[]> {
    checkKeys('backups', options, [...repositoryKeys, 'zone']);
    return listBackups(this.context, options);
  }

  /** Makes a zone of a backup. It is not started. @throws BACKUP_NOT_FOUND, BACKUP_DAMAGED; as import */
  restoreBackup(options: Wet<BackupRestoreOptions>): Promise<BackupRestored>;
  /** Reads the head of the backup, and says what would be done. @throws as the real one, before it makes anything */
  restoreBackup(options: BackupRestoreOptions & Dry): Promise<DryRun>;
  async restoreBackup({ dryRun, ...options }: BackupRestoreOptions & MaybeDry): Promise<BackupRestored | DryRun> {
    const own = ['dryRun', 'backup', 'name', 'keepIdentity', 'pool', 'trust', 'progress'];
    checkKeys('restoreBackup', options, [...repositoryKeys, ...own]);
    return (dryRun === true ? dryRunBackupRestore : restoreBackup)(this.context, options);
  }

  /** Whether a repository is whole; `readData` looks at every byte. @throws BACKUP_DAMAGED */
  verifyBackups(options: RepositoryOptions & { readonly readData?: boolean }): Promise<BackupVerified> {
    checkKeys('verifyBackups', options, [...repositoryKeys, 'readData']);
    return verifyBackups(this.context, options);
  }

  /** Removes what a policy (`{ daily: 7 }`) does not keep. @throws BACKUP_REPOSITORY_NOT_FOUND, LOCK_BUSY */
  pruneBackups(options: BackupPruneOptions): Promise<BackupPruned> {
    checkKeys('pruneBackups', options, [...repositoryKeys, 'keep', 'dryRun']);
    return pruneBackups(this.context, options);
  }

  /** A zone that exists. @throws ZONE_NOT_FOUND */
  async zone(name: string): Promise<Zone> {
    await readZone(this.context.roots, name);
    return new Zone(this.context, name, false);
  }

  /** All zones, sorted by name. */
  list(): Promise<ZoneSummary[]> {
    return listZones(this.context);
  }
}
