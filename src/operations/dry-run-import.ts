/** `--dry-run` of `import` and `backup restore`: only the head of the archive is read. Nothing is changed. */
import { emptyLayer, hasLayer } from '../storage/index.js';
import { openArchive } from './archive-reader.js';
import { describeRepository, withoutTraces } from './backup-repository.js';
import { type BackupRestoreOptions, findBackup, withArchive } from './backup-restore.js';
import { makingSteps } from './dry-run-lease.js';
import { type DryRun, type DryStep, hostSteps, notesOf, plainStep } from './dry-run-step.js';
import type { HostContext } from './host-context.js';
import { checkImport, type DecidedImport, decideImport, type ImportOptions, planImport } from './import-zone.js';
import { planOpen, volumeOf } from './zone-storage.js';

/**
 * What comes through a pipe is read as far as its head, and the pipe closed then.
 *
 * @throws as `importZone`, but for what is found out only by reading on: files that are not what the head says, a disk that is full
 */
export async function dryRunImport(host: HostContext, options: ImportOptions): Promise<DryRun> {
  await using reader = await openArchive(options.source, options.signal);
  const decided = decideImport(host, reader.manifest, options);
  await checkImport(host, decided);
  const { spec } = decided.record;
  const { leftOut } = decided;
  const notes = leftOut.length === 0 ? [] : [`made without: ${leftOut.join(', ')}`];
  const steps = await importSteps(host, decided, options);
  return { operation: 'import', name: spec.name, steps, ...notesOf(notes) };
}

/** Neither a lock nor a cache is written for it. @throws as `restoreBackup`, but for damage that is found out only by reading on */
export async function dryRunBackupRestore(host: HostContext, options: BackupRestoreOptions): Promise<DryRun> {
  const repository = withoutTraces(await describeRepository(host, options));
  const { backup, base } = await findBackup(repository, options.backup);
  const plan = await withArchive(repository, base, options, (source) => dryRunImport(host, { ...options, source }));
  const from = `it is what zone ${backup.zone} was in backup ${backup.id} of ${backup.createdAt}`;
  return { ...plan, operation: 'backup restore', notes: [from, ...(plan.notes ?? [])] };
}

async function importSteps(host: HostContext, decided: DecidedImport, options: ImportOptions): Promise<DryStep[]> {
  const { record, manifest, history } = decided;
  const { spec } = record;
  const place = await volumeOf(host.roots, record);
  const { first, last } = planImport(host, { record, manifest, options, history }, place);
  const { network, steps } = await makingSteps(host, spec, first);
  const along = history === undefined ? '' : ` and ${history.snapshots.length} snapshots`;
  const what = `${manifest.entries} files and directories of ${manifest.sizeBytes} bytes${along}`;
  const keys =
    options.keepIdentity === true
      ? []
      : [plainStep('import.identity', 'put ssh host keys of its own where there are some')];
  const snapshots = (history?.snapshots ?? []).map(({ name }) =>
    plainStep('state.snapshot-write', `record snapshot ${spec.name}@${name}`),
  );
  const empty = (await hasLayer(host.roots, emptyLayer)) ? [] : [plainStep('layer.empty', 'make the empty layer')];
  return [
    ...network,
    ...steps,
    ...hostSteps('prepare', planOpen(place).prepare),
    plainStep('archive.unpack', `unpack ${what} into zone ${spec.name}`),
    ...keys,
    ...snapshots,
    ...empty,
    ...hostSteps('prepare', [last]),
  ];
}
