/** What the native entry has to know of a zone that runs: who enters it, and what `status` says. */
import { planEntryCgroup, planExecCgroup, planStatusCgroup, type ZoneRef } from '../cgroups/index.js';
import type { EnterOp } from '../helper/index.js';
import { planEntryRecord } from '../namespaces/index.js';
import { formatPort, modeOf } from '../spec/index.js';
import { zonePaths } from '../state/index.js';
import type { EntryInfo, StartPlanInput } from './start-plan.js';
import { zoneLayout } from './zone-cgroups.js';

export function planRecord(input: StartPlanInput, entry: EntryInfo): EnterOp[] {
  const { roots, record } = input;
  const zone = { layout: zoneLayout(input), instance: roots.instance, zone: record.spec.name };
  return planEntryRecord({
    ...entry,
    root: roots.root,
    socket: zonePaths(roots, record.spec.name).monitorSocket,
    groups: planEntryCgroup(zone),
    cgroups: planExecCgroup(zone),
    status: planStatus(input, zone),
  });
}

/** The lines of `status` (src/commands/status.ts) of a zone that runs. */
function planStatus({ facts, record: { spec, image, storage }, network }: StartPlanInput, zone: ZoneRef): EnterOp[] {
  // What is in a pool is asked of its driver: by node.
  if (storage !== undefined || spec.disk !== undefined || spec.inodes !== undefined) return [];
  const { life, usage } = planStatusCgroup(zone);
  const mode = modeOf(spec);
  const line = (label: string, how: string, argument: string): EnterOp[] =>
    argument === '' ? [] : [{ op: 'status.line', label, how, argument: [argument] }];
  return [
    ...line('zone', 'text', spec.name),
    life,
    ...line('image', 'text', image.name),
    ...line('mode', 'text', mode === 'isolated' ? '' : mode),
    ...line('pid', 'pid', '0'),
    ...line('addresses', 'text', network.addresses.join(' ')),
    ...line('ports', 'text', spec.port.map(formatPort).join(' ')),
    ...(facts.apparmor === undefined ? line('lsm', 'text', 'none') : line('lsm', 'lsm', 'apparmor')),
    ...line('started', 'started', '0'),
    ...usage,
  ];
}
