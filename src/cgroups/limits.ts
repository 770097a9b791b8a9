/** The ceilings and floors of one zone. */

/** A number, `Infinity` or `null` for no limit (JSON has no Infinity), or absent: as the kernel has it. */
export type Limit = number | null | undefined;

export interface ZoneLimits {
  /** Hard ceiling of memory; what needs more is OOM-killed. */
  readonly memoryBytes?: Limit;
  /** On top of memoryBytes, without which it cannot be given; 0 if absent and the kernel counts swap. */
  readonly swapBytes?: Limit;
  /** A floor: not reclaimed under pressure. v2 only. */
  readonly memoryGuaranteeBytes?: Limit;
  /** CPU time per wall time: 0.5 is half a CPU. */
  readonly cpus?: Limit;
  /** 1 to 10000; 100 is the kernel's default. */
  readonly cpuWeight?: Limit;
  /** Processes and threads. */
  readonly pids?: Limit;
  /** `0-3,5`; absent or null: all that the host has. */
  readonly cpuset?: string | null | undefined;
}

/** A limit that is one. */
export function isSet(limit: Limit): limit is number {
  return limit !== undefined && limit !== null && limit !== Number.POSITIVE_INFINITY;
}

/** As the kernel's files want it. */
export function numberOr(limit: Limit, unlimited: string): string {
  return isSet(limit) ? String(Math.floor(limit)) : unlimited;
}
