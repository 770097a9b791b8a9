/** Which zones need a decision when they end or are let go, and the command that takes it: node is started for these alone. */
import { fileURLToPath } from 'node:url';
import type { ZoneRecord } from '../state/index.js';
import type { HostContext } from './host-context.js';

/** What keeps a pool full when one of its spares has been taken; empty for a zone that is none. */
export function onGoCommand({ roots }: HostContext, { spareOf }: ZoneRecord): string[] {
  if (spareOf === undefined) return [];
  return [process.execPath, entry(), 'spare', 'fill', '--root', roots.root, '--run-root', roots.runRoot];
}

const entry = () => fileURLToPath(new URL('../../bin/tszone.js', import.meta.url));

/** argv for the monitor; empty if the end of this zone needs no decision. */
export function onExitCommand({ roots }: HostContext, { spec }: ZoneRecord): string[] {
  if (!spec.ephemeral && spec.restart.policy === 'no') return [];
  return [process.execPath, entry(), 'on-exit', spec.name, '--root', roots.root, '--run-root', roots.runRoot];
}
