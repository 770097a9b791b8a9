import { existsSync } from 'node:fs';
import { access, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect } from 'chai';
import { hasCode } from '../../../src/errors/index.js';
import { acquireLock, isLockHeld } from '../../../src/state/index.js';

describe('locks', () => {
  let directory: string;
  let path: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'tszone-lock-'));
    path = join(directory, 'deep', 'lock');
  });
  after(() => rm(directory, { recursive: true }));

  const isBusy = async () =>
    acquireLock(path, { what: 'it', timeoutMs: 0 }).then(
      async (lock) => {
        await lock.release();
        return false;
      },
      (error: unknown) => hasCode(error, 'LOCK_BUSY'),
    );

  it('has one holder at a time', async () => {
    {
      await using _held = await acquireLock(path, { what: 'it' });
      expect(await isBusy()).to.equal(true);
    }
    expect(await isBusy()).to.equal(false);
  });

  it('never has two holders when one removes the file while others wait', async () => {
    let inside = 0;
    let most = 0;
    await Promise.all(
      Array.from({ length: 6 }, async () => {
        const held = await acquireLock(path, { what: 'it', timeoutMs: 20_000 });
        inside += 1;
        most = Math.max(most, inside);
        await new Promise((resolve) => {
          setTimeout(resolve, 5);
        });
        inside -= 1;
        await held.releaseAndRemove();
      }),
    );
    expect(most).to.equal(1);
    expect(
      await access(path).then(
        () => true,
        () => false,
      ),
    ).to.equal(false);
  });

  it('in turns, has one holder at a time, and is free after the last', async () => {
    let inside = 0;
    let most = 0;
    const hold = async () => {
      await using _held = await acquireLock(path, { what: 'it', inTurn: true });
      inside += 1;
      most = Math.max(most, inside);
      await nextTurn();
      inside -= 1;
    };
    await Promise.all(Array.from({ length: 25 }, hold));
    expect(most).to.equal(1);
    expect(await isBusy()).to.equal(false);
  });

  it('in turns, is busy when nobody passes it on, and goes to the next when one gives up', async () => {
    const held = await acquireLock(path, { what: 'it', inTurn: true });
    const stop = new AbortController();
    const early = acquireLock(path, { what: 'it', inTurn: true, timeoutMs: 50 }).catch((error: unknown) => error);
    const aborted = acquireLock(path, { what: 'it', inTurn: true, signal: stop.signal }).catch((error) => error);
    const last = acquireLock(path, { what: 'it', inTurn: true });
    expect(hasCode(await early, 'LOCK_BUSY')).to.equal(true);
    stop.abort(new Error('enough'));
    expect(await aborted).to.have.property('message', 'enough');
    await held.release();
    await (await last).release();
  });

  it('is looked at without a trace', async () => {
    {
      await using _held = await acquireLock(path, { what: 'it' });
      expect(await isLockHeld(path)).to.equal(true);
    }
    expect(await isLockHeld(path)).to.equal(false);
    await rm(path);
    expect(await isLockHeld(path)).to.equal(false);
    expect(existsSync(path)).to.equal(false);
  });

  it('ends a wait when it is aborted', async () => {
    await using _held = await acquireLock(path, { what: 'it' });
    const stop = new AbortController();
    const waiting = acquireLock(path, { what: 'it', signal: stop.signal });
    stop.abort(new Error('enough'));
    expect(
      await waiting.then(
        () => 'got it',
        (error: Error) => error.message,
      ),
    ).to.equal('enough');
  });
});
