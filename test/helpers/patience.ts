/** Waiting in tests. TSZONE_TEST_SLOWDOWN (a number) says how much slower than usual this machine is. */
import { setTimeout as sleep } from 'node:timers/promises';

export const slowdown = Math.max(1, Number(process.env.TSZONE_TEST_SLOWDOWN ?? 1) || 1);

/** Milliseconds as they are meant on a usual machine → as this one needs them. */
export const patience = (ms: number): number => Math.ceil(ms * slowdown);

/** For a directory in which somebody may still be writing who was killed, or who tidies up behind a zone's end. */
export const patientRemoval = { recursive: true, force: true, maxRetries: 50, retryDelay: 20 } as const;

type Check<T> = () => Promise<T | undefined | false> | T | undefined | false;

/** Calls `check` until it gives something other than undefined or false. @throws Error with the last failure when the time is over */
export function eventually<T>(what: string, check: Check<T>, ms = 30_000): Promise<T> {
  return until(what, check, { ms, longestPauseMs: 200 });
}

/** The same for what may be over in less than the pauses of `eventually`: something is to be killed in its midst. */
export function inTime<T>(what: string, check: Check<T>): Promise<T> {
  return until(what, check, { ms: 30_000, longestPauseMs: 2 });
}

async function until<T>(
  what: string,
  check: Check<T>,
  { ms, longestPauseMs }: { readonly ms: number; readonly longestPauseMs: number },
): Promise<T> {
  const deadline = performance.now() + patience(ms);
  let last: unknown;
  for (let pause = Math.min(5, longestPauseMs); ; pause = Math.min(longestPauseMs, pause * 2)) {
    try {
      const value = await check();
      if (value !== undefined && value !== false) return value;
    } catch (error) {
      last = error;
    }
    if (performance.now() > deadline)
      throw new Error(`it never came true: ${what}${last === undefined ? '' : `; ${String(last)}`}`, { cause: last });
    await sleep(pause);
  }
}
