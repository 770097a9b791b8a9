/** `ZONE` or `ZONE@SNAPSHOT`. */
import { zoneError } from '../errors/index.js';

export interface ZoneRef {
  readonly zone: string;
}

/** @throws HOST_FEATURE_MISSING this tszone keeps no snapshots */
export function parseZoneRef(text: string): ZoneRef {
  const [zone = '', snapshot] = text.split('@');
  if (snapshot === undefined) return { zone };
  throw zoneError('HOST_FEATURE_MISSING', `"${text}" names a snapshot, and this tszone keeps none`, {
    hint: `Stop the zone for a consistent copy, then give its name alone: ${zone}.`,
    context: { zone, snapshot },
  });
}
