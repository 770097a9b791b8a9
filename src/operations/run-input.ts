/** What a `run` is given: a zone that need not have a name. */
import { randomInt } from 'node:crypto';
import { generateName, type ZoneOptions } from '../spec/index.js';

export type RunInput = Omit<ZoneOptions, 'name'> & { readonly name?: string | undefined };

type Program = 'command' | 'entrypoint' | 'env' | 'user' | 'workdir';

/** All but what the zone runs: that the plan of a start says last (planLast). */
export function withoutProgram<T extends Partial<Record<Program, unknown>>>(zone: T): Omit<T, Program> {
  const { command: _, entrypoint: _1, env: _2, user: _3, workdir: _4, ...rest } = zone;
  return rest;
}

/** Fills in a name. */
export function nameZone({ name, ...rest }: RunInput): ZoneOptions {
  return { ...rest, name: name ?? generateName(randomInt) };
}
