/** Which zones need a decision when they end, and the command that takes it: node is started for these alone. */
import { fileURLToPath } from 'node:url';
import type { ZoneRecord } from '../state/index.js';
import type { HostContext } from './host-context.js';

/** argv for the monitor; empty if the end of this zone needs no decision. */
export function onExitCommand({ roots }: HostContext, { spec }: ZoneRecord): string[] {
  if (!spec.ephemeral && spec.restart.policy === 'no') return [];
  const entry = fileURLToPath(new URL('../../bin/tszone.js', import.meta.url));
  return [process.execPath, entry, 'on-exit', spec.name, '--root', roots.root, '--run-root', roots.runRoot];
}
