/** One AbortSignal per operation: Ctrl-C, SIGTERM, SIGHUP and --timeout abort it, and it cleans up. */
import { setMaxListeners } from 'node:events';
import { constants } from 'node:os';
import { zoneError } from '../errors/index.js';
import { parseDuration } from '../spec/quantities.js';
import { type Caller, interruptSignals, thisProcess } from './caller.js';

/** Thrown when the user interrupted; the exit status is 128+n. */
export class Interrupted extends Error {
  readonly exitStatus: number;

  constructor(signal: NodeJS.Signals) {
    super(`interrupted by ${signal}`);
    this.exitStatus = 128 + constants.signals[signal];
  }
}

/**
 * Runs `work` with a signal that is aborted by the user or by the time limit; after `handOver` only by the latter. A second interrupt ends at once: the
 * next command cleans up.
 *
 * @throws WAIT_TIMEOUT, Interrupted, and whatever `work` throws
 */
export async function withInterrupts<R>(
  timeout: string | undefined,
  work: (signal: AbortSignal, handOver: () => void) => Promise<R>,
  caller: Caller = thisProcess,
): Promise<R> {
  const controller = new AbortController();
  // Of a thousand zones each wait has a listener of its own: that is no leak, and none of a user's business.
  setMaxListeners(0, controller.signal);
  const timer = startTimer(timeout, controller);
  const interrupt = (signal: NodeJS.Signals) => {
    if (controller.signal.aborted) caller.exit(128 + constants.signals[signal]);
    controller.abort(new Interrupted(signal));
  };
  const watch = caller.onSignal(interruptSignals, interrupt);
  const release = () => watch[Symbol.dispose]();
  try {
    return await work(controller.signal, release);
  } catch (error) {
    // What an aborted wait throws says less than why it was aborted.
    throw controller.signal.aborted && isAbort(error) ? controller.signal.reason : error;
  } finally {
    clearTimeout(timer);
    release();
  }
}

function startTimer(timeout: string | undefined, controller: AbortController): NodeJS.Timeout | undefined {
  const timeoutMs = parseTimeout(timeout);
  if (timeoutMs === undefined) return undefined;
  const expire = () => {
    controller.abort(
      zoneError('WAIT_TIMEOUT', `not done after ${timeout}`, {
        hint: 'Wait longer with a larger --timeout.',
        context: { timeoutMs },
      }),
    );
  };
  return setTimeout(expire, timeoutMs).unref();
}

/** @throws USAGE_BAD_ARGUMENT */
export function parseTimeout(timeout: string | undefined, flag = '--timeout'): number | undefined {
  if (timeout === undefined) return undefined;
  const timeoutMs = parseDuration(timeout);
  if (timeoutMs !== undefined && timeoutMs <= 2 ** 31 - 1) return timeoutMs;
  throw zoneError('USAGE_BAD_ARGUMENT', `"${flag}" is not a duration: "${timeout}"`, {
    hint: 'Write 500ms, 10s, 5m or 1h.',
  });
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && (error.name === 'AbortError' || ('code' in error && error.code === 'ABORT_ERR'));
}
