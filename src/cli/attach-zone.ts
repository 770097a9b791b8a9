/** Stays with a zone that was started for this terminal, until it ends or Ctrl-] is pressed twice. */
import type { Duplex } from 'node:stream';
import { lapse } from '../host/lapse.js';
import { forwardSignals, onResize, rawMode, relayTerminal } from './attached.js';
import { type Caller, thisProcess } from './caller.js';

/** What this file needs of an attached zone. */
export interface AttachedZone {
  readonly console: Duplex | undefined;
  kill(signal: number): Promise<void>;
  resize(rows: number, columns: number): Promise<void>;
  readonly exited: Promise<number>;
}

/**
 * @param taken called when signals go to the zone, with the way to it: whoever had them until then must not stop listening before, or libuv drops
 * one that is on its way to a handler that has gone
 * @returns the exit status, or `undefined` if the user detached
 */
export async function attachZone(
  zone: AttachedZone,
  caller: Caller = thisProcess,
  taken: (kill: (signal: number) => void) => void = () => {},
): Promise<number | undefined> {
  // A zone that has just ended cannot be told anything: its exit is about to be seen.
  const kill = (signal: number) => void zone.kill(signal).catch(() => {});
  using _signals = forwardSignals(kill, caller);
  taken(kill);
  // Awaited here: a returned promise would end the forwarding before the zone.
  if (zone.console === undefined) return await zone.exited;
  using _raw = await rawMode();
  using _resize = onResize(({ rows, columns }) => zone.resize(rows, columns));
  const relay = relayTerminal(zone.console);
  const first = await Promise.race([
    relay.then((isDetached) => ({ isDetached })),
    zone.exited.then(() => ({ isDetached: false })),
  ]);
  if (first.isDetached) return undefined;
  // Its last words may still be on their way; a zone that has ended leaves its console open to nobody.
  await Promise.race([relay, lapse(lastWordsMs, { ref: false })]);
  return await zone.exited;
}

const lastWordsMs = 2000;
