/** What is mounted where, as this process sees it: proc_pid_mountinfo(5). */

import { sep } from 'node:path';
import { readFile, realpath } from '../host/quick-fs.js';

/** All mount points, in the order in which they were mounted. */
export async function mountPoints(): Promise<string[]> {
  const text = await readFile('/proc/self/mountinfo', 'utf8');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => unescapeOctal(line.split(' ')[4] ?? ''));
}

/** Space, tab, newline and backslash are written as `\040`. */
function unescapeOctal(text: string): string {
  return text.replace(/\\(\d{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}

/** Mount points at `path` or below it, the deepest last mounted first: in the order in which they can be unmounted. */
export async function mountsBelow(path: string): Promise<string[]> {
  const real = await realpath(path).catch(() => path);
  return (await mountPoints()).filter((point) => point === real || point.startsWith(real + sep)).reverse();
}

/** The mount that the path lies on, whether or not the path is there. Pure. */
export function mountOf(path: string, points: readonly string[]): string {
  const above = points.filter((point) => path === point || path.startsWith(point === sep ? sep : point + sep));
  return above.reduce((longest, point) => (point.length >= longest.length ? point : longest), sep);
}

/** Mount points of what was mounted under this name, the last one first. */
export async function mountsOf(source: string): Promise<string[]> {
  const text = await readFile('/proc/self/mountinfo', 'utf8');
  return text
    .split('\n')
    .map((line) => line.split(' '))
    .filter((words) => unescapeOctal(words[words.indexOf('-') + 2] ?? '') === source)
    .map((words) => unescapeOctal(words[4] ?? ''))
    .reverse();
}
