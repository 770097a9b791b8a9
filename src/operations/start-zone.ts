/** `start`: from a record on disk to a running zone. */

import { statSync } from 'node:fs';
import {
  type EnterOp,
  encodePlan,
  type HelperSession,
  type LaunchStdioTriple,
  launchSession,
} from '../helper/index.js';
import { rm } from '../host/quick-fs.js';
import { vethForHelper } from '../netif/index.js';
import { planStart, type ZonePlan } from '../plan/index.js';
import type { HostOpBase } from '../spec/index.js';
import { claimIds, readZone, writeRunTimeFile, writeZone, type ZoneRecord, zonePaths } from '../state/index.js';
import { boundary } from './boundaries.js';
import { causeOf } from './cause-of.js';
import { requireFullInit } from './full-init.js';
import type { HostContext } from './host-context.js';
import { onExitCommand, onGoCommand } from './on-exit-command.js';
import { digestOf, findPrepared, goIfPrepared } from './prepare-zone.js';
import { settleZone } from './settle-zone.js';
import { runTransaction } from './transaction.js';
import { deviceNotes, resolveDevices, type ZoneDevice } from './zone-devices.js';
import { planZoneFiles } from './zone-files.js';
import { planZoneFilter } from './zone-filter.js';
import { lockZone, type OperationOptions } from './zone-lock.js';
import { attachNetworks, type InterfaceSource } from './zone-network.js';
import { type LaunchRecord, zoneRunningError } from './zone-ref.js';

export interface StartOptions extends OperationOptions {
  /** log: detached · relay: the caller's stdin, stdout, stderr · pty: a terminal, reached through the monitor's socket. */
  readonly stdio?: 'log' | 'relay' | 'pty';
  readonly winsize?: { readonly rows: number; readonly columns: number } | undefined;
  /** Called between "everything is prepared" and "go": to attach before the first byte is written. */
  readonly beforeGo?: ((session: HelperSession) => Promise<void>) | undefined;
  /** Attached: what follows the zone's end is the caller's, as long as it lives. */
  readonly claim?: boolean | undefined;
  /** With relay: the helper's own descriptors, if they are not to be the caller's. */
  readonly fds?: readonly ['pipe', 'pipe', 'pipe'] | LaunchStdioTriple | undefined;
  /** Everything but the first exec: see prepareZone. */
  readonly hold?: boolean | undefined;
  /** Leave the zone to its monitor once it runs. */
  readonly detach?: boolean;
  /** Internal: a dry run leases nothing. */
  readonly interfaceSource?: InterfaceSource | undefined;
  /** Internal: kept by the restart policy. */
  readonly restarts?: number;
}

export interface StartResult {
  readonly name: string;
  /** Host pid of the zone's pid 1. */
  readonly pid: number;
  /** Sentences that a user should read. */
  readonly notes: readonly string[];
}

/**
 * Starts the zone and leaves it to its monitor.
 *
 * @throws ZONE_NOT_FOUND, ZONE_RUNNING, LOCK_BUSY, CGROUP_CONTROLLER_MISSING, KERNEL_STEP_FAILED, PORT_IN_USE, …
 */
export async function startZone(host: HostContext, name: string, options: StartOptions = {}): Promise<StartResult> {
  await using _lock = await lockZone(host, name, options);
  const released = await releasePrepared(host, await readZone(host.roots, name));
  if (released !== undefined) return { name, pid: released, notes: [] };
  const { pid, notes } = await launchLocked(host, name, { ...options, detach: true });
  return { name, pid, notes };
}

/** What a start records of its own; a spare that runs is somebody's. */
const begun = { stoppedByUser: false, restarts: 0, spareOf: undefined } as const;

async function releasePrepared(host: HostContext, record: ZoneRecord): Promise<number | undefined> {
  const pid = await goIfPrepared(host, record);
  if (pid === undefined) return undefined;
  boundary('start', record.spec.name, 'go');
  const isNews = record.stoppedByUser || record.restarts > 0 || record.spareOf !== undefined;
  if (isNews) await writeZone(host.roots, { ...record, ...begun });
  return pid;
}

/**
 * Does everything that a start does but for the first exec, so that `start` takes a millisecond. Preparing what is prepared
 * already is success; what is changed before the start is prepared anew by it.
 *
 * @throws ZONE_RUNNING, and as startZone
 */
export async function prepareZone(host: HostContext, name: string, options: StartOptions = {}): Promise<StartResult> {
  await using _lock = await lockZone(host, name, options);
  const prepared = await findPrepared(host, await readZone(host.roots, name));
  if (prepared !== undefined) return { name, pid: prepared, notes: [] };
  const { pid, notes } = await launchLocked(host, name, { ...options, hold: true });
  return { name, pid, notes };
}

export interface LaunchedZone {
  readonly session: HelperSession;
  readonly pid: number;
  readonly notes: readonly string[];
}

/** With the helper's session left open: the zone is "attached". Call with its lock held. */
export async function launchLocked(host: HostContext, name: string, options: StartOptions): Promise<LaunchedZone> {
  const found = await readZone(host.roots, name);
  if (!(await settleZone(host.roots, name))) throw zoneRunningError(name);
  const ids = await claimIds(host.roots, name, found.ids, {
    ephemeral: found.spec.ephemeral || undefined,
    ids: found.spec,
  });
  const life = options.hold === true ? {} : { ...begun, restarts: options.restarts ?? 0 };
  const record: ZoneRecord = { ...found, ids, ...life };
  const plan = await planZoneStart(host, record, options);
  if (JSON.stringify(record) !== JSON.stringify(found)) await writeZone(host.roots, record);
  const { session, pid } = await launchPlan(host, name, { plan, options, digest: digestOf(record) });
  return { session, pid, notes: plan.notes };
}

/** The same for a zone that has just been created under the lock: it has no past that could be settled. */
export async function launchCreated(
  host: HostContext,
  record: ZoneRecord,
  options: StartOptions,
): Promise<LaunchedZone> {
  const plan = await planZoneStart(host, record, options);
  const input = { plan, options, digest: digestOf(record), isNew: true, isCovered: record.spec.ephemeral };
  const { session, pid } = await launchPlan(host, record.spec.name, input);
  return { session, pid, notes: plan.notes };
}

export interface ZoneStartPlan extends ZonePlan {
  readonly devices: readonly ZoneDevice[];
}

/** Everything that a start would do, for `--dry-run` too. */
export async function planZoneStart(
  host: HostContext,
  record: ZoneRecord,
  options: StartOptions = {},
): Promise<ZoneStartPlan> {
  if ((record.spec.init ?? record.image.config.init) === 'full') await requireFullInit(host, record);
  const devices = await resolveDevices(host, record.spec.device);
  const plan = planStart({
    ...(await planZoneFiles(host, record)),
    devices,
    network: await attachNetworks(host, record, options.interfaceSource),
    filter: await planZoneFilter(host, record),
    stdio: options.stdio ?? (record.spec.tty ? 'pty' : 'log'),
    winsize: options.winsize,
    onExit: onExitCommand(host, record),
    onGo: onGoCommand(host, record),
    hold: options.hold,
  });
  return { ...plan, notes: [...plan.notes, ...deviceNotes(devices)], devices };
}

/** Prepare, launch, attach, go; all taken back on failure. Call with the zone's lock held. */
export async function launchPlan(
  host: HostContext,
  name: string,
  input: LaunchInput,
): Promise<{ session: HelperSession; pid: number }> {
  const { roots } = host;
  const { plan, options, isCovered } = input;
  const record = async () => {
    await writeLaunch(host, name, input);
    boundary('start', name, 'record launch');
  };
  // Then it is this record that says what a killed start has made.
  if (isCovered === true) await record();
  const transaction = {
    roots,
    isCovered,
    operation: 'start',
    zone: name,
    recovery: 'back',
    completeIfRunning: true,
    place: 'run',
    ...splitPrepare(plan.prepare),
    signal: options.signal,
  } as const;
  return runTransaction(transaction, (applyLater) =>
    launch(name, plan, {
      ...options,
      meanwhile: async () => {
        await applyLater();
        if (isCovered !== true) await record();
        if (isRun(plan)) await writeEntry(host, name, plan);
      },
    }),
  );
}

/**
 * What only the zone's packets need is made while the helper makes the zone. Not with published ports: the helper, if it fails, takes
 * back those of its exit list, so they have to be the zone's by then, and they lie in the table.
 */
function splitPrepare(prepare: readonly HostOpBase[]): { ops: readonly HostOpBase[]; later: readonly HostOpBase[] } {
  const hasPorts = prepare.some(({ op }) => op === 'net.port');
  const isLater = ({ op }: HostOpBase) => !hasPorts && (op === 'net.nft' || op === 'net.forward');
  return { ops: prepare.filter((op) => !isLater(op)), later: prepare.filter(isLater) };
}

interface LaunchInput {
  readonly plan: ZoneStartPlan;
  readonly options: StartOptions;
  readonly digest?: string | undefined;
  /** It has never run: there is nothing of an earlier run. */
  readonly isNew?: boolean | undefined;
  /** A throw-away zone in the making: if this is killed, its delete settles it. */
  readonly isCovered?: boolean | undefined;
}

/** A launch without an end of its own (of a copy) leaves what is known of the zone's last run. */
const isRun = ({ enter }: ZonePlan) => enter.some(({ op }) => op === 'monitor.exit');

async function writeLaunch({ roots }: HostContext, name: string, { plan, digest, isNew }: LaunchInput): Promise<void> {
  const { prepare, entry, devices } = plan;
  const paths = zonePaths(roots, name);
  const stale = isRun(plan) ? [paths.exit, paths.running, paths.restartFailure] : [paths.running, paths.enter];
  if (isNew !== true) await Promise.all(stale.map((path) => rm(path, { force: true })));
  await writeRunTimeFile(
    paths.launch,
    JSON.stringify({ version: 1, prepared: prepare, digest, devices, entry } satisfies LaunchRecord),
  );
}

/** With the state of the zone's record that its lines of `status` were made of. */
async function writeEntry({ roots }: HostContext, name: string, { entryRecord }: ZonePlan): Promise<void> {
  const paths = zonePaths(roots, name);
  const { ino, size, mtimeNs } = statSync(paths.record, { bigint: true });
  const of: EnterOp = { op: 'status.of', file: `${ino}.${size}.${mtimeNs}` };
  await writeRunTimeFile(paths.enter, encodePlan([...entryRecord, of]));
}

interface LaunchOptions extends StartOptions {
  /** What else there is to do before `go`. */
  readonly meanwhile: () => Promise<void>;
}

async function launch(
  name: string,
  plan: ZonePlan,
  options: LaunchOptions,
): Promise<{ session: HelperSession; pid: number }> {
  const own = options.stdio === 'relay' ? 'inherit' : 'ignore';
  const gate = gateOf(options.signal);
  // With what the prepare phase has made: the bridge's index.
  const ops = [...plan.attach.map(vethForHelper), ...plan.enter];
  const session = await launchSession(ops, { stdio: options.fds ?? [own, own, own], signal: gate.signal });
  try {
    await options.meanwhile().catch((error: unknown) => causeOf(session, error));
    return options.hold === true
      ? await hold(name, session)
      : await goThrough(name, session, { options, closeGate: gate.close });
  } catch (error) {
    await session[Symbol.asyncDispose]();
    throw error;
  }
}

/** The helper takes `go` as soon as the zone's namespaces are there: nothing has to be done here in between. */
async function goThrough(
  name: string,
  session: HelperSession,
  { options, closeGate }: { readonly options: StartOptions; readonly closeGate: () => void },
): Promise<{ session: HelperSession; pid: number }> {
  if (options.claim === true) session.claim();
  if (options.beforeGo !== undefined) {
    await session.expect('created');
    await options.beforeGo(session);
    options.signal?.throwIfAborted();
  }
  closeGate();
  session.go();
  boundary('start', name, 'go');
  const { pid } = await session.expect('created');
  boundary('start', name, 'created');
  await session.expect('started');
  boundary('start', name, 'started');
  if (options.detach === true) session.detach();
  return { session, pid };
}

async function hold(name: string, session: HelperSession): Promise<{ session: HelperSession; pid: number }> {
  session.hold();
  boundary('start', name, 'hold');
  const { pid } = await session.expect('created');
  boundary('start', name, 'created');
  await session.expect('held');
  boundary('start', name, 'held');
  session.detach();
  return { session, pid };
}

/** An abort counts until `go`; after it the zone starts within milliseconds, and an end of it would be a stop. */
function gateOf(signal: AbortSignal | undefined): { signal: AbortSignal; close: () => void } {
  const gate = new AbortController();
  const abort = () => gate.abort(signal?.reason);
  signal?.addEventListener('abort', abort, { once: true });
  return { signal: gate.signal, close: () => signal?.removeEventListener('abort', abort) };
}
