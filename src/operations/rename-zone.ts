/** `rename`: a stopped zone under another name; what it is (addresses, ids, files) stays. */
import { zoneError } from '../errors/index.js';
import { parseZoneOptions } from '../spec/index.js';
import { findZone, type Roots, readZone, type StateOp, zonePaths } from '../state/index.js';
import type { HostContext } from './host-context.js';
import { settleZone } from './settle-zone.js';
import { runTransaction } from './transaction.js';
import { lockZone, type OperationOptions } from './zone-lock.js';
import { zoneRunningError } from './zone-ref.js';

/**
 * Both names are locked, in one order for all, and stay taken until it is complete, also if it is killed: the journal names
 * both, and the directory goes first.
 *
 * @throws ZONE_NOT_FOUND, ZONE_EXISTS, ZONE_RUNNING, SPEC_INVALID
 */
export async function renameZone(
  host: HostContext,
  from: string,
  to: string,
  options: OperationOptions = {},
): Promise<void> {
  const { roots } = host;
  await requireRenamable(roots, from, to);
  const [first = from, second = to] = [from, to].sort();
  await using _first = await lockZone(host, first, options);
  await using _second = await lockZone(host, second, options);
  await requireRenamable(roots, from, to);
  if (!(await settleZone(host.roots, from))) throw zoneRunningError(from);
  const transaction = {
    operation: 'rename',
    zone: from,
    locks: [from, to],
    recovery: 'forward',
    completeIfRunning: false,
    place: 'disk',
  } as const;
  await runTransaction({ ...transaction, roots, ops: planRename(roots, from, to) }, async () => {});
}

/** @throws ZONE_NOT_FOUND, ZONE_EXISTS, SPEC_INVALID */
export async function requireRenamable(roots: Roots, from: string, to: string): Promise<void> {
  parseZoneOptions({ name: to, image: 'sparse' });
  await readZone(roots, from);
  if (from === to || (await findZone(roots, to)) !== undefined) throw existsError(to);
}

export function planRename(roots: Roots, from: string, to: string): StateOp[] {
  return [
    { op: 'state.remove', path: zonePaths(roots, from).run },
    { op: 'state.zone-rename', roots, from, to },
    { op: 'state.ids-rename', roots, from, to },
    { op: 'state.addresses-rename', roots, from, to },
    { op: 'state.record-rename', roots, from, to },
  ];
}

function existsError(name: string): Error {
  return zoneError('ZONE_EXISTS', `zone "${name}" exists already`, {
    hint: `Choose another name, or run "tszone delete ${name}" first.`,
    context: { zone: name },
  });
}
