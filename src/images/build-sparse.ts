/**
 * `sparse`: the skeleton of a root whose /usr is the host's. Only what the template lists is copied from /etc, and of that
 * only what everybody on the host may read; accounts are our own.
 */
import { createHash } from 'node:crypto';
import { constants, lstat, open, readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { UsrLayout } from '../host/index.js';
import { findTool } from '../host/index.js';
import { isErrno } from '../state/index.js';
import {
  groupText,
  gshadowText,
  hostsText,
  nsswitchText,
  passwdText,
  profileText,
  shadowGid,
  shadowText,
} from './base-files.js';
import type { BuildContext, BuiltArchive } from './build.js';
import { TarBuilder } from './tar-builder.js';
import type { SparseTemplate } from './template.js';

/** Nothing of a size that matters lies in /etc. */
const largestFile = 4 << 20;
const deepest = 4;

const directories: readonly (readonly [string, number, number?])[] = [
  ['dev', 0o755],
  ['etc', 0o755],
  ['home', 0o755],
  ['media', 0o755],
  ['mnt', 0o755],
  ['opt', 0o755],
  ['proc', 0o555],
  ['root', 0o700],
  ['run', 0o755],
  ['run/lock', 0o1777],
  ['srv', 0o755],
  ['sys', 0o555],
  ['tmp', 0o1777],
  ['usr', 0o755],
  ['var', 0o755],
  ['var/backups', 0o755],
  ['var/cache', 0o755],
  ['var/lib', 0o755],
  ['var/lib/misc', 0o755],
  ['var/local', 0o2775, 50],
  ['var/log', 0o755],
  ['var/mail', 0o2775, 8],
  ['var/opt', 0o755],
  ['var/spool', 0o755],
  ['var/tmp', 0o1777],
];

export async function buildSparse(
  template: SparseTemplate,
  context: BuildContext,
  etc = '/etc',
): Promise<BuiltArchive> {
  const tar = new TarBuilder();
  for (const [path, mode, gid] of directories) tar.directory(path, mode, gid);
  tar.symlink('var/run', '/run').symlink('var/lock', '/run/lock').symlink('var/spool/mail', '../mail');
  for (const [path, target] of Object.entries(context.usr.links)) tar.symlink(path.slice(1), target);
  for (const path of context.usr.dirs) tar.directory(path.slice(1));
  addAccounts(tar);
  for (const name of template.copy) await copy(tar, etc, name, deepest);
  const hostDirs = ['/usr', ...context.usr.dirs].map((path) => ({ source: path, target: path }));
  return {
    archive: tar.archive(),
    kind: 'sparse',
    config: { ...template.config, hostDirs },
    fingerprint: await sparseFingerprint(template, context.usr, etc),
  };
}

function addAccounts(tar: TarBuilder): void {
  const shell = findTool('/usr/bin/bash') === undefined ? '/bin/sh' : '/bin/bash';
  tar
    .file('etc/passwd', passwdText(shell))
    .file('etc/group', groupText)
    .file('etc/shadow', shadowText, 0o640, shadowGid)
    .file('etc/gshadow', gshadowText, 0o640, shadowGid)
    .file('etc/nsswitch.conf', nsswitchText)
    .file('etc/hosts', hostsText)
    .file('etc/shells', ['/bin/sh', '/bin/bash', '/usr/bin/bash', '/bin/dash', ''].join('\n'))
    .file('etc/profile', profileText)
    .file('etc/fstab', '')
    .file('etc/machine-id', '', 0o444)
    .symlink('etc/mtab', '/proc/self/mounts');
}

/** What is missing, closed to others, too large, or neither file, link nor directory is left out. */
async function copy(tar: TarBuilder, etc: string, name: string, depth: number): Promise<void> {
  const stat = await lstat(join(etc, name)).catch((error: unknown) => {
    if (isErrno(error, 'ENOENT', 'ENOTDIR')) return undefined;
    throw error;
  });
  if (stat === undefined) return;
  addParents(tar, name);
  if (stat.isSymbolicLink()) {
    tar.symlink(`etc/${name}`, await readlink(join(etc, name)));
  } else if (stat.isDirectory() && (stat.mode & 0o005) === 0o005 && depth > 0) {
    tar.directory(`etc/${name}`);
    const entries = await readdir(join(etc, name));
    for (const entry of entries.sort()) await copy(tar, etc, join(name, entry), depth - 1);
  } else if (stat.isFile()) {
    const content = await readOpenFile(join(etc, name));
    if (content !== undefined) tar.file(`etc/${name}`, content);
  }
}

function addParents(tar: TarBuilder, name: string): void {
  const parts = name.split('/').slice(0, -1);
  for (const [index] of parts.entries()) tar.directory(`etc/${parts.slice(0, index + 1).join('/')}`);
}

/** Judged and read through one descriptor: a link put in its place meanwhile is not followed. */
async function readOpenFile(path: string): Promise<Buffer | undefined> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const stat = await file.stat();
    const readable = stat.isFile() && (stat.mode & 0o004) !== 0 && stat.size <= largestFile;
    return readable ? await file.readFile() : undefined;
  } finally {
    await file.close();
  }
}

/** Changes when what the skeleton is made of changes (an upgrade of the host's libraries): then it is made anew. */
export async function sparseFingerprint(template: SparseTemplate, usr: UsrLayout, etc = '/etc'): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify([template, usr]));
  for (const name of template.copy) {
    const stat = await lstat(join(etc, name)).catch(() => undefined);
    hash.update(`${name}\0${stat?.mtimeMs ?? '-'}\0${stat?.size ?? '-'}\0`);
  }
  return hash.digest('hex');
}
