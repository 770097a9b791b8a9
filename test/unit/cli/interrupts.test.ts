import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { Interrupted, parseTimeout, withInterrupts } from '../../../src/cli/interrupts.js';

const rejected = (work: Promise<unknown>) =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  );

describe('cli: interrupts', () => {
  it('end a wait on Ctrl-C with 128+n', async () => {
    const work = withInterrupts(undefined, async (signal) => {
      process.kill(process.pid, 'SIGINT');
      await sleep(60_000, undefined, { signal });
    });
    expect(await rejected(work))
      .to.be.instanceOf(Interrupted)
      .with.property('exitStatus', 130);
    expect(process.listenerCount('SIGINT')).to.equal(0);
  });

  it('end it when --timeout is over', async () => {
    const work = withInterrupts('1ms', async (signal) => sleep(60_000, undefined, { signal }));
    expect(await rejected(work)).to.include({ code: 'WAIT_TIMEOUT', exitStatus: 8 });
  });

  it('may be waited for by many: no warning of node reaches the user', async () => {
    const warnings: Error[] = [];
    const warn = (warning: Error) => warnings.push(warning);
    process.on('warning', warn);
    await withInterrupts(undefined, async (signal) => {
      for (let waiter = 0; waiter < 20; waiter += 1) signal.addEventListener('abort', () => waiter);
      await nextTurn();
    });
    process.off('warning', warn);
    expect(warnings).to.deep.equal([]);
  });

  it('are handed over to a command that runs', async () => {
    const listening = await withInterrupts(undefined, async (_signal, handOver) => {
      handOver();
      return process.listenerCount('SIGINT');
    });
    expect(listening).to.equal(0);
  });

  it("leave another error as it is: an operation's own comes first", async () => {
    const own = new Error('own');
    const work = withInterrupts(undefined, async () => {
      throw own;
    });
    expect(await rejected(work)).to.equal(own);
  });

  it('refuse what is no duration', () => {
    expect(parseTimeout('1.5s')).to.equal(1500);
    expect(() => parseTimeout('soon')).to.throw('"--timeout" is not a duration: "soon"');
  });
});
