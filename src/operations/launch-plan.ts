/** From the plan of a start to a process that runs, or waits to: the host's part, the helper, `go`; all taken back on failure. */
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
import type { ZonePlan } from '../plan/index.js';
import type { HostOpBase } from '../spec/index.js';
import { writeRunTimeFile, type ZoneRecord, zonePaths } from '../state/index.js';
import { boundary } from './boundaries.js';
import { causeOf } from './cause-of.js';
import type { HostContext } from './host-context.js';
import { runTransaction } from './transaction.js';
import type { ZoneDevice } from './zone-devices.js';
import type { FeasibleParts } from './zone-files.js';
import type { OperationOptions } from './zone-lock.js';
import type { InterfaceSource } from './zone-network.js';
import type { LaunchRecord } from './zone-ref.js';

export interface StartOptions extends OperationOptions {
  /** log: detached · relay: the caller's stdin, stdout, stderr · pty: a terminal, reached through the monitor's socket. */
  readonly stdio?: 'log' | 'relay' | 'pty';
  readonly winsize?: { readonly rows: number; readonly columns: number } | undefined;
  /** Called between "everything is prepared" and "go": to attach before the first byte is written. */
  readonly beforeGo?: ((session: HelperSession, plan: ZoneStartPlan) => Promise<void>) | undefined;
  /** Called with `go`: from then on a signal is for what runs in the zone. */
  readonly onGo?: (() => void) | undefined;
  /** All is made but what the zone runs, which `beforeGo` tells the session's helper. */
  readonly late?: boolean | undefined;
  /** Attached: what follows the zone's end is the caller's, as long as it lives. */
  readonly claim?: boolean | undefined;
  /** Attached: the zone ends with this process, even if that is killed. */
  readonly tie?: boolean | undefined;
  /** With relay: the helper's own descriptors, if they are not to be the caller's. */
  readonly fds?: readonly ['pipe', 'pipe', 'pipe'] | LaunchStdioTriple | undefined;
  /** Everything but the first exec: see prepareZone. */
  readonly hold?: boolean | undefined;
  /** Leave the zone to its monitor once it runs. */
  readonly detach?: boolean;
  /** Internal: a dry run leases nothing. */
  readonly interfaceSource?: InterfaceSource | undefined;
  /** Internal: where a dry run finds now what will be in layers that are not there yet. */
  readonly seen?: readonly string[] | undefined;
  /** Internal: looked up when the zone was made, a moment ago. */
  readonly parts?: FeasibleParts | undefined;
  /** Internal: kept by the restart policy. */
  readonly restarts?: number;
}

export interface ZoneStartPlan extends ZonePlan {
  readonly devices: readonly ZoneDevice[];
  /** Of a start: the same of another record of the zone, with all else as it was. */
  readonly again?: ((record: ZoneRecord) => ZonePlan) | undefined;
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
        // On disk before `go`: the helper needs about as long as the sync.
        await input.writeRecord?.();
        // Of a command that comes late so does the entry.
        if (isRun(plan) && options.late !== true) await writeEntry(host, name, plan);
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
  const isLater = ({ op }: HostOpBase) =>
    isOfHelper({ op }) || (!hasPorts && (op === 'net.nft' || op === 'net.forward'));
  return { ops: prepare.filter((op) => !isLater(op)), later: prepare.filter(isLater) };
}

/** Only when the helper has its share of it: else the last of the other zones takes the profile away. */
const isOfHelper = ({ op }: HostOpBase) => op === 'apparmor.load';

export interface LaunchInput {
  readonly plan: ZoneStartPlan;
  readonly options: StartOptions;
  readonly digest?: string | undefined;
  /** It has never run: there is nothing of an earlier run. */
  readonly isNew?: boolean | undefined;
  /** The zone's record, if the start changes it. */
  readonly writeRecord?: (() => Promise<void>) | undefined;
  /** A throw-away zone in the making: if this is killed, its delete settles it. */
  readonly isCovered?: boolean | undefined;
}

/** A launch without an end of its own (of a copy) leaves what is known of the zone's last run. */
const isRun = ({ enter }: ZonePlan) => enter.some(({ op }) => op === 'monitor.exit');

export async function writeLaunch(
  { roots }: HostContext,
  name: string,
  { plan, digest, isNew }: LaunchInput,
): Promise<void> {
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
export async function writeEntry({ roots }: HostContext, name: string, { entryRecord }: ZonePlan): Promise<void> {
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
  plan: ZoneStartPlan,
  options: LaunchOptions,
): Promise<{ session: HelperSession; pid: number }> {
  const own = options.stdio === 'relay' ? 'inherit' : 'ignore';
  const gate = gateOf(options.signal);
  // With what the prepare phase has made: the bridge's index.
  const ops = [...plan.attach.map(vethForHelper), ...plan.enter];
  const session = await launchSession(ops, { stdio: options.fds ?? [own, own, own], signal: gate.signal });
  try {
    if (plan.prepare.some(isOfHelper)) await session.expect('created');
    await options.meanwhile().catch((error: unknown) => causeOf(session, error));
    return options.hold === true
      ? await hold(name, session)
      : await goThrough(name, session, { plan, options, closeGate: gate.close });
  } catch (error) {
    await session[Symbol.asyncDispose]();
    throw error;
  }
}

/** The helper takes `go` as soon as the zone's namespaces are there: nothing has to be done here in between. */
async function goThrough(
  name: string,
  session: HelperSession,
  {
    plan,
    options,
    closeGate,
  }: { readonly plan: ZoneStartPlan; readonly options: StartOptions; readonly closeGate: () => void },
): Promise<{ session: HelperSession; pid: number }> {
  if (options.claim === true) session.claim();
  if (options.tie === true) session.tie();
  if (options.beforeGo !== undefined) {
    await session.expect('created');
    await options.beforeGo(session, plan);
    options.signal?.throwIfAborted();
  }
  closeGate();
  session.go();
  options.onGo?.();
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
