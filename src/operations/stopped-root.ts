/** A mode of the helper as the only process of a stopped zone's root, without network: for work on its files. */
import type { Readable, Writable } from 'node:stream';
import type { HelperSession } from '../helper/index.js';
import { planLoopback } from '../netif/index.js';
import { planStart } from '../plan/index.js';
import { readZone, type ZoneRecord } from '../state/index.js';
import type { HostContext } from './host-context.js';
import { launchPlan } from './launch-plan.js';
import { withOpenVolume } from './open-volume.js';
import { settleZone } from './settle-zone.js';
import { planZoneFiles } from './zone-files.js';
import { planToolFilter } from './zone-filter.js';
import type { OperationOptions } from './zone-lock.js';
import { zoneRunningError } from './zone-ref.js';

/** One end of a copy: a packer or an unpacker. */
export interface End {
  readonly stdin: Writable | null | undefined;
  readonly stdout: Readable | null | undefined;
  readonly stderr: Readable | null | undefined;
  readonly exited: Promise<number>;
}

/** Call with the zone's lock held. @throws ZONE_RUNNING; what `body` throws */
export async function runInStoppedRoot(
  host: HostContext,
  name: string,
  argv: readonly string[],
  options: OperationOptions,
  body: (end: End) => Promise<void>,
): Promise<void> {
  const stdio = ['pipe', 'pipe', 'pipe'] as const;
  if (!(await settleZone(host.roots, name))) throw zoneRunningError(name, 'Repeat the command.');
  // Readers are there before the helper may write: what it writes before it ends would be thrown away by node.
  let copied: Promise<void> | undefined;
  const beforeGo = async (session: HelperSession) => {
    copied = body({ ...endOf(session), exited: session.exited });
    copied.catch(() => {});
  };
  const found = await readZone(host.roots, name);
  const launched = await withOpenVolume(host, found, options, async ({ record }) =>
    launchPlan(host, name, {
      plan: { ...(await planStopped(host, record, argv)), devices: [] },
      options: { ...options, stdio: 'relay', fds: stdio, beforeGo },
    }),
  ).catch(async (error: unknown) => {
    await copied?.catch(() => {});
    throw error;
  });
  await ended(launched.session, copied, options.signal).finally(() => settleZone(host.roots, name));
}

/** An abort after `go` has to end the zone itself: it outlives a session that is only closed. */
async function ended(session: HelperSession, copied: Promise<void> | undefined, signal: AbortSignal | undefined) {
  const kill = () => session.signal(sigkill);
  signal?.addEventListener('abort', kill, { once: true });
  if (signal?.aborted === true) kill();
  try {
    await copied;
  } catch (error) {
    // That the ends failed is then only the consequence.
    signal?.throwIfAborted();
    throw error;
  } finally {
    signal?.removeEventListener('abort', kill);
    await session[Symbol.asyncDispose]();
  }
}

const sigkill = 9;

const endOf = ({ stdin, stdout, stderr }: HelperSession): Omit<End, 'exited'> => ({ stdin, stdout, stderr });

async function planStopped(host: HostContext, record: ZoneRecord, helperArgv: readonly string[]) {
  return planStart({
    ...(await planZoneFiles(host, record)),
    devices: [],
    network: {
      prepare: [],
      attach: [],
      enter: planLoopback(),
      exit: [],
      addresses: [],
      resolvConf: undefined,
      notes: [],
    },
    filter: await planToolFilter(host, record),
    stdio: 'relay',
    onExit: [],
    helperArgv,
  });
}
