/** Why a start has failed, where node and the helper work on it at the same time. */
import type { HelperSession } from '../helper/index.js';
import { lapse } from '../host/lapse.js';

/**
 * A helper that fails takes back what node is working on: then it is the helper that knows why.
 *
 * @param wordMs for tests: how long it is waited for
 * @throws
 */
export async function causeOf(session: HelperSession, error: unknown, wordMs = helperWordMs): Promise<never> {
  const failed = session.expect('created').then(
    () => error,
    (cause: unknown) => cause,
  );
  const stop = new AbortController();
  const silent = lapse(wordMs, { signal: stop.signal }).then(() => error);
  const cause = await Promise.race([failed, silent]);
  stop.abort();
  throw cause;
}

/** For an event that is on its way, through the spawner: it is said before anything is taken back, and neither process may get a CPU at once. */
const helperWordMs = 5000;
