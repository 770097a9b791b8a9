/** Medians, tenth and ninetieth percentiles, and ratios of what was measured in the same round. */

export interface Summary {
  readonly median: number;
  readonly p10: number;
  readonly p90: number;
}

/** Between two samples as far as the share says; of nothing, not a number. */
export function quantile(samples: readonly number[], share: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  const at = (sorted.length - 1) * share;
  const below = sorted[Math.floor(at)] ?? Number.NaN;
  const above = sorted[Math.ceil(at)] ?? Number.NaN;
  return below + (above - below) * (at - Math.floor(at));
}

export function summarize(samples: readonly number[]): Summary {
  return { median: quantile(samples, 0.5), p10: quantile(samples, 0.1), p90: quantile(samples, 0.9) };
}

/** Round by round: a slow moment of the machine hits both. Rounds that one of them lacks are left out. */
export function ratiosPerRound(samples: readonly number[], reference: readonly number[]): number[] {
  const rounds = Math.min(samples.length, reference.length);
  return samples.slice(0, rounds).map((value, round) => value / (reference[round] ?? Number.NaN));
}
