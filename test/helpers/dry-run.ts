/** A dry run beside the real one: it changes nothing, and what it has listed is what is then done. */
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { observeBoundaries } from '../../src/operations/boundaries.js';
import type { TempHost } from './temp-host.js';

export interface Plan {
  readonly operation: string;
  readonly name: string;
  readonly steps: readonly { readonly phase: string; readonly op: { readonly op: string }; readonly text: string }[];
  readonly notes?: readonly string[];
}

export const opsOf = ({ steps }: Plan): string[] => steps.map(({ op }) => op.op);
export const textOf = ({ steps }: Plan): string => steps.map(({ text }) => text).join('\n');

/** The plan, by the command line; whatever of the host could have changed has not. */
export async function dryRun(host: TempHost, args: readonly string[], also: readonly string[] = []): Promise<Plan> {
  return unchanged(host, also, () => host.json<Plan>([...args, '--dry-run']));
}

/** Its code and hint are those of the real run, which is made afterwards and fails as well; neither leaves anything. */
export async function sameRefusal(
  host: TempHost,
  args: readonly string[],
  also: readonly string[] = [],
): Promise<string> {
  const refusal = async (words: readonly string[]) => {
    const { stderr } = await host.cli(['-o', 'json', ...words]);
    const { code, hint } = (JSON.parse(stderr) as { error: { code: string; hint?: string } }).error;
    return { code, hint };
  };
  const dry = await unchanged(host, also, () => refusal([...args, '--dry-run']));
  expect(dry, args.join(' ')).to.deep.equal(await refusal(args));
  return dry.code;
}

/** @param also other places that must stay as they are: a repository, a directory that is written to */
export async function unchanged<T>(host: TempHost, also: readonly string[], work: () => Promise<T>): Promise<T> {
  const look = async () => ({
    machine: await host.snapshot(),
    files: (await Promise.all([host.root, ...also].map(filesOf))).flat(),
  });
  const before = await look();
  const result = await work();
  expect(await look()).to.deep.equal(before);
  return result;
}

/**
 * Each with its inode and the time of its last change, which nobody can set back; logs are written by who runs, and a pool's file by the file
 * system in it, which writes down when it likes what was done before.
 */
async function filesOf(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => []);
  const lines = await Promise.all(
    entries.map(async (entry) => {
      const path = join(directory, entry.name);
      if (path.endsWith('/log')) return [];
      const { ino, size, ctimeMs } = await lstat(path);
      const time = /\/pool-files\/[^/]+$/.test(path) && entry.isFile() ? '' : ctimeMs;
      const own = `${path} ${ino} ${entry.isDirectory() ? '' : `${size} `}${time}`;
      return entry.isDirectory() ? [own, ...(await filesOf(path))] : [own];
    }),
  );
  return [`${directory} ${await changedAt(directory)}`, ...lines.flat()].toSorted();
}

const changedAt = (path: string) =>
  lstat(path).then(
    ({ ctimeMs }) => ctimeMs,
    () => 'none',
  );

/** The host ops that are applied meanwhile, in order, but for what only lets a zone go on that a kill would leave standing still. */
export async function appliedBy(work: () => Promise<unknown>): Promise<string[]> {
  const applied: string[] = [];
  const before = observeBoundaries(({ step }) => {
    const op = /^apply (.*)$/.exec(step)?.[1];
    if (op !== undefined) applied.push(op);
  });
  try {
    await work();
  } finally {
    observeBoundaries(before);
  }
  return applied;
}

const areas = ['state', 'storage', 'net', 'cgroup', 'apparmor', 'device'];

/** Those of a plan that a transaction applies; others stand for what is done in between. */
export const hostOpsOf = (plan: Plan, inBetween: readonly string[]): string[] =>
  plan.steps
    .filter(({ phase }) => phase === 'prepare')
    .map(({ op }) => op.op)
    .filter((op) => areas.includes(op.split('.')[0] ?? '') && !inBetween.includes(op));
