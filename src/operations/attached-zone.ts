/** A zone whose command's end somebody waits for, who is its stdin, stdout and stderr, or its terminal. */
import type { Duplex } from 'node:stream';
import { type HelperSession, sendSignal, setWinsize } from '../helper/index.js';
import { type ZoneRecord, zonePaths } from '../state/index.js';
import { dropEnded, type Remains } from './drop-ended.js';
import type { HostContext } from './host-context.js';

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

export interface Followed {
  readonly session: HelperSession;
  readonly pid: number;
  readonly notes: readonly string[];
  readonly terminal?: Duplex | undefined;
  /** Ends the zone. */
  readonly signal: AbortSignal | undefined;
}

/** Of a zone that has been started with `claim`, if it is a throw-away one. */
export function followZone(
  host: HostContext,
  record: ZoneRecord,
  { session, pid, notes, terminal, signal }: Followed,
): AttachedZone {
  const { name } = record.spec;
  const { monitorSocket } = zonePaths(host.roots, name);
  const ended = finish(host, record, session, signal);
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
