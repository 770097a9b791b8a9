/** `console`: the terminal of a zone that was started with one. */
import type { Duplex } from 'node:stream';
import { zoneError } from '../errors/index.js';
import { attachConsole, sendSignal, setWinsize, waitForExit } from '../helper/index.js';
import { readExit, readZone, zonePaths } from '../state/index.js';
import type { HostContext } from './host-context.js';
import { requireRunning } from './zone-ref.js';

export interface AttachedConsole {
  readonly console: Duplex;
  kill(signal: number): Promise<void>;
  resize(rows: number, columns: number): Promise<void>;
  /** Status of pid 1. */
  readonly exited: Promise<number>;
}

/** @throws ZONE_NOT_FOUND, ZONE_NOT_RUNNING, ZONE_STATE: it has no terminal */
export async function attachZoneConsole(host: HostContext, name: string): Promise<AttachedConsole> {
  const { spec, image } = await readZone(host.roots, name);
  await requireRunning(host, name);
  const isOnConsole = spec.tty || (spec.init ?? image.config.init) === 'full';
  if (!isOnConsole) {
    throw zoneError('ZONE_STATE', `zone "${name}" has no terminal`, {
      hint: `Use "tszone logs -f ${name}" or "tszone shell ${name}"; "tszone set ${name} --tty" gives it one at its next start.`,
      context: { zone: name },
    });
  }
  const { monitorSocket } = zonePaths(host.roots, name);
  // The record may be that of a run after it: a policy has started the zone again.
  const exited = waitForExit(monitorSocket).then(
    async (told) => told?.status ?? (await readExit(host.roots, name))?.status ?? 0,
  );
  exited.catch(() => {});
  return {
    console: await attachConsole(monitorSocket),
    kill: (signal) => sendSignal(monitorSocket, signal),
    resize: (rows, columns) => setWinsize(monitorSocket, rows, columns),
    exited,
  };
}
