/** Numbers and points in time on the command line. */
import { zoneError } from '../errors/index.js';
import { parseDuration } from '../spec/quantities.js';

/** @throws USAGE_BAD_ARGUMENT */
export function parseCount(value: string | undefined, flag: string): number | undefined {
  if (value === undefined) return undefined;
  if (/^\d{1,9}$/.test(value)) return Number(value);
  throw zoneError('USAGE_BAD_ARGUMENT', `"${flag}" is not a whole number: "${value}"`, { hint: `Write ${flag} 100.` });
}

/** A date and time, or a duration: that long ago. @returns milliseconds since the epoch. @throws USAGE_BAD_ARGUMENT */
export function parseTime(value: string | undefined, flag: string, nowMs: number = Date.now()): number | undefined {
  if (value === undefined) return undefined;
  const agoMs = parseDuration(value);
  if (agoMs !== undefined) return nowMs - agoMs;
  const atMs = /^\d{4}-\d{2}-\d{2}/.test(value) ? Date.parse(value) : Number.NaN;
  if (!Number.isNaN(atMs)) return atMs;
  throw zoneError('USAGE_BAD_ARGUMENT', `"${flag}" is not a time: "${value}"`, {
    hint: 'Write 10m for ten minutes ago, or 2026-01-31T12:00:00Z.',
  });
}
