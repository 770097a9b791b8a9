/** Zones need root: namespaces alone would do without, cgroups, idmapped mounts and bridges do not. */
import { zoneError } from '../errors/index.js';
import type { HostFacts } from './facts.js';

/** @throws NOT_ROOT with the command to use instead. */
export function requireRoot(facts: Pick<HostFacts, 'isRoot'>, command = 'tszone …'): void {
  if (facts.isRoot) return;
  throw zoneError('NOT_ROOT', 'this needs root', { hint: `Run "sudo ${command}".` });
}
