/** Kills an operation at one boundary, or asks which boundaries it has. */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { build } from 'esbuild';
import { openHostContext } from '../../src/operations/host-context.js';
import { runProgram } from './cli.js';
import type { KillOrder } from './kill-at.js';
import { eventually } from './patience.js';
import type { TempHost } from './temp-host.js';

const project = fileURLToPath(new URL('../..', import.meta.url));
const runner = join(project, 'test/helpers/run-kill-at.cjs');

export interface Crasher extends AsyncDisposable {
  /** Runs to the end. @returns `start: apply cgroup.create` … */
  boundaries(host: TempHost, order: Omit<KillOrder, 'root' | 'runRoot' | 'at'>): Promise<string[]>;
  /** @returns true if it died there, false if it came to its end before */
  killAt(host: TempHost, order: Omit<KillOrder, 'root' | 'runRoot'>): Promise<boolean>;
}

/** As settledLife says it. */
const isOnItsWay = ({ reason }: { readonly reason: string }) => reason.endsWith('neither starts nor ends');

/**
 * The next command after a kill, which leaves nothing unfinished. It waits for a second only for a helper whose caller was killed: one that stands
 * still for longer is waited for here.
 */
export async function recoverKilled(host: TempHost): Promise<void> {
  const unfinished = await eventually('no helper is on its way any more', async () => {
    const { unfinished } = await openHostContext(host);
    return unfinished.some(isOnItsWay) ? undefined : unfinished;
  });
  expect(unfinished, 'what the next command could not finish').to.deep.equal([]);
}

/** Lies in the project, so that the program finds the native helper. */
export async function makeCrasher(): Promise<Crasher> {
  const directory = join(project, 'native', `build-test-${process.pid}`);
  const bundle = join(directory, 'kill-at.cjs');
  await mkdir(directory, { recursive: true });
  await build({
    entryPoints: [join(project, 'test/helpers/kill-at.ts')],
    outfile: bundle,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20.19',
    external: ['netlink'],
    // As the command line's own bundle: a script that runs from a code cache has no import().
    supported: { 'dynamic-import': false },
    define: { 'import.meta.url': 'ownUrl' },
    logLevel: 'warning',
    banner: { js: "const ownUrl = require('node:url').pathToFileURL(__filename).href;" },
  });
  const run = async ({ root, runRoot }: TempHost, order: Omit<KillOrder, 'root' | 'runRoot'>) =>
    runProgram(process.execPath, [runner, bundle, JSON.stringify({ ...order, root, runRoot })]);
  return {
    async boundaries(host, order) {
      const { status, stdout, stderr } = await run(host, order);
      if (status !== 0) throw new Error(`${order.operation} ended with ${status}: ${stderr}`);
      return JSON.parse(stdout) as string[];
    },
    async killAt(host, order) {
      const { status, stderr } = await run(host, order);
      if (status !== 0 && status !== 137) throw new Error(`${order.operation} ended with ${status}: ${stderr}`);
      return status === 137;
    },
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }),
  };
}
