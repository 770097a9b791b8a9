/** Zones that idle while something is measured. */
import { mustRun, run } from '../command.js';
import type { Life } from '../peers/peer.js';

export async function beginLife(life: Pick<Life, 'create' | 'start'>): Promise<void> {
  await mustRun(life.create);
  await mustRun(life.start);
}

/** Also of one that is not there: no failure. */
export async function endLife(life: Pick<Life, 'stop' | 'delete'>): Promise<void> {
  await run(life.stop);
  await run(life.delete);
}
