/**
 * Turns at a lock among those of one process. What many of them hold for a moment each (a thousand zones that are deleted at once give back their
 * addresses) they do not wait for with a process and a time limit each: one of them asks the kernel, and the limit begins anew when it has had its turn.
 */
import { deferred } from '../helper/deferred.js';

interface Queue {
  readonly waiting: (() => void)[];
  /** When one had its turn last. */
  changedAtMs: number;
}

export interface TurnOptions {
  /** How long nobody may have had a turn. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  /** What is thrown then. */
  readonly busy: () => Error;
}

const queues = new Map<string, Queue>();

/** @returns to be called when the turn is over @throws what `busy` makes, the signal's reason */
export async function takeTurn(path: string, options: TurnOptions): Promise<() => void> {
  options.signal?.throwIfAborted();
  const queue = queues.get(path);
  if (queue === undefined) queues.set(path, { waiting: [], changedAtMs: performance.now() });
  else await waitIn(queue, options);
  return () => pass(path);
}

function pass(path: string): void {
  const queue = queues.get(path);
  if (queue === undefined) return;
  queue.changedAtMs = performance.now();
  const next = queue.waiting.shift();
  if (next === undefined) queues.delete(path);
  else next();
}

async function waitIn(queue: Queue, { timeoutMs, signal, busy }: TurnOptions): Promise<void> {
  const { promise, resolve: take, reject } = deferred<void>();
  const resolve = () => take();
  queue.waiting.push(resolve);
  const leave = (reason: unknown) => {
    const at = queue.waiting.indexOf(resolve);
    if (at < 0) return;
    queue.waiting.splice(at, 1);
    reject(reason);
  };
  const abort = () => leave(signal?.reason);
  let timer: NodeJS.Timeout;
  const look = () => {
    const leftMs = queue.changedAtMs + timeoutMs - performance.now();
    if (leftMs <= 0) leave(busy());
    else timer = setTimeout(look, leftMs);
  };
  timer = setTimeout(look, timeoutMs);
  signal?.addEventListener('abort', abort, { once: true });
  try {
    await promise;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', abort);
  }
}
