/** `fork`: a clone that runs at once. */
import { randomInt } from 'node:crypto';
import { generateName } from '../spec/index.js';
import { type CloneInput, type CloneResult, cloneThen } from './clone-zone.js';
import { discardZone } from './delete-zone.js';
import type { HostContext } from './host-context.js';
import type { BehindOptions } from './merge-behind.js';
import { launchCreated } from './start-zone.js';

export type ForkInput = Omit<CloneInput, 'name'> & {
  /** Generated if not given. */
  readonly name?: string | undefined;
};

export interface ForkResult extends CloneResult {
  readonly pid: number;
}

/** It boots anew, from the files of that instant: processes are not copied. If it cannot be started, nothing of it is left. */
export async function forkZone(host: HostContext, input: ForkInput, options: BehindOptions = {}): Promise<ForkResult> {
  const name = input.name ?? generateName(randomInt);
  return cloneThen(host, { ...input, name }, options, async (record, cloned) => {
    try {
      const { pid, notes } = await launchCreated(host, record, { signal: options.signal, detach: true });
      return { ...cloned, pid, notes: [...cloned.notes, ...notes] };
    } catch (error) {
      await discardZone(host, name);
      throw error;
    }
  });
}
