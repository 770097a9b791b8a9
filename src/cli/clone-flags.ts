/** The flags of clone and fork. */
import * as Flags from '@oclif/core/flags';
import type { CloneInput, CloneResult } from '../operations/clone-zone.js';
import { formatSize, requireSnapshotRef, type ZoneChange } from '../spec/index.js';
import type { Caller } from './caller.js';
import { requiredArg } from './flags.js';
import { changeFlags, zoneInput } from './zone-flags.js';

export const cloneSourceArg = requiredArg('the zone, or ZONE@SNAPSHOT');

export const cloneFlags = {
  'keep-identity': Flags.boolean({
    description: 'keep machine id, ssh host keys, host name, addresses and published ports: to replace the source',
  }),
  ...changeFlags,
};

/** @throws USAGE_BAD_ARGUMENT */
export function cloneInput(
  source: string,
  flags: Readonly<Record<string, unknown>>,
  env: Caller['env'],
): Omit<CloneInput, 'name'> {
  const { zone, snapshot } = requireSnapshotRef(source);
  const change = zoneInput(flags, env) as ZoneChange;
  return { source: zone, snapshot, keepIdentity: flags['keep-identity'] === true, change };
}

export function cloneCost({ frozenMs, copiedBytes }: CloneResult): string {
  if (frozenMs === undefined) return '';
  return `; ${formatSize(copiedBytes)} copied, the source stood still for ${frozenMs} ms`;
}
