/** What a `run` is given: a zone that need not have a name. */
import { randomInt } from 'node:crypto';
import { generateName, type ZoneOptions } from '../spec/index.js';

export type RunInput = Omit<ZoneOptions, 'name'> & { readonly name?: string | undefined };

/** Fills in a name. */
export function nameZone({ name, ...rest }: RunInput): ZoneOptions {
  return { ...rest, name: name ?? generateName(randomInt) };
}
