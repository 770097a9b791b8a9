import { expect } from 'chai';
import { runStep } from '../../../scripts/step-process.js';

const usual = { env: process.env, isLive: false, patienceMs: 30_000, timeoutMs: 30_000 };
const run = (script: string, options: Partial<typeof usual> = {}) =>
  runStep(['sh', '-c', script], { ...usual, ...options });

describe('a process of the suite', () => {
  it('has a status and all of its output', async () => {
    const { status, output, problem } = await run('seq 100000; echo wrong >&2; exit 3');
    expect([status, problem]).to.deep.equal([3, undefined]);
    expect(output.split('\n')).to.include.members(['1', '100000', 'wrong']);
  });

  it('is not waited for for ever where something that it left behind holds its output', async () => {
    const { status, output, problem } = await run('sleep 1000 & echo $!; exit 0', { patienceMs: 100 });
    expect(output).to.match(/^\d+\n$/);
    process.kill(Number(output));
    expect([status, problem]).to.deep.equal([0, 'a process that it left behind holds its output']);
  });

  it('is killed when its time is over', async () => {
    const { status, problem } = await run('exec sleep 1000', { timeoutMs: 50 });
    expect(status).to.equal(null);
    expect(problem).to.match(/had not ended/);
  });

  it('that cannot be started is a problem, and no end of the whole suite', async () => {
    const { status, problem } = await runStep(['/nowhere/program'], usual);
    expect(status).to.equal(null);
    expect(problem).to.match(/ENOENT/);
  });
});
