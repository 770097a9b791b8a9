/** Why a start has failed, where node and the helper work on it at the same time. */
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import type { HelperSession } from '../helper/index.js';

/** A helper that fails takes back what node is working on: then it is the helper that knows why. @throws */
export async function causeOf(session: HelperSession, error: unknown): Promise<never> {
  const failed = session.expect('created').then(
    () => error,
    (cause: unknown) => cause,
  );
  // On a busy machine the time may be over when what has come meanwhile has not been looked at.
  throw await Promise.race([failed, sleep(helperWordMs).then(() => turn(error))]);
}

/** For an event that is on its way. */
const helperWordMs = 200;
