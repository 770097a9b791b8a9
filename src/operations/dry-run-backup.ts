/** `--dry-run` of `backup create`. Nothing is changed, and no lock or cache is written for it. */
import { randomBytes } from 'node:crypto';
import { requireSnapshotRef } from '../spec/index.js';
import { findSnapshot, readZone, type SnapshotRecord, type ZoneRecord } from '../state/index.js';
import { type BackupOptions, ownSnapshot } from './backup-create.js';
import { findRepository } from './backup-init.js';
import { findSame } from './backup-memory.js';
import { describeRepository, type Repository, withoutTraces } from './backup-repository.js';
import { stateOf } from './backup-state.js';
import { openSteps, previewParts } from './dry-run-archive.js';
import { localSteps, previewFreeze } from './dry-run-freeze.js';
import { expiredSteps } from './dry-run-snapshot.js';
import { type DryRun, type DryStep, hostSteps, plainStep } from './dry-run-step.js';
import type { HostContext } from './host-context.js';
import { checkNewSnapshot } from './snapshot-create.js';
import { planRemoveSnapshots } from './snapshot-delete.js';
import { volumeOf } from './zone-storage.js';

/** @throws as `createBackup`, but for what is found out only by doing it: a disk that is full */
export async function dryRunBackupCreate(host: HostContext, options: BackupOptions): Promise<DryRun> {
  const { zone, snapshot } = requireSnapshotRef(options.zone);
  const repository = withoutTraces(await describeRepository(host, options));
  const record = await readZone(host.roots, zone);
  const plan = (steps: readonly DryStep[]): DryRun => ({ operation: 'backup create', name: options.zone, steps });
  if (snapshot !== undefined) {
    const { open } = await previewParts(host, { zone, snapshot }, false);
    return plan([...open, ...(await storeSteps(repository, options.zone))]);
  }
  const left = await leftOver(host, record);
  const same = await findSame(host, zone, repository, () => stateOf(host, zone, false));
  if (same !== undefined) {
    await findRepository(repository);
    const text = `record in ${repository.name} that zone ${zone} is what it was in backup ${same.id}`;
    return plan([...left, plainStep('backup.same', text)]);
  }
  return plan([...left, ...(await freshSteps(host, record, repository))]);
}

async function storeSteps(repository: Repository, what: string): Promise<DryStep[]> {
  const isThere = await findRepository(repository);
  const make = isThere ? [] : [plainStep('backup.init', `make repository ${repository.name}`)];
  return [...make, plainStep('backup.store', `put into ${repository.name} what zone ${what} is, encrypted`)];
}

/** By way of a snapshot, which goes again. */
async function freshSteps(host: HostContext, record: ZoneRecord, repository: Repository): Promise<DryStep[]> {
  const { roots } = host;
  const zone = record.spec.name;
  const { name } = ownSnapshot;
  await checkNewSnapshot(host, record, undefined);
  const { steps, behind, layers, isCopy } = await previewFreeze(host, record);
  const { pool } = await volumeOf(roots, record);
  const { spec, image, machineId } = record;
  const base = {
    version: 1,
    id: randomBytes(8).toString('hex'),
    name,
    isNamed: true,
    createdAtMs: Date.now(),
  } as const;
  const kept = { pool: pool.name, layers, isCopy, hasLocal: false, wasRunning: false, copiedBytes: 0 };
  const snapshot: SnapshotRecord = { ...base, ...kept, spec, image, machineId };
  return [
    ...steps,
    ...localSteps(record),
    plainStep('state.snapshot-write', `record snapshot ${zone}@${name}, for as long as it is read`),
    ...(await expiredSteps(host, record)),
    ...behind,
    ...(await openSteps(host, pool.name, [layers])),
    ...(await storeSteps(repository, zone)),
    ...hostSteps('prepare', await planRemoveSnapshots(roots, zone, [snapshot])),
    plainStep('state.backup-remember', `note what zone ${zone} was like, where a later change would show`),
  ];
}

/** By a backup that was killed. */
async function leftOver({ roots }: HostContext, { spec }: ZoneRecord): Promise<DryStep[]> {
  const found = await findSnapshot(roots, spec.name, ownSnapshot.name);
  if (found?.comment !== ownSnapshot.comment) return [];
  return hostSteps('prepare', await planRemoveSnapshots(roots, spec.name, [found]));
}
