/** Names below a directory. */
import { outputOf } from './cli.js';

/**
 * Relative, sorted. node's recursive readdir without types follows links, and those of an unpacked root lead to the host's own
 * directories, in which others come and go.
 */
export async function namesBelow(directory: string): Promise<string[]> {
  const list = await outputOf('find', [directory, '-mindepth', '1', '-printf', '%P\\0']);
  return list.split('\0').slice(0, -1).toSorted();
}
