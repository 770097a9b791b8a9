/**
 * What makes a clone another machine than its source: its machine id, and its ssh host keys. Written into the clone's own volume before
 * anything of it runs: nobody else writes there, and each directory on the way was looked at, so that no link is followed. Without a process,
 * but for what hides a name in an overlay: node cannot make a device.
 */
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { pack } from 'tar-stream';
import { zoneError } from '../errors/index.js';
import { runTool } from '../helper/index.js';
import { chmod, chown, lstat, mkdir, open, rm, utimes } from '../host/quick-fs.js';
import { diskFull, isErrno } from '../state/index.js';
import { type Found, lookUpMerged, namesMerged } from './merged-lookup.js';
import { makeHostKey, quickKinds } from './ssh-host-keys.js';

export interface CloneIdentity {
  /** Holds `upper`: the clone's volume, open. */
  readonly volume: string;
  /** What the clone is made of, topmost first. */
  readonly trees: readonly string[];
  readonly machineId: string;
  readonly hostname: string;
}

/** What is to be written, by path in the zone. */
interface Plan {
  /** As they are: a copy-up, as overlay itself would do it. */
  readonly directories: Map<string, Found>;
  readonly files: { readonly path: string; readonly mode: number; readonly content: string }[];
  /** Names that are to be gone. */
  readonly gone: string[];
  /** Sentences that a user should read. */
  readonly notes: string[];
}

/** @returns sentences that a user should read @throws RESOURCE_DISK_FULL */
export async function writeIdentity({ volume, trees, machineId, hostname }: CloneIdentity): Promise<string[]> {
  const plan: Plan = { directories: new Map(), files: [], gone: [], notes: [] };
  await planIds(plan, trees, machineId);
  await planHostKeys(plan, trees, hostname);
  const upper = join(volume, 'upper');
  try {
    await write(upper, plan);
  } catch (error) {
    throw diskFull(error, upper);
  }
  return plan.notes;
}

async function planIds(plan: Plan, trees: readonly string[], machineId: string): Promise<void> {
  if (!(await planDirectories(plan, trees, ['etc']))) return;
  const file = { mode: 0o444, content: `${machineId}\n` };
  plan.files.push({ path: 'etc/machine-id', ...file });
  // Where it is no link to the other.
  const dbus = 'var/lib/dbus/machine-id';
  if ((await lookUpMerged(trees, dbus))?.stats.isFile() !== true) return;
  await planDirectories(plan, trees, ['var', 'var/lib', 'var/lib/dbus']);
  plan.files.push({ path: dbus, ...file });
}

/** @returns false if the last one is not there */
async function planDirectories({ directories }: Plan, trees: readonly string[], paths: string[]): Promise<boolean> {
  for (const path of paths) {
    const found = await lookUpMerged(trees, path);
    if (found?.stats.isDirectory() !== true) return false;
    directories.set(path, found);
  }
  return true;
}

const keyPattern = /^ssh_host_([a-z0-9]+)_key(?:\.pub|-cert\.pub)?$/;

async function planHostKeys(plan: Plan, trees: readonly string[], hostname: string): Promise<void> {
  const ssh = await lookUpMerged(trees, 'etc/ssh');
  if (ssh?.stats.isDirectory() !== true) return;
  const names = (await namesMerged(ssh)).filter((name) => keyPattern.test(name));
  if (names.length === 0) return;
  plan.directories.set('etc/ssh', ssh);
  const kinds = new Set(names.map((name) => keyPattern.exec(name)?.[1] ?? ''));
  const made = new Set<string>();
  for (const kind of quickKinds.filter((one) => kinds.has(one))) {
    const { name, privateText, publicText } = makeHostKey(kind, `root@${hostname}`);
    plan.files.push({ path: `etc/ssh/${name}`, mode: 0o600, content: privateText });
    plan.files.push({ path: `etc/ssh/${name}.pub`, mode: 0o644, content: publicText });
    made.add(name).add(`${name}.pub`);
  }
  plan.gone.push(...names.filter((name) => !made.has(name)).map((name) => `etc/ssh/${name}`));
  const slow = [...kinds].filter((kind) => !quickKinds.includes(kind)).join(' and ');
  if (slow !== '')
    plan.notes.push(`its ${slow} ssh host key is removed, not replaced: "ssh-keygen -A" in the zone makes one`);
}

/** On disk before the clone's record says that there is a clone. */
async function write(upper: string, { directories, files, gone }: Plan): Promise<void> {
  for (const path of directories.keys()) await makeDirectory(join(upper, path));
  const written = files.map((file) => writeFile(join(upper, file.path), file));
  await Promise.all(written);
  if (gone.length > 0) await hide(upper, gone);
  // Last, since all before changes their times.
  for (const [path, found] of directories) await dress(join(upper, path), found);
}

/** A volume that shows its layers by itself has it already. */
async function makeDirectory(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: 0o700 });
  } catch (error) {
    if (!isErrno(error, 'EEXIST') || !(await lstat(path)).isDirectory()) throw error;
  }
}

async function writeFile(path: string, { mode, content }: Plan['files'][number]): Promise<void> {
  await rm(path, { recursive: true, force: true });
  const file = await open(path, 'wx', 0o600);
  try {
    await file.writeFile(content);
    await chmod(path, mode);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function dress(path: string, { stats: { mode, uid, gid, atime, mtime } }: Found): Promise<void> {
  await chown(path, uid, gid);
  await chmod(path, mode & 0o7777);
  await utimes(path, atime, mtime);
}

/** By whiteouts: character devices 0:0 (overlayfs.rst). */
async function hide(upper: string, paths: readonly string[]): Promise<void> {
  const archive = pack();
  for (const name of paths)
    archive.entry({ name, type: 'character-device', devmajor: 0, devminor: 0, mode: 0, uid: 0, gid: 0 });
  archive.finalize();
  const tool = runTool('unpack', ['--root', upper, '--devices'], { stdin: 'pipe', stderr: 'pipe' });
  if (tool.stdin === null || tool.stderr === null) throw new Error('no pipes');
  tool.stdin.on('error', () => {});
  archive.pipe(tool.stdin);
  const [status, said] = await Promise.all([tool.exited, text(tool.stderr)]);
  if (status === 0) return;
  const isFull = /"errno":(28|122)\b/.test(said);
  throw zoneError(
    isFull ? 'RESOURCE_DISK_FULL' : 'KERNEL_STEP_FAILED',
    `the clone's identity could not be written: ${said.trim()}`,
    {
      hint: 'Free some space, then repeat the command.',
      context: { step: 'clone.identity', path: upper },
    },
  );
}
