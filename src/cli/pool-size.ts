/** --size of pools. */
import { zoneError } from '../errors/index.js';
import { parseSize } from '../spec/quantities.js';

/** @throws USAGE_BAD_ARGUMENT */
export function parsePoolSize(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const bytes = parseSize(text);
  if (bytes !== undefined && bytes > 0) return bytes;
  throw zoneError('USAGE_BAD_ARGUMENT', `"--size" is not a size: "${text}"`, { hint: 'Write --size 20G.' });
}
