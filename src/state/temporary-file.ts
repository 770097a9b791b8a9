/** Names of files that are written aside and then renamed, and what killed writers have left of them. */
import { randomBytes } from 'node:crypto';
import { basename, dirname, join } from 'node:path';
import { lstat, readdir, rm } from '../host/quick-fs.js';

/** `.networks.json.4711.0123456789ab.tmp`; the last part was a number once. */
const pattern = /^\..+\.(\d+)\.[0-9a-f]+\.tmp$/;
/** Nobody writes that long. The writer may also be one that this process does not see: in another pid namespace. */
const leastAgeMs = 60_000;

const swept = new Set<string>();
const mine = randomBytes(6).toString('hex');
let count = 0;

/** A name beside `path` that nobody else takes. The first of a process in a directory sweeps up there. */
export async function temporaryFor(path: string): Promise<string> {
  const directory = dirname(path);
  if (!swept.has(directory)) {
    swept.add(directory);
    await sweep(directory);
  }
  count += 1;
  return join(directory, `.${basename(path)}.${process.pid}.${mine}${count.toString(16)}.tmp`);
}

/** Never fails: what cannot be swept up now stays until the next time. */
async function sweep(directory: string): Promise<void> {
  const names = await readdir(directory).catch(() => []);
  for (const name of names) {
    const pid = Number(pattern.exec(name)?.[1] ?? Number.NaN);
    if (Number.isNaN(pid) || isAlive(pid)) continue;
    const path = join(directory, name);
    const found = await lstat(path).catch(() => undefined);
    if (found?.isFile() === true && Date.now() - found.mtimeMs > leastAgeMs)
      await rm(path, { force: true }).catch(() => {});
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return !(error instanceof Error && 'code' in error && error.code === 'ESRCH');
  }
}
