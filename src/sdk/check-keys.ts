/** Options of the library that have no schema: an unknown key is an error at run time, as it is at compile time. */
import { zoneError } from '../errors/index.js';
import { nearest } from '../spec/index.js';

/** @throws SPEC_INVALID naming the nearest known key */
export function checkKeys(what: string, options: object, known: readonly string[]): void {
  for (const key of Object.keys(options)) {
    if (known.includes(key)) continue;
    const near = nearest(key, known);
    throw zoneError(
      'SPEC_INVALID',
      `"${key}" is not an option of ${what}${near === undefined ? '' : `; did you mean "${near}"?`}`,
      {
        hint: `The options are: ${known.join(', ')}.`,
        context: { issues: [{ path: key, message: 'is not known' }] },
      },
    );
  }
}

/** What all that works on a repository of backups takes. */
export const repositoryKeys = ['repository', 'passwordFile', 'environment', 'signal', 'timeoutMs'] as const;
