/** `run`: create and start in one, attached unless told otherwise. */
import { randomInt } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { attachConsole, type HelperSession, type LaunchStdioTriple, sendSignal, setWinsize } from '../helper/index.js';
import { generateName, type ZoneOptions } from '../spec/index.js';
import { type ZoneRecord, zonePaths } from '../state/index.js';
import { type CreateOptions, createThen } from './create-zone.js';
import { dropEnded, type Remains } from './drop-ended.js';
import type { HostContext } from './host-context.js';
import { launchCreated, type StartResult } from './start-zone.js';
import type { FeasibleParts } from './zone-files.js';

export interface RunOptions extends CreateOptions {
  /** With a spec whose `tty` is on: the first size. */
  readonly winsize?: { readonly rows: number; readonly columns: number } | undefined;
  /** The command's 0, 1 and 2, without a terminal: descriptors of this process, or what the spawner knows as `ID:N`. */
  readonly descriptors?: LaunchStdioTriple | undefined;
}

export type RunInput = Omit<ZoneOptions, 'name'> & { readonly name?: string | undefined };

export interface AttachedZone {
  readonly name: string;
  readonly pid: number;
  /** Sentences that a user should read. */
  readonly notes: readonly string[];
  /** The zone's terminal, both ways; `undefined` without one (then its stdio is the caller's). */
  readonly console: Duplex | undefined;
  /** To pid 1, which forwards it to the command. */
  kill(signal: number): Promise<void>;
  resize(rows: number, columns: number): Promise<void>;
  /** Leaves the zone running. An ephemeral one is deleted by its monitor when it ends. */
  detach(): void;
  /** The command's own status; an ephemeral zone is no more by then, and its name is free. */
  readonly exited: Promise<number>;
  /** Nothing of an ephemeral zone is left: its files, its addresses, its range of ids. */
  readonly cleaned: Promise<void>;
}

/** Fills in a name. */
export function nameZone({ name, ...rest }: RunInput): ZoneOptions {
  return { ...rest, name: name ?? generateName(randomInt) };
}

/** Creates, starts and stays attached: the zone's stdin, stdout and stderr are this process's. */
export async function runZone(host: HostContext, input: RunInput, options: RunOptions = {}): Promise<AttachedZone> {
  const zone = nameZone(input);
  return createThen(host, zone, options, (record, parts) => attach(host, zone, { ...options, record, parts }));
}

/** The same, detached: the monitor logs what the command writes. */
export async function runDetached(
  host: HostContext,
  input: RunInput,
  options: CreateOptions = {},
): Promise<StartResult> {
  const zone = nameZone(input);
  return createThen(host, zone, options, async (record, parts) => {
    const { pid, notes } = await launchCreated(host, record, { signal: options.signal, detach: true, parts });
    return { name: zone.name, pid, notes };
  });
}

type AttachOptions = RunOptions & { readonly record: ZoneRecord; readonly parts: FeasibleParts | undefined };

async function attach(host: HostContext, zone: ZoneOptions, options: AttachOptions): Promise<AttachedZone> {
  const { name } = zone;
  const { monitorSocket } = zonePaths(host.roots, name);
  let terminal: Duplex | undefined;
  const { session, pid, notes } = await launchCreated(host, options.record, {
    ...options,
    stdio: zone.tty === true ? 'pty' : 'relay',
    fds: zone.tty === true ? undefined : options.descriptors,
    // Without it the zone's monitor deletes a throw-away zone, or starts it again if that is its policy.
    claim: zone.ephemeral === true,
    beforeGo:
      zone.tty === true
        ? async () => {
            terminal = await attachConsole(monitorSocket);
          }
        : undefined,
  });
  const ended = finish(host, options.record, session, options.signal);
  const cleaned = ended.then(({ remains }) => remains?.cleaned);
  // It may be asked for later than it fails.
  cleaned.catch(() => {});
  return {
    name,
    pid,
    notes,
    console: terminal,
    kill: (signal) => sendSignal(monitorSocket, signal),
    resize: (rows, columns) => setWinsize(monitorSocket, rows, columns),
    detach: () => {
      terminal?.destroy();
      session.detach();
    },
    exited: ended.then(({ status }) => status),
    cleaned,
  };
}

/** The caller who is attached ends the zone with an abort. */
async function finish(
  host: HostContext,
  { spec, machineId }: ZoneRecord,
  session: HelperSession,
  signal: AbortSignal | undefined,
): Promise<{ status: number; remains: Remains | undefined }> {
  const end = () => session.signal(9);
  signal?.addEventListener('abort', end, { once: true });
  if (signal?.aborted === true) end();
  const { status } = await session.expect('exited');
  signal?.removeEventListener('abort', end);
  if (!spec.ephemeral) await session.exited;
  const remains = spec.ephemeral ? await dropEnded(host, { name: spec.name, machineId }, session.exited) : undefined;
  if (signal?.aborted === true) await remains?.cleaned;
  signal?.throwIfAborted();
  return { status, remains };
}
