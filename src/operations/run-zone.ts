/** `run`: create and start in one, attached unless told otherwise. */
import type { Duplex } from 'node:stream';
import { attachConsole, type LaunchStdioTriple } from '../helper/index.js';
import type { ZoneOptions } from '../spec/index.js';
import { type ZoneRecord, zonePaths } from '../state/index.js';
import { type AttachedZone, followZone } from './attached-zone.js';
import { type CreateOptions, createThen } from './create-zone.js';
import type { HostContext } from './host-context.js';
import type { ReadyRuns } from './ready-runs.js';
import { nameZone, type RunInput } from './run-input.js';
import { launchCreated, type StartResult } from './start-zone.js';
import type { FeasibleParts } from './zone-files.js';

export interface RunOptions extends CreateOptions {
  /** With a spec whose `tty` is on: the first size. */
  readonly winsize?: { readonly rows: number; readonly columns: number } | undefined;
  /** The command's 0, 1 and 2, without a terminal: descriptors of this process, or what the spawner knows as `ID:N`. */
  readonly descriptors?: LaunchStdioTriple | undefined;
  /** Called when the command is about to run: from then on a signal is for it. */
  readonly onGo?: (() => void) | undefined;
  /** Where zones may wait that were made for a run like this one. */
  readonly ready?: ReadyRuns | undefined;
}

/** Creates, starts and stays attached: the zone's stdin, stdout and stderr are this process's. */
export async function runZone(host: HostContext, input: RunInput, options: RunOptions = {}): Promise<AttachedZone> {
  const { descriptors, signal, onGo } = options;
  const ready = options.pull === 'always' ? undefined : options.ready;
  const taken = descriptors && (await ready?.take(host, input, { descriptors, signal, onGo }));
  if (taken !== undefined) return taken;
  const zone = nameZone(input);
  const made = await createThen(host, zone, options, (record, parts) =>
    attach(host, zone, { ...options, record, parts }),
  );
  ready?.follow(host, input, made);
  return made;
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
  return followZone(host, options.record, { session, pid, notes, terminal, signal: options.signal });
}
