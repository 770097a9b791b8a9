/** One zone, as the library shows it. */

import type { ImageManifest } from '../images/index.js';
import { type BackupOptions, type BackupResult, createBackup } from '../operations/backup-create.js';
import { type CloneInput, cloneZone } from '../operations/clone-zone.js';
import { copyIn, copyOut } from '../operations/copy-files.js';
import { deleteZone } from '../operations/delete-zone.js';
import { dryRunStart } from '../operations/dry-run.js';
import { dryRunExport, dryRunPublish } from '../operations/dry-run-archive.js';
import { dryRunBackupCreate } from '../operations/dry-run-backup.js';
import { dryRunSet } from '../operations/dry-run-change.js';
import { dryRunClone, dryRunFork } from '../operations/dry-run-clone.js';
import { dryRunDelete, dryRunRestart, dryRunStop } from '../operations/dry-run-end.js';
import type { Dry, DryRun, MaybeDry, Wet } from '../operations/dry-run-step.js';
import { execInZone } from '../operations/exec-in-zone.js';
import { type ExportOptions, type ExportResult, exportZone } from '../operations/export-zone.js';
import { forkZone } from '../operations/fork-zone.js';
import type { HostContext } from '../operations/host-context.js';
import { inspectZone, zoneStatus } from '../operations/inspect-zone.js';
import { listProcesses, type ZoneProcess } from '../operations/list-processes.js';
import { type PublishOptions, publishZone } from '../operations/publish-zone.js';
import { type LogLine, type LogOptions, readLogs } from '../operations/read-logs.js';
import { restartZone } from '../operations/restart-zone.js';
import { changeOf, type SetOptions, type SetResult, setZone } from '../operations/set-zone.js';
import { killZone, pauseZone, resumeZone } from '../operations/signal-zone.js';
import { createSnapshot, type SnapshotInput, type SnapshotResult } from '../operations/snapshot-create.js';
import { deleteSnapshot } from '../operations/snapshot-delete.js';
import { diffSnapshots, type SnapshotDiff } from '../operations/snapshot-diff.js';
import { listSnapshots } from '../operations/snapshot-list.js';
import { type RestoreOptions, type RestoreResult, restoreSnapshot } from '../operations/snapshot-restore.js';
import type { SnapshotView } from '../operations/snapshot-view.js';
import { type StartResult, startZone } from '../operations/start-zone.js';
import { type StopOptions, type StopResult, stopZone } from '../operations/stop-zone.js';
import { type WaitOptions, waitForZone } from '../operations/wait-zone.js';
import type { OperationOptions } from '../operations/zone-lock.js';
import type { ZoneDetails, ZoneStatusView } from '../operations/zone-view.js';
import type { ZoneChange } from '../spec/index.js';
import { checkKeys, repositoryKeys } from './check-keys.js';
import { ExecProcess } from './exec-process.js';

export interface ZoneExecOptions {
  /** Ends the command with everything that it started; the outcome rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** The same after so many milliseconds; the outcome rejects with WAIT_TIMEOUT. */
  readonly timeoutMs?: number | undefined;
  /** Written to the command's stdin, which is then closed. Without it stdin is open until `process.stdin.end()`, if `stdin: 'pipe'`. */
  readonly stdin?: string | Uint8Array | 'pipe' | undefined;
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly cwd?: string | undefined;
  /** NAME, UID, NAME:GROUP or UID:GID of the zone. */
  readonly user?: string | undefined;
  readonly maxOutputBytes?: number | undefined;
}

/** What a clone is made of, and what is to be different. */
export type CloneOptions = Omit<CloneInput, 'source' | 'name'>;

type ForkOptions = CloneOptions & { readonly name?: string | undefined };
interface DeleteChoice {
  /** Stop it first if it runs, and delete its snapshots, too. */
  readonly force?: boolean;
}

const cloneKeys = ['dryRun', 'snapshot', 'keepIdentity', 'ephemeral', 'change'] as const;
const execKeys = ['signal', 'timeoutMs', 'stdin', 'env', 'cwd', 'user', 'maxOutputBytes'] as const;

/** `await using` deletes a zone that came from `host.run`; one that came from `host.zone` or `host.create` stays. */
export class Zone implements AsyncDisposable {
  readonly name: string;
  readonly #host: HostContext;
  readonly #owned: boolean;

  constructor(host: HostContext, name: string, owned: boolean) {
    this.#host = host;
    this.name = name;
    this.#owned = owned;
  }

  /** @throws ZONE_RUNNING, LOCK_BUSY, CGROUP_CONTROLLER_MISSING, KERNEL_STEP_FAILED, PORT_IN_USE */
  start(options?: Wet<OperationOptions>): Promise<StartResult>;
  /** What would be done. @throws as the real one, before it makes anything */
  start(options: Dry): Promise<DryRun>;
  async start({ dryRun, ...options }: OperationOptions & MaybeDry = {}): Promise<StartResult | DryRun> {
    return dryRun === true ? dryRunStart(this.#host, this.name) : startZone(this.#host, this.name, options);
  }

  /** Asks pid 1, waits, kills. A stopped zone is success. @throws ZONE_PROTECTED, LOCK_BUSY */
  stop(options?: Wet<StopOptions>): Promise<StopResult>;
  /** What would be done. @throws as the real one, before it asks anybody */
  stop(options: StopOptions & Dry): Promise<DryRun>;
  async stop({ dryRun, ...options }: StopOptions & MaybeDry = {}): Promise<StopResult | DryRun> {
    return (dryRun === true ? dryRunStop : stopZone)(this.#host, this.name, options);
  }

  /** A stopped zone is started. @throws as stop and start */
  restart(options?: Wet<StopOptions>): Promise<StartResult>;
  /** What would be done. @throws as the real one, before it asks anybody */
  restart(options: StopOptions & Dry): Promise<DryRun>;
  async restart({ dryRun, ...options }: StopOptions & MaybeDry = {}): Promise<StartResult | DryRun> {
    return (dryRun === true ? dryRunRestart : restartZone)(this.#host, this.name, options);
  }

  /** @throws ZONE_RUNNING and ZONE_HAS_SNAPSHOTS without force, ZONE_PROTECTED */
  delete(options?: Wet<DeleteChoice>): Promise<void>;
  /** What would be done. @throws as the real one, before it stops the zone */
  delete(options: DeleteChoice & Dry): Promise<DryRun>;
  async delete({ dryRun, ...options }: DeleteChoice & MaybeDry = {}): Promise<unknown> {
    if (dryRun === true) return dryRunDelete(this.#host, this.name, options);
    await deleteZone(this.#host, this.name, options);
    return undefined;
  }

  /**
   * Runs a command in the zone; it starts at once.
   *
   * @example const { exitCode, stdout } = await zone.exec(['cat', '/etc/os-release']);
   * @throws (when awaited) ZONE_NOT_RUNNING, ZONE_STATE, WAIT_TIMEOUT, the signal's reason
   */
  exec(argv: readonly string[], options: ZoneExecOptions = {}): ExecProcess {
    checkKeys('exec', options, execKeys);
    const { stdin, maxOutputBytes, ...rest } = options;
    const session = execInZone(this.#host, this.name, argv, {
      ...rest,
      stdio: [stdin === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    });
    const process = new ExecProcess(session, maxOutputBytes);
    if (stdin !== undefined && stdin !== 'pipe') process.stdin.end(stdin);
    return process;
  }

  /** To pid 1, or with `all` to every process. */
  kill(signal: number, options: { readonly all?: boolean } = {}): Promise<void> {
    return killZone(this.#host, this.name, { signal, ...options });
  }

  pause(): Promise<void> {
    return pauseZone(this.#host, this.name);
  }

  resume(): Promise<void> {
    return resumeZone(this.#host, this.name);
  }

  /** Limits and devices act at once and are saved; what needs a restart is named in the result. @throws SPEC_INVALID */
  set(change: ZoneChange, options?: Wet<SetOptions>): Promise<SetResult>;
  /** What would be done. @throws as the real one, before it changes anything */
  set(change: ZoneChange, options: SetOptions & Dry): Promise<DryRun>;
  async set(change: ZoneChange, { dryRun, ...options }: SetOptions & MaybeDry = {}): Promise<SetResult | DryRun> {
    return dryRun === true
      ? dryRunSet(this.#host, this.name, changeOf(change), options)
      : setZone(this.#host, this.name, change, options);
  }

  inspect(): Promise<ZoneDetails> {
    return inspectZone(this.#host, this.name);
  }

  /** With what it uses now. */
  status(): Promise<ZoneStatusView> {
    return zoneStatus(this.#host, this.name);
  }

  ps(): Promise<ZoneProcess[]> {
    return listProcesses(this.#host, this.name);
  }

  /** @example for await (const { text } of zone.logs({ follow: true })) console.log(text); */
  logs(options: LogOptions = {}): AsyncIterable<LogLine> {
    return readLogs(this.#host, this.name, options);
  }

  /**
   * Keeps what the zone is now. A running one stands still for an instant only (`frozenMs`).
   *
   * @example const { name } = await zone.snapshot({ comment: 'before the upgrade' });
   * @throws SNAPSHOT_EXISTS, ZONE_STATE, RESOURCE_DISK_FULL
   */
  snapshot(input: SnapshotInput = {}, options: OperationOptions = {}): Promise<SnapshotResult> {
    checkKeys('snapshot', input, ['name', 'comment', 'keepMs']);
    return createSnapshot(this.#host, this.name, input, options);
  }

  /** The oldest first. */
  snapshots(): Promise<SnapshotView[]> {
    return listSnapshots(this.#host, this.name);
  }

  /** Files and settings are what they were; all snapshots stay. @throws SNAPSHOT_NOT_FOUND, ZONE_RUNNING without force */
  restore(snapshot: string, options: RestoreOptions = {}): Promise<RestoreResult> {
    return restoreSnapshot(this.#host, { zone: this.name, snapshot }, options);
  }

  /** What is not there is success. @throws SNAPSHOT_IN_USE */
  async deleteSnapshot(snapshot: string, options: OperationOptions = {}): Promise<void> {
    await deleteSnapshot(this.#host, { zone: this.name, snapshot }, options);
  }

  /** From one snapshot to another, or to the zone as it is. @throws SNAPSHOT_NOT_FOUND */
  diff(from: string, to?: string, options: OperationOptions = {}): Promise<SnapshotDiff> {
    return diffSnapshots(this.#host, { zone: this.name, from, to }, options);
  }

  /**
   * Another zone with the same files: of now, or of a snapshot. It is not started.
   *
   * @example const test = await zone.clone('test', { snapshot: 'before', change: { memory: '256M' } });
   * @throws ZONE_EXISTS, SNAPSHOT_NOT_FOUND, SPEC_INVALID, RESOURCE_DISK_FULL
   */
  clone(name: string, input?: Wet<CloneOptions>, options?: OperationOptions): Promise<Zone>;
  /** What would be done. @throws as the real one, before it makes anything */
  clone(name: string, input: CloneOptions & Dry): Promise<DryRun>;
  async clone(
    name: string,
    { dryRun, ...input }: CloneOptions & MaybeDry = {},
    options: OperationOptions = {},
  ): Promise<Zone | DryRun> {
    checkKeys('clone', input, cloneKeys);
    const wish = { ...input, source: this.name, name };
    if (dryRun === true) return dryRunClone(this.#host, wish);
    await cloneZone(this.#host, wish, options);
    return new Zone(this.#host, name, false);
  }

  /** The same, started; a name is generated if none is given. `await using` deletes it. */
  fork(input?: Wet<ForkOptions>, options?: OperationOptions): Promise<Zone>;
  /** What would be done. @throws as the real one, before it makes anything */
  fork(input: ForkOptions & Dry): Promise<DryRun>;
  async fork(
    { dryRun, ...input }: ForkOptions & MaybeDry = {},
    options: OperationOptions = {},
  ): Promise<Zone | DryRun> {
    checkKeys('fork', input, [...cloneKeys, 'name']);
    const wish = { ...input, source: this.name };
    if (dryRun === true) return dryRunFork(this.#host, wish);
    const { name } = await forkZone(this.#host, wish, options);
    return new Zone(this.#host, name, true);
  }

  wait(options: WaitOptions): Promise<{ status?: number }> {
    return waitForZone(this.#host, this.name, options);
  }

  /** A host file or directory into the zone, which may be stopped. */
  copyIn(hostPath: string, zonePath: string): Promise<void> {
    return copyIn(this.#host, { hostPath, zone: this.name, zonePath });
  }

  /** Out of the zone; links in it are copied, never followed. */
  copyOut(zonePath: string, hostPath: string): Promise<void> {
    return copyOut(this.#host, { hostPath, zone: this.name, zonePath });
  }

  /**
   * One zstd tar stream to a path or a descriptor of this process; `host.import` makes a zone of it.
   *
   * @throws PATH_EXISTS, PATH_NOT_FOUND, RESOURCE_DISK_FULL, HOST_TOOL_MISSING
   */
  export(target: string | number, options?: Wet<Omit<ExportOptions, 'zone' | 'target'>>): Promise<ExportResult>;
  /** What would be done. @throws as the real one, before it writes */
  export(target: string | number, options: Omit<ExportOptions, 'zone' | 'target'> & Dry): Promise<DryRun>;
  async export(
    target: string | number,
    { dryRun, ...options }: Omit<ExportOptions, 'zone' | 'target'> & MaybeDry = {},
  ): Promise<ExportResult | DryRun> {
    checkKeys('export', options, ['dryRun', 'force', 'level', 'snapshots', 'progress', 'signal']);
    return (dryRun === true ? dryRunExport : exportZone)(this.#host, { ...options, zone: this.name, target });
  }

  /**
   * What the zone is now, into a repository of backups; `host.restoreBackup` makes a zone of it.
   *
   * @throws BACKUP_PASSWORD_MISSING, BACKUP_PASSWORD_WRONG, RESOURCE_DISK_FULL, HOST_TOOL_MISSING
   */
  backup(options: Wet<Omit<BackupOptions, 'zone'>>): Promise<BackupResult>;
  /** What would be done. @throws as the real one, before it freezes the zone */
  backup(options: Omit<BackupOptions, 'zone'> & Dry): Promise<DryRun>;
  async backup({ dryRun, ...options }: Omit<BackupOptions, 'zone'> & MaybeDry): Promise<BackupResult | DryRun> {
    checkKeys('backup', options, ['dryRun', ...repositoryKeys, 'comment', 'progress']);
    return (dryRun === true ? dryRunBackupCreate : createBackup)(this.#host, { ...options, zone: this.name });
  }

  /** An image NAME[:TAG] of what the zone is now. @throws IMAGE_EXISTS without force, ZONE_STATE, RESOURCE_DISK_FULL */
  publish(image: string, options?: Wet<Omit<PublishOptions, 'zone' | 'image'>>): Promise<ImageManifest>;
  /** What would be done. @throws as the real one, before it makes anything */
  publish(image: string, options: Omit<PublishOptions, 'zone' | 'image'> & Dry): Promise<DryRun>;
  async publish(
    image: string,
    { dryRun, ...options }: Omit<PublishOptions, 'zone' | 'image'> & MaybeDry = {},
  ): Promise<ImageManifest | DryRun> {
    checkKeys('publish', options, ['dryRun', 'description', 'force', 'progress', 'signal']);
    return (dryRun === true ? dryRunPublish : publishZone)(this.#host, { ...options, zone: this.name, image });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#owned) await deleteZone(this.#host, this.name, { force: true });
  }
}
