/** Signals of the moment between a zone's `go` and the forwarding of signals to it: its command runs by then, and they are for that. */
import { constants } from 'node:os';
import { type Caller, forwardedSignals, interruptSignals } from './caller.js';

export class HeldSignals implements Disposable {
  readonly #caller: Caller;
  readonly #held: NodeJS.Signals[] = [];
  #watch: Disposable | undefined;

  constructor(caller: Caller) {
    this.#caller = caller;
  }

  /** From now on. A second interrupt ends at once, as before: the next command cleans up. */
  begin(): void {
    this.#watch ??= this.#caller.onSignal(forwardedSignals, (name) => {
      const isInterrupt = (one: NodeJS.Signals) => interruptSignals.some((interrupt) => interrupt === one);
      if (isInterrupt(name) && this.#held.some(isInterrupt)) this.#caller.exit(128 + constants.signals[name]);
      this.#held.push(name);
    });
  }

  /** In their order; whoever takes them listens already. */
  passTo(kill: (signal: number) => void): void {
    this[Symbol.dispose]();
    for (const name of this.#held.splice(0)) kill(constants.signals[name]);
  }

  [Symbol.dispose](): void {
    this.#watch?.[Symbol.dispose]();
    this.#watch = undefined;
  }
}
