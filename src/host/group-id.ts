/** The number of a group of this host. */
import { readFile } from 'node:fs/promises';
import { zoneError } from '../errors/index.js';

/** @throws USAGE_BAD_ARGUMENT it is neither a number nor in /etc/group */
export async function groupId(name: string): Promise<number> {
  if (/^\d{1,9}$/.test(name)) return Number(name);
  const lines = (await readFile('/etc/group', 'utf8').catch(() => '')).split('\n').map((line) => line.split(':'));
  const id = lines.find(([found]) => found === name)?.[2];
  if (id !== undefined) return Number(id);
  throw zoneError('USAGE_BAD_ARGUMENT', `group "${name}" is not in /etc/group`, {
    hint: 'Name a group of this host, or give its number: getent group.',
    context: { group: name },
  });
}
