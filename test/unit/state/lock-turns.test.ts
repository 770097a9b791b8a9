import { setImmediate as turn } from 'node:timers/promises';
import { expect } from 'chai';
import { takeTurn } from '../../../src/state/lock-turns.js';

/** Time goes on when the test says so: a machine that stands still for a second is no holder that does. */
class Clock implements Disposable {
  readonly #real = { setTimeout: globalThis.setTimeout, clearTimeout: globalThis.clearTimeout };
  readonly #timers = new Map<object, { readonly atMs: number; readonly call: () => void }>();
  #nowMs = 0;

  constructor() {
    performance.now = () => this.#nowMs;
    const setTimeout = (call: () => void, ms = 0) => {
      const timer = {};
      this.#timers.set(timer, { atMs: this.#nowMs + ms, call });
      return timer;
    };
    const clearTimeout = (timer: object) => void this.#timers.delete(timer);
    Object.assign(globalThis, { setTimeout, clearTimeout });
  }

  /** What is due then is called, one after the other, each with all that follows from it. */
  async goOn(ms: number): Promise<void> {
    this.#nowMs += ms;
    await turn();
    for (;;) {
      const due = [...this.#timers].find(([, { atMs }]) => atMs <= this.#nowMs);
      if (due === undefined) return;
      this.#timers.delete(due[0]);
      due[1].call();
      await turn();
    }
  }

  [Symbol.dispose](): void {
    Object.assign(globalThis, this.#real);
    Reflect.deleteProperty(performance, 'now');
  }
}

describe('turns at a lock', () => {
  const path = '/nowhere/lock';
  const options = { timeoutMs: 1000, busy: () => new Error('busy') };
  let said: string[];
  let clock: Clock;
  beforeEach(() => {
    said = [];
    clock = new Clock();
  });
  afterEach(() => clock[Symbol.dispose]());

  /** @returns its end, once it has had one */
  async function take(name: string): Promise<(() => void) | undefined> {
    try {
      const pass = await takeTurn(path, options);
      said.push(name);
      return pass;
    } catch (error) {
      said.push(`${name}: ${(error as Error).message}`);
      return undefined;
    }
  }

  it('come in their order, and are waited for as long as each is over in time', async () => {
    const names = ['a', 'b', 'c', 'd', 'e'];
    for (const wait of names.map(take)) {
      const pass = await wait;
      await clock.goOn(999);
      pass?.();
    }
    expect(said).to.deep.equal(names);
  });

  it('are waited for no longer when nobody has had one for that time; who has it then passes it on to who comes next', async () => {
    const pass = await take('a');
    const waiting = ['b', 'c'].map(take);
    await clock.goOn(999);
    expect(said).to.deep.equal(['a']);
    await clock.goOn(1);
    await Promise.all(waiting);
    expect(said).to.deep.equal(['a', 'b: busy', 'c: busy']);
    const last = take('d');
    pass?.();
    (await last)?.();
    expect(said.at(-1)).to.equal('d');
  });

  it('wait from then on when one who came late has had none, not from when the first had his', async () => {
    const pass = await take('a');
    await clock.goOn(900);
    const late = take('b');
    await clock.goOn(200);
    expect(said, 'it has not waited for its time').to.deep.equal(['a']);
    pass?.();
    (await late)?.();
    expect(said).to.deep.equal(['a', 'b']);
  });
});
