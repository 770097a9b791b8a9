/** Execs that come to nothing leave nothing: no group, no process; and say what was wrong. */
import { readFile } from 'node:fs/promises';
import { expect } from 'chai';
import { hasCode } from '../../src/errors/index.js';
import type { Zone } from '../../src/index.js';
import { runProgram } from '../helpers/cli.js';
import { givenHost } from '../helpers/given.js';
import { eventually } from '../helpers/patience.js';

describe('exec that comes to nothing', () => {
  let zone: Zone;
  let instance: string;
  givenHost({ images: ['busybox'] }, async (host) => {
    zone = await host.run({ name: 'box', image: 'busybox', net: 'none' });
    instance = (await host.open()).context.roots.instance;
  });

  /** Groups of execs, in whichever hierarchy they are. */
  async function execGroups(): Promise<string[]> {
    const mounts = (await readFile('/proc/self/mountinfo', 'utf8'))
      .split('\n')
      .filter((line) => / - cgroup2? /.test(line));
    const all = await Promise.all(
      mounts.map((line) =>
        runProgram('find', [line.split(' ')[4] ?? '', '-path', `*/${instance}/*`, '-name', 'exec-*']),
      ),
    );
    return all.flatMap(({ stdout }) => stdout.split('\n').filter((path) => path !== ''));
  }

  /** Who has failed does not wait for ever for what it killed, and in the end nothing of it is left. */
  const noGroups = () => eventually('no group is left', async () => (await execGroups()).length === 0);

  async function failure(argv: readonly string[], options: Parameters<Zone['exec']>[1] = {}): Promise<unknown> {
    return zone.exec(argv, options).then(
      () => undefined,
      (error: unknown) => error,
    );
  }

  it('sees its groups while they are there', async () => {
    const running = zone.exec(['sleep', '100']);
    await eventually('it has one', async () => (await execGroups()).length === 1);
    await running.kill(9);
    await running;
    expect(await execGroups()).to.deep.equal([]);
  });

  it('for a signal that is aborted already', async () => {
    const reason = new Error('changed my mind');
    expect(await failure(['true'], { signal: AbortSignal.abort(reason) })).to.equal(reason);
    await noGroups();
  });

  it('for a deadline that has nearly passed', async () => {
    const error = await failure(['sleep', '100'], { timeoutMs: 1 });
    expect(hasCode(error, 'WAIT_TIMEOUT'), String(error)).to.equal(true);
    await noGroups();
  });

  for (const [argv, options, path] of [
    [['a\0b'], {}, 'argv.0'],
    [[], {}, 'argv'],
    [['true'], { env: { 'A\0': 'x' } }, 'env.A\0'],
    [['true'], { env: { A: 'x\0' } }, 'env.A'],
    [['true'], { cwd: 'tmp' }, 'cwd'],
    [['true'], { user: '' }, 'user'],
  ] as const) {
    it(`for ${JSON.stringify({ argv, ...options })}`, async () => {
      const error = await failure(argv, options);
      if (!hasCode(error, 'SPEC_INVALID')) throw error;
      expect((error.context.issues as { path: string }[]).map((issue) => issue.path)).to.deep.equal([path]);
      await noGroups();
    });
  }

  it('says that the zone has no such user, or no such directory', async () => {
    for (const [argv, options, status, hint] of [
      [['true'], { user: 'nobody-here' }, 125, /--user/],
      [['true'], { cwd: '/no/such' }, 125, /--workdir/],
      [['no-such-program'], {}, 127, /program/],
    ] as const) {
      const error = await failure(argv, options);
      if (!hasCode(error, 'KERNEL_STEP_FAILED')) throw error;
      expect([error.context.status, error.hint]).to.satisfy(
        ([found, text]: [number, string]) => found === status && hint.test(text),
      );
      await noGroups();
    }
  });
});
