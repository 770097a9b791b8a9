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
  // In a policy it is months (--snapshot-keep 12m): what was meant for a year is not to go after twelve minutes.
  const isAmbiguous = /\dm$/.test(text.trim());
  const keepMs = isAmbiguous ? undefined : parseDuration(text);
  if (keepMs !== undefined && keepMs > 0) return keepMs;
  if (isAmbiguous)
    throw zoneError('USAGE_BAD_ARGUMENT', `"--keep ${text}" may be minutes or months`, {
      hint: 'Write hours, days or weeks: --keep 1h, 30d or 52w.',
    });
  throw zoneError('USAGE_BAD_ARGUMENT', `"--keep" is not a time: "${text}"`, {
    hint: 'Write --keep 24h, 7d or 4w. How many are kept of those without a name says "tszone set ZONE --snapshot-keep 24h,7d,4w".',
  });
}
