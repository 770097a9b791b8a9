/** What a mode of the helper says on stderr when it gives up (native/unpack_report.c), as an error. */
import { zoneError } from '../errors/index.js';
import { type Ended, runToEnd } from '../helper/index.js';

export interface FailedStep {
  readonly step: string;
  readonly path: string;
  /** `layers could not be merged` */
  readonly what: string;
}

/** Runs such a mode, which says nothing but that. @throws RESOURCE_DISK_FULL, KERNEL_STEP_FAILED */
export async function runStep(mode: string, args: readonly string[], step: FailedStep): Promise<void> {
  requireDone(await runToEnd(mode, args), step);
}

/** @throws RESOURCE_DISK_FULL, KERNEL_STEP_FAILED */
export function requireDone({ status, said }: Ended, step: FailedStep): void {
  if (status !== 0) throw toolFailed(said, step);
}

/** ENOSPC, EDQUOT. */
const fullErrnos: readonly (number | undefined)[] = [28, 122];

export function toolFailed(said: string, { step, path, what }: FailedStep): Error {
  const { error: reason, entry, errno } = reportOf(said);
  const isFull = fullErrnos.includes(errno);
  const message = `${isFull ? 'no space is left: ' : ''}${what}: ${reason ?? 'it ended without a word'}`;
  return zoneError(isFull ? 'RESOURCE_DISK_FULL' : 'KERNEL_STEP_FAILED', message, {
    hint: isFull
      ? 'Free some space (tszone snapshot prune, tszone image prune), then repeat the command.'
      : 'See the kernel log (dmesg), then repeat the command.',
    context: { step, path, ...(entry === undefined ? {} : { entry }), ...(errno === undefined ? {} : { errno }) },
  });
}

function reportOf(said: string): { error?: string; entry?: string; errno?: number } {
  try {
    return JSON.parse(said) as { error?: string; entry?: string; errno?: number };
  } catch {
    // It was killed: nothing more is known.
    return {};
  }
}
