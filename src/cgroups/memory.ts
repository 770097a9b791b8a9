/**
 * memory: v1 `memory.limit_in_bytes`, `memory.memsw.limit_in_bytes` (memory and swap together); v2 `memory.max`,
 * `memory.swap.max` (swap alone), `memory.min`.
 */
import type { ControllerRules, FileValue } from './controller.js';
import { isSet, numberOr, type ZoneLimits } from './limits.js';

export const memoryRules: ControllerRules = {
  controller: 'memory',
  purpose: 'memory limit',
  isAsked: ({ memoryBytes, swapBytes, memoryGuaranteeBytes }) =>
    isSet(memoryBytes) || isSet(swapBytes) || isSet(memoryGuaranteeBytes),
  v1: (limits, { layout, previous }) => memoryV1(limits, previous, layout.swapAccounting),
  v2: (limits, { layout }) => [
    { file: 'memory.max', value: numberOr(limits.memoryBytes, 'max') },
    ...(layout.swapAccounting ? [{ file: 'memory.swap.max', value: swapV2(limits) }] : []),
    { file: 'memory.min', value: numberOr(limits.memoryGuaranteeBytes, '0') },
  ],
};

/**
 * memsw must never be below memory (EINVAL), at no moment: when the sum grows it goes first, when it shrinks it goes last.
 */
function memoryV1(limits: ZoneLimits, previous: ZoneLimits | undefined, swapAccounting: boolean): FileValue[] {
  const memory = { file: 'memory.limit_in_bytes', value: numberOr(limits.memoryBytes, '-1') };
  if (!swapAccounting) return [memory];
  const total = totalBytes(limits);
  const memsw = { file: 'memory.memsw.limit_in_bytes', value: numberOr(total, '-1') };
  const grows = previous !== undefined && total >= totalBytes(previous);
  return grows ? [memsw, memory] : [memory, memsw];
}

/** Memory and swap together, or Infinity. Without a memory limit swap has none: memsw cannot be below memory. */
function totalBytes({ memoryBytes, swapBytes }: ZoneLimits): number {
  if (!isSet(memoryBytes)) return Number.POSITIVE_INFINITY;
  if (swapBytes === undefined) return memoryBytes;
  return isSet(swapBytes) ? memoryBytes + swapBytes : Number.POSITIVE_INFINITY;
}

/** A memory limit that could be left by swapping would be none, so swap is 0 unless it is asked for. */
function swapV2({ memoryBytes, swapBytes }: ZoneLimits): string {
  if (swapBytes === undefined) return isSet(memoryBytes) ? '0' : 'max';
  return numberOr(swapBytes, 'max');
}
