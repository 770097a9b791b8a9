import { setImmediate } from 'node:timers/promises';
import { expect } from 'chai';
import { type Job, runJobs } from '../../../scripts/test-jobs.js';
import { testJobs } from '../../../scripts/test-steps.js';

/** Runs them, each for so many turns. @returns what was running at each start */
async function trace(jobs: readonly (Job & { readonly turns?: number })[], slots: number): Promise<string[]> {
  const running = new Set<string>();
  const starts: string[] = [];
  await runJobs(jobs, slots, async ({ step, turns = 1 }) => {
    running.add(step);
    starts.push([...running].join('+'));
    for (let turn = 0; turn < turns; turn += 1) await setImmediate();
    running.delete(step);
  });
  return starts;
}

describe('the jobs of the suite', () => {
  it('run one after the other in one slot, and so many at once as there are slots', async () => {
    const jobs = ['a', 'b', 'c'].map((step) => ({ step }));
    expect(await trace(jobs, 1)).to.deep.equal(['a', 'b', 'c']);
    expect(await trace([{ step: 'a', turns: 5 }, { step: 'b' }, { step: 'c' }], 2)).to.deep.equal(['a', 'a+b', 'a+c']);
  });

  it('wait for every job of the steps that they need, while later ones start', async () => {
    const jobs = [
      { step: 'a', turns: 3 },
      { step: 'b', after: ['a'] },
      { step: 'c', turns: 9 },
    ];
    expect(await trace(jobs, 2)).to.deep.equal(['a', 'a+c', 'c+b']);
    // A step that is not asked for is not waited for.
    expect(await trace([{ step: 'b', after: ['a'] }], 2)).to.deep.equal(['b']);
  });

  it('have the machine alone where they say so', async () => {
    const jobs = [{ step: 'a', turns: 3 }, { step: 'b', alone: true, turns: 3 }, { step: 'c' }];
    expect(await trace(jobs, 2)).to.deep.equal(['a', 'a+c', 'b']);
    expect(await trace([{ step: 'a', alone: true, turns: 2 }, { step: 'b' }], 2)).to.deep.equal(['a', 'b']);
  });

  it('fail as a whole when one cannot be run, once the others are over, and when they wait for one another', async () => {
    const ended: string[] = [];
    const failed = await runJobs([{ step: 'a' }, { step: 'b' }, { step: 'c' }], 2, async ({ step }) => {
      if (step === 'a') throw new Error('no such program');
      await setImmediate();
      ended.push(step);
    }).catch(String);
    expect([failed, ended]).to.deep.equal(['Error: no such program', ['b']]);
    expect(await runJobs([{ step: 'a', after: ['a'] }], 1, async () => {}).catch(String)).to.match(
      /wait for one another: a/,
    );
  });

  it('include every test file of the integration and escape tests, once', async () => {
    const { readdirSync } = await import('node:fs');
    for (const folder of ['integration', 'escape']) {
      const files = readdirSync(`test/${folder}`, { recursive: true }).map(String);
      const run = testJobs.flatMap(({ step, run }) => (step === folder && 'mocha' in run ? run.mocha : []));
      expect(run.toSorted()).to.deep.equal(
        files
          .filter((name) => name.endsWith('.test.ts'))
          .map((name) => `test/${folder}/${name}`)
          .toSorted(),
      );
    }
  });
});
