import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect } from 'chai';
import { anySignal } from '../../../src/host/any-signal.js';
import { eventually } from '../../helpers/patience.js';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

describe('a signal of several', () => {
  for (const other of [new AbortController().signal, undefined])
    it(`is aborted by a timeout that nobody else holds, also when garbage was collected meanwhile (${other === undefined ? 'of one' : 'of two'})`, async () => {
      let reason: unknown;
      listen(anySignal([other, AbortSignal.timeout(200)]), (why) => {
        reason = why;
      });
      // What is held weakly lives to the end of a turn.
      for (let turn = 0; turn < 3; turn += 1) {
        await sleep(1);
        collectGarbage();
      }
      await eventually('its time comes', () => reason !== undefined);
      expect(reason).to.have.property('name', 'TimeoutError');
    });

  it('is aborted at once with the reason of one that is', () => {
    const enough = new Error('enough');
    expect(anySignal([new AbortController().signal, AbortSignal.abort(enough)]).reason).to.equal(enough);
  });

  it('is that of the only one that there is', () => {
    const { signal } = new AbortController();
    expect(anySignal([undefined, signal])).to.equal(signal);
  });

  it('is never aborted, of none', () => {
    expect(anySignal([]).aborted).to.equal(false);
  });
});

/** In a frame of its own, so that the test's holds nothing. */
function listen(signal: AbortSignal, told: (reason: unknown) => void): void {
  signal.addEventListener('abort', () => told(signal.reason), { once: true });
}
