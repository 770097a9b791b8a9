/** The events of one session: each can be waited for, once or often, before or after it came. */
import { type Deferred, deferred } from './deferred.js';
import type { HelperEvent } from './protocol.js';

export type EventName = Exclude<HelperEvent['event'], 'error'>;
export type EventOf<Name extends EventName> = Extract<HelperEvent, { event: Name }>;

export class EventBoard {
  #waiting = new Map<EventName, Slot>();
  #failure: { readonly error: unknown } | undefined;

  /** Resolves with the event, also if it came earlier. Rejects when the session failed. */
  expect<Name extends EventName>(name: Name): Promise<EventOf<Name>> {
    return this.#slot(name).promise as Promise<EventOf<Name>>;
  }

  has(name: EventName): boolean {
    return this.#waiting.get(name)?.settled === true;
  }

  get failed(): boolean {
    return this.#failure !== undefined;
  }

  settle(event: Exclude<HelperEvent, { event: 'error' }>): void {
    const slot = this.#slot(event.event);
    slot.settled = true;
    slot.resolve(event);
  }

  /** Everything that has not come yet never will. */
  fail(error: unknown): void {
    if (this.#failure !== undefined) return;
    this.#failure = { error };
    for (const slot of this.#waiting.values()) slot.reject(error);
  }

  #slot(name: EventName): Slot {
    const known = this.#waiting.get(name);
    if (known !== undefined) return known;
    const slot = { ...deferred<HelperEvent>(), settled: false };
    // Not every session waits for every event.
    slot.promise.catch(() => {});
    if (this.#failure !== undefined) slot.reject(this.#failure.error);
    this.#waiting.set(name, slot);
    return slot;
  }
}

interface Slot extends Deferred<HelperEvent> {
  settled: boolean;
}
