/** `boot`: starts what autostarts, and fills the pools of spares. */
import { availableParallelism } from 'node:os';
import { ZoneError, type ZoneErrorJson } from '../errors/index.js';
import { readRunning, readSparePools, scanZones, type ZoneRecord } from '../state/index.js';
import type { HostContext } from './host-context.js';
import { removeRemains } from './remains.js';
import { fillSpares } from './spares.js';
import { startZone } from './start-zone.js';
import type { OperationOptions } from './zone-lock.js';

export interface BootResult {
  readonly name: string;
  readonly started: boolean;
  readonly error?: ZoneErrorJson['error'];
}

/** yes: always · last: unless a user had stopped it · no: never, nor a spare: nobody has claimed it. Pure. */
export function wantsBoot({ spec, stoppedByUser, spareOf }: ZoneRecord): boolean {
  if (spareOf !== undefined) return false;
  if (spec.autostart === 'last' || spec.restart.policy === 'unless-stopped') return !stoppedByUser;
  return spec.autostart === 'yes' || spec.restart.policy === 'always';
}

/** One zone that fails keeps no other from starting; nor does one whose record cannot be read, which is named with the reason. */
export async function bootZones(host: HostContext, options: OperationOptions = {}): Promise<BootResult[]> {
  await removeRemains(host.roots);
  const { records, unreadable } = await scanZones(host.roots);
  const results: BootResult[] = unreadable.map(({ name, error }) => failed(name, error));
  const waiting = records.filter(wantsBoot).map(({ spec }) => spec.name);
  // Of one start, most is the kernel's work and the helper's: some more at once keep all CPUs busy.
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
        if ((await readRunning(host.roots, name)) === undefined) results.push(await boot(host, name, options));
      }
    }),
  );
  results.push(...(await fillPools(host, options)));
  return results.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Nothing to say if all are filled. */
async function fillPools(host: HostContext, options: OperationOptions): Promise<BootResult[]> {
  try {
    if (Object.keys(await readSparePools(host.roots)).length > 0) await fillSpares(host, options);
    return [];
  } catch (error) {
    if (!(error instanceof ZoneError)) throw error;
    return [failed('spares', error)];
  }
}

const atOnce = Math.max(4, 2 * availableParallelism());

async function boot(host: HostContext, name: string, options: OperationOptions): Promise<BootResult> {
  try {
    await startZone(host, name, options);
    return { name, started: true };
  } catch (error) {
    if (!(error instanceof ZoneError)) throw error;
    return failed(name, error);
  }
}

const failed = (name: string, error: ZoneError): BootResult => ({ name, started: false, error: error.toJSON().error });
