/** Sizes, durations and counts as people write them, turned into numbers at the door. */

const factors: Readonly<Record<string, number>> = { '': 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 };

/** `512M`, `1.5G`, `65536` or a number → bytes; powers of 1024. `undefined` if it is none of these. */
export function parseSize(text: string | number): number | undefined {
  if (typeof text === 'number') return Number.isSafeInteger(text) && text >= 0 ? text : undefined;
  const match = /^(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?$/i.exec(text.trim());
  if (match === null) return undefined;
  const bytes = Math.floor(Number(match[1]) * (factors[(match[2] ?? '').toLowerCase()] ?? Number.NaN));
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

const durations: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  '': 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

/** `10`, `10s`, `500ms`, `5m`, `2h` → milliseconds; a bare number is seconds. `undefined` if it is none of these. */
export function parseDuration(text: string | number): number | undefined {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d|w|)$/.exec(String(text).trim());
  if (match === null) return undefined;
  const ms = Math.round(Number(match[1]) * (durations[match[2] ?? ''] ?? Number.NaN));
  return Number.isSafeInteger(ms) ? ms : undefined;
}

/** Bytes as a table shows them: `1.5G`, `512M`, `0`. */
export function formatSize(bytes: number): string {
  const unit = (['T', 'G', 'M', 'K'] as const).find((name) => bytes >= (factors[name.toLowerCase()] ?? 1));
  if (unit === undefined) return String(bytes);
  const value = bytes / (factors[unit.toLowerCase()] ?? 1);
  return `${value >= 100 || Number.isInteger(value) ? Math.round(value) : value.toFixed(1)}${unit}`;
}
