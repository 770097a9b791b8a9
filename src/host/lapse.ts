/** Time limits of a process that may have stood still itself, on a busy machine. */
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';

/** Over when what has come meanwhile has been looked at, too: in a turn of node's loop timers are first, and then what sockets have. */
export async function lapse(
  ms: number,
  options: { readonly signal?: AbortSignal; readonly ref?: boolean } = {},
): Promise<void> {
  await sleep(ms, undefined, options);
  await turn();
}
