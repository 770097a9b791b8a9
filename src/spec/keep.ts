/** How many snapshots of a zone are kept: `24h,7d,4w` is the last one of each of 24 hours, 7 days and 4 weeks. */

const periods = { h: 'hourly', d: 'daily', w: 'weekly', m: 'monthly', y: 'yearly' } as const;
export type KeepPeriod = (typeof periods)[keyof typeof periods];
export type KeepPolicy = Partial<Readonly<Record<KeepPeriod, number>>>;

/** `undefined`: not of that form. */
export function parseKeep(text: string): KeepPolicy | undefined {
  const policy: Partial<Record<KeepPeriod, number>> = {};
  for (const part of text.split(',')) {
    const match = /^([1-9]\d{0,3})([hdwmy])$/.exec(part.trim());
    const period = periods[match?.[2] as keyof typeof periods];
    if (match === null || period in policy) return undefined;
    policy[period] = Number(match[1]);
  }
  return policy;
}

/** The reverse. */
export function formatKeep(policy: KeepPolicy): string {
  return Object.entries(periods)
    .filter(([, period]) => policy[period] !== undefined)
    .map(([letter, period]) => `${policy[period]}${letter}`)
    .join(',');
}

/** Two points in time with the same text lie in the same period, in UTC. */
const keys: Readonly<Record<KeepPeriod, (at: Date) => string>> = {
  hourly: (at) => at.toISOString().slice(0, 13),
  daily: (at) => at.toISOString().slice(0, 10),
  weekly: (at) => String(Math.floor((at.getTime() / 86_400_000 + 3) / 7)),
  monthly: (at) => at.toISOString().slice(0, 7),
  yearly: (at) => at.toISOString().slice(0, 4),
};

/**
 * What `restic forget` does: of the last N periods that have a snapshot at all, the newest of each; and what any rule keeps is kept. So
 * nothing goes only because time passes without new ones. Pure.
 */
export function keptBy<T extends { readonly createdAtMs: number }>(
  policy: KeepPolicy,
  snapshots: readonly T[],
): Set<T> {
  const kept = new Set<T>();
  const newestFirst = [...snapshots].sort((a, b) => b.createdAtMs - a.createdAtMs);
  for (const [period, count] of Object.entries(policy) as [KeepPeriod, number][]) {
    const seen = new Set<string>();
    for (const one of newestFirst) {
      const key = keys[period](new Date(one.createdAtMs));
      if (seen.has(key)) continue;
      if (seen.size === count) break;
      seen.add(key);
      kept.add(one);
    }
  }
  return kept;
}
