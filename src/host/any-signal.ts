/** A signal of several. */

const held = new WeakMap<AbortSignal, readonly AbortSignal[]>();

/**
 * AbortSignal.any, of which the sources live as long as it does. node holds them weakly: a timeout that nobody else keeps goes with the next
 * garbage collection, and its time never comes.
 */
export function anySignal(signals: readonly AbortSignal[]): AbortSignal {
  const any = AbortSignal.any([...signals]);
  held.set(any, signals);
  return any;
}
