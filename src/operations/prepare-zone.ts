/** `prepare`: a zone with everything that a start makes, waiting for its first exec; and the start of one that is. */
import { createHash } from 'node:crypto';
import { sendGo } from '../helper/index.js';
import { readPrepared, type ZoneRecord, zonePaths } from '../state/index.js';
import type { HostContext } from './host-context.js';
import { filterWitness } from './zone-filter.js';
import { readLaunch } from './zone-ref.js';

/** Of all that a start is planned from and that can change while a zone is prepared. */
export function digestOf({ spec, image, ids, machineId, storage }: ZoneRecord): string {
  return createHash('sha256')
    .update(JSON.stringify([spec, image, ids, machineId, filterWitness({ spec }), storage]))
    .digest('hex')
    .slice(0, 32);
}

/** The pid of the first process of a zone that is prepared as its record now is. */
export async function findPrepared({ roots }: HostContext, record: ZoneRecord): Promise<number | undefined> {
  const { name } = record.spec;
  const prepared = await readPrepared(roots, name);
  if (prepared === undefined || (await readLaunch(roots, name))?.digest !== digestOf(record)) return undefined;
  return prepared.pid;
}

/**
 * Lets a prepared zone go. Call with its lock held.
 *
 * @returns its pid; `undefined`: it is not prepared, not as the record now is, or could not exec, which a start from the beginning
 * explains
 */
export async function goIfPrepared(host: HostContext, record: ZoneRecord): Promise<number | undefined> {
  const { name } = record.spec;
  const pid = await findPrepared(host, record);
  if (pid === undefined || !(await sendGo(zonePaths(host.roots, name).monitorSocket))) return undefined;
  // It has run, even if it is over already: to look for its record would be to run it twice.
  return pid;
}
