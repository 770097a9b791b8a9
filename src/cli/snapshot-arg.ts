/** `ZONE@SNAPSHOT` on the command line. */
import { zoneError } from '../errors/index.js';
import { parseDuration, requireSnapshotRef } from '../spec/index.js';
import { requiredArg } from './flags.js';

export const snapshotArg = requiredArg('ZONE@SNAPSHOT');

/** @throws USAGE_BAD_ARGUMENT no snapshot is named */
export function requiredSnapshot(text: string): { readonly zone: string; readonly snapshot: string } {
  const { zone, snapshot } = requireSnapshotRef(text);
  if (snapshot !== undefined) return { zone, snapshot };
  throw zoneError('USAGE_BAD_ARGUMENT', `"${text}" names no snapshot`, {
    hint: `Write ${text}@NAME; see "tszone snapshot list ${text}".`,
  });
}

/** @throws USAGE_BAD_ARGUMENT */
export function keepTime(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const keepMs = parseDuration(text);
  if (keepMs !== undefined && keepMs > 0) return keepMs;
  throw zoneError('USAGE_BAD_ARGUMENT', `"--keep" is not a time: "${text}"`, {
    hint: 'Write --keep 24h, 7d or 4w. How many are kept of those without a name says "tszone set ZONE --snapshot-keep 24h,7d,4w".',
  });
}
