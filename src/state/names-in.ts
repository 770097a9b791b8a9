/** The names in a directory of ours. */
import { readdir } from '../host/quick-fs.js';
import { isErrno } from './json-file.js';
import { parsedOnce } from './parsed-files.js';

/** Sorted; none if it is not there. Kept where parsed files are: an entry that comes or goes changes the directory's time. */
export async function namesIn(path: string): Promise<readonly string[]> {
  const names = await parsedOnce(path, async () => {
    const found = await readdir(path).catch((error: unknown) => {
      if (isErrno(error, 'ENOENT')) return [];
      throw error;
    });
    return found.sort();
  });
  return names ?? [];
}
