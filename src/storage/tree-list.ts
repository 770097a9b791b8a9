/** What is in a tree (native/list.c), also in one that a zone writes to. */
import { buffer, text } from 'node:stream/consumers';
import { runTool } from '../helper/index.js';
import { toolFailed } from './tool-failed.js';

export interface TreeEntry {
  /** As of ls: `-`, `d`, `l`, `p`, `s`, `c`, `b`. */
  readonly type: string;
  /** Octal. */
  readonly mode: string;
  readonly uid: string;
  readonly gid: string;
  readonly size: string;
  readonly mtimeNs: string;
  readonly rdev: string;
  /** Two entries of one file system with the same number are one file. */
  readonly inode: string;
  /** What lies below it in lower layers does not show. */
  readonly isOpaque: boolean;
  /** Undefined: nobody has looked. */
  readonly xattrs?: string | undefined;
  readonly target: string;
}

/** By path, a directory before what is in it. Names that are no text are shown as well as can be. @throws KERNEL_STEP_FAILED */
export async function listTree(directory: string, signal?: AbortSignal): Promise<Map<string, TreeEntry>> {
  const tool = runTool('list', ['--root', directory], { stdout: 'pipe', stderr: 'pipe', signal });
  if (tool.stdout === null || tool.stderr === null) throw new Error('list without pipes');
  const [listed, said, status] = await Promise.all([buffer(tool.stdout), text(tool.stderr), tool.exited]);
  signal?.throwIfAborted();
  if (status === 0) return parse(listed.toString('utf8'));
  throw toolFailed(said, { step: 'list', path: directory, what: `"${directory}" could not be read` });
}

function parse(listed: string): Map<string, TreeEntry> {
  const words = listed.split('\0');
  const entries = new Map<string, TreeEntry>();
  for (let at = 0; at + 2 < words.length; at += 3) {
    const fields = (words[at + 1] ?? '').split(' ');
    const [type = '', mode = '', uid = '', gid = '', size = '', mtimeNs = '', rdev = '', inode = '', opaque, xattrs] =
      fields;
    const entry = { type, mode, uid, gid, size, mtimeNs, rdev, inode, isOpaque: opaque === '1', xattrs };
    entries.set(words[at] ?? '', { ...entry, target: words[at + 2] ?? '' });
  }
  return entries;
}
