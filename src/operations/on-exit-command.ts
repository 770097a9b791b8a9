/** Which zones need a decision when they end or are let go, and the command that takes it: node is started for these alone. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Roots, ZoneRecord } from '../state/index.js';
import type { HostContext } from './host-context.js';

/** What keeps a pool full when one of its spares has been taken; empty for a zone that is none. */
export function onGoCommand({ roots }: HostContext, { spareOf }: ZoneRecord): string[] {
  if (spareOf === undefined) return [];
  return [...program(roots), 'spare', 'fill'];
}

/** The installed command: by way of a warm engine, if there is one by then, no node is started. */
function program({ root, runRoot }: Roots): string[] {
  const variables = [`TSZONE_ROOT=${root}`, `TSZONE_RUN_ROOT=${runRoot}`];
  // Written when the native program was placed.
  const isNative = existsSync(inPackage('native/build/command'));
  return [...variables, ...(isNative ? [inPackage('bin/tszone')] : [process.execPath, inPackage('bin/tszone.js')])];
}

const inPackage = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

/** argv for the monitor; empty if the end of this zone needs no decision. */
export function onExitCommand({ roots }: HostContext, { spec }: ZoneRecord): string[] {
  if (!spec.ephemeral && spec.restart.policy === 'no') return [];
  return [...program(roots), 'on-exit', spec.name];
}
