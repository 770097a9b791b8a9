/** `wait`: until a zone is what one waits for. */
import { setTimeout as sleep } from 'node:timers/promises';
import { zoneError } from '../errors/index.js';
import { waitForExit } from '../helper/index.js';
import { type ExitRecord, readExit, readPrepared, readRunning, readZone, zonePaths } from '../state/index.js';
import type { HostContext } from './host-context.js';
import { isMonitorThere } from './running-state.js';

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
  const signal = AbortSignal.any([deadline, options.signal].filter((one) => one !== undefined));
  try {
    if (options.for === 'running') {
      await untilRunning(host, name, signal);
      return {};
    }
    await untilStopped(host, name, signal);
    const exit = await recordedExit(host, name, signal);
    return exit === undefined ? {} : { status: exit.status };
  } catch (error) {
    if (deadline?.aborted !== true) throw error;
    throw zoneError('WAIT_TIMEOUT', `zone "${name}" is not ${options.for} yet`, {
      hint: `Look at "tszone status ${name}", or pass a longer --timeout.`,
      context: { zone: name, for: options.for },
    });
  }
}

async function untilRunning(host: HostContext, name: string, signal: AbortSignal): Promise<void> {
  for (;;) {
    if ((await readRunning(host.roots, name)) !== undefined) return;
    await sleep(50, undefined, { signal });
  }
}

/** The monitor tells; polling is only for the moment in which there is none. */
async function untilStopped(host: HostContext, name: string, signal: AbortSignal): Promise<void> {
  while ((await readRunning(host.roots, name)) !== undefined) {
    signal.throwIfAborted();
    await Promise.race([
      waitForExit(zonePaths(host.roots, name).monitorSocket, signal).catch(() => {}),
      aborted(signal),
    ]);
    signal.throwIfAborted();
    await sleep(5, undefined, { signal });
  }
}

/** The monitor writes it a little after the end that everybody can see. */
async function recordedExit(
  { roots }: HostContext,
  name: string,
  signal: AbortSignal,
): Promise<ExitRecord | undefined> {
  for (;;) {
    const isComing = await isMonitorThere(roots, name);
    // Looked for after its monitor: what that has written before it went is seen.
    const exit = await readExit(roots, name);
    if (exit !== undefined || !isComing || (await readPrepared(roots, name)) !== undefined) return exit;
    await sleep(5, undefined, { signal });
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
