/** `ZONE:PATH` on the command line of `cp`. */
import { zoneError } from '../errors/index.js';

export interface Copy {
  readonly direction: 'in' | 'out';
  readonly zone: string;
  readonly zonePath: string;
  readonly hostPath: string;
}

/** What stands before the first colon is a zone, unless it has a slash: `./a:b` is a path. */
function zonePath(text: string): { zone: string; path: string } | undefined {
  const match = /^([^/:]+):(.*)$/s.exec(text);
  return match === null ? undefined : { zone: match[1] ?? '', path: match[2] === '' ? '/' : (match[2] ?? '/') };
}

/** @throws USAGE_BAD_ARGUMENT unless exactly one of them is in a zone */
export function parseCopy(source: string, destination: string): Copy {
  const from = zonePath(source);
  const to = zonePath(destination);
  if (from !== undefined && to === undefined)
    return { direction: 'out', zone: from.zone, zonePath: from.path, hostPath: destination };
  if (from === undefined && to !== undefined)
    return { direction: 'in', zone: to.zone, zonePath: to.path, hostPath: source };
  throw zoneError('USAGE_BAD_ARGUMENT', from === undefined ? 'neither path is in a zone' : 'both paths are in zones', {
    hint: 'Write one of them as ZONE:PATH, such as "tszone cp file web:/tmp/".',
  });
}
