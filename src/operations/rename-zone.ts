/** `rename`: a stopped zone under another name; what it is (addresses, ids, files) stays. */
import { zoneError } from '../errors/index.js';
import { parseZoneOptions } from '../spec/index.js';
import { findZone, readZone, zonePaths } from '../state/index.js';
import type { HostContext } from './host-context.js';
import { settleZone } from './settle-zone.js';
import { runTransaction } from './transaction.js';
import { lockZone, type OperationOptions } from './zone-lock.js';
import { zoneRunningError } from './zone-ref.js';

/** Both names are locked, in one order for all. @throws ZONE_NOT_FOUND, ZONE_EXISTS, ZONE_RUNNING, SPEC_INVALID */
export async function renameZone(
  host: HostContext,
  from: string,
  to: string,
  options: OperationOptions = {},
): Promise<void> {
  const { roots } = host;
  parseZoneOptions({ name: to, image: 'sparse' });
  await readZone(roots, from);
  if (from === to) throw existsError(to);
  const [first = from, second = to] = [from, to].sort();
  await using _first = await lockZone(host, first, options);
  await using _second = await lockZone(host, second, options);
  await readZone(roots, from);
  if ((await findZone(roots, to)) !== undefined) throw existsError(to);
  if (!(await settleZone(host.roots, from))) throw zoneRunningError(from);
  const transaction = {
    operation: 'rename',
    zone: from,
    recovery: 'forward',
    completeIfRunning: false,
    durable: true,
  } as const;
  const ops = [
    { op: 'state.remove', path: zonePaths(roots, from).run },
    { op: 'state.zone-rename', roots, from, to },
  ] as const;
  await runTransaction({ ...transaction, roots, ops }, async () => {});
}

function existsError(name: string): Error {
  return zoneError('ZONE_EXISTS', `zone "${name}" exists already`, {
    hint: `Choose another name, or run "tszone delete ${name}" first.`,
    context: { zone: name },
  });
}
