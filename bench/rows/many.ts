/** Many zones of one root: names, and commands that act on all of them. */
import { mustRun, run } from '../command.js';
import type { Step } from '../measure.js';
import { isOffer } from '../peers/peer.js';
import type { Tszone } from '../peers/tszone.js';
import type { Bench } from './row.js';

export const namesOf = (prefix: string, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `${prefix}${index + 1}`);

/** On the bench's own network, with an address each. */
export async function createAll(
  tszone: Tszone,
  names: readonly string[],
  mark: string,
  ...options: readonly string[]
): Promise<void> {
  for (const name of names) {
    const life = tszone.life(name, ['/bin/pause', mark], { net: 'bridge=bench', more: options });
    await mustRun(life.create);
  }
}

export const stopAll = (tszone: Tszone, names: readonly string[]) => tszone.command('stop', '--force', ...names);

export async function deleteAll(tszone: Tszone, names: readonly string[]): Promise<void> {
  await run(tszone.command('delete', '--force', ...names));
}

/** Cold, and warm where there is an engine. */
export const variants = ({ cold, warm }: Bench): [string, Tszone][] => [
  ['tszone', cold],
  ...(isOffer(warm) ? ([['tszone warm', warm]] as [string, Tszone][]) : []),
];

/** One after the other they would be another thing. */
export const together = (label: string, tszone: Tszone, names: readonly string[]): Step[] =>
  names.map((name) => ({ kind: 'with', label, command: tszone.command('start', name) }));
