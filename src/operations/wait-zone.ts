/** `wait`: until a zone is what one waits for. */
import { setTimeout as sleep } from 'node:timers/promises';
import { zoneError } from '../errors/index.js';
import { waitForExit } from '../helper/index.js';
import { anySignal } from '../host/index.js';
import { isEnding, readExit, readRunning, readZone, zonePaths } from '../state/index.js';
import type { HostContext } from './host-context.js';

export type WaitFor = 'running' | 'stopped';

export interface WaitOptions {
  readonly for: WaitFor;
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** @returns for `stopped`: how the zone ended, if it has ever run. @throws ZONE_NOT_FOUND, WAIT_TIMEOUT */
export async function waitForZone(host: HostContext, name: string, options: WaitOptions): Promise<{ status?: number }> {
  await readZone(host.roots, name);
  const deadline = options.timeoutMs === undefined ? undefined : AbortSignal.timeout(options.timeoutMs);
  const signal = anySignal([deadline, options.signal]);
  try {
    const until = options.for === 'running' ? untilRunning : untilStopped;
    const status = await until(host, name, signal);
    return status === undefined ? {} : { status };
  } catch (error) {
    if (deadline?.aborted !== true) throw error;
    throw zoneError('WAIT_TIMEOUT', `zone "${name}" is not ${options.for} yet`, {
      hint: `Look at "tszone status ${name}", or pass a longer --timeout.`,
      context: { zone: name, for: options.for },
    });
  }
}

async function untilRunning({ roots }: HostContext, name: string, signal: AbortSignal): Promise<undefined> {
  for (;;) {
    if ((await readRunning(roots, name)) !== undefined) return undefined;
    await sleep(50, undefined, { signal });
  }
}

/**
 * The monitor tells, or its record: that pid 1 is dead is not all. Polling is only for the moments in which there is neither.
 *
 * @returns its status
 */
async function untilStopped({ roots }: HostContext, name: string, signal: AbortSignal): Promise<number | undefined> {
  while ((await readRunning(roots, name)) !== undefined || (await isEnding(roots, name))) {
    signal.throwIfAborted();
    const told = await Promise.race([
      waitForExit(zonePaths(roots, name).monitorSocket, signal).catch(() => undefined),
      aborted(signal),
    ]);
    signal.throwIfAborted();
    // By now it may have been started again: then there is no record. What came to an end may have been a copy into a stopped zone.
    if (told !== undefined) return (await readExit(roots, name))?.status ?? told.status;
    await sleep(5, undefined, { signal });
  }
  return (await readExit(roots, name))?.status;
}

function aborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(undefined);
    signal.addEventListener('abort', () => resolve(undefined), { once: true });
  });
}
