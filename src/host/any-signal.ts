/** A signal of several. */

const held = new WeakMap<AbortSignal, readonly AbortSignal[]>();

/**
 * AbortSignal.any of those that there are, which live as long as it does. node holds them weakly: a timeout that nobody else keeps goes with the
 * next garbage collection, and its time never comes.
 */
export function anySignal(signals: readonly (AbortSignal | undefined)[]): AbortSignal {
  const sources = signals.filter((one) => one !== undefined);
  const [only] = sources;
  if (only !== undefined && sources.length === 1) return only;
  const any = AbortSignal.any(sources);
  held.set(any, sources);
  return any;
}
