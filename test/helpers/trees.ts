/** Directory trees as text, to compare two of them: everything that an archive has to keep. */
import { createHash } from 'node:crypto';
import {
  chmod,
  lchown,
  link,
  lstat,
  lutimes,
  mkdir,
  readdir,
  readFile,
  readlink,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { outputOf } from './cli.js';

/** A line for each entry: path, mode, owner, time, size, content or target, and which names are one file. */
export async function describeTree(root: string): Promise<string[]> {
  const files = new Map<string, string>();
  const lines: string[] = [];
  const walk = async (path: string): Promise<void> => {
    const full = join(root, path);
    const stat = await lstat(full, { bigint: true });
    const first = files.get(String(stat.ino)) ?? path;
    if (!stat.isDirectory()) files.set(String(stat.ino), first);
    const content = stat.isSymbolicLink()
      ? await readlink(full)
      : stat.isFile()
        ? createHash('sha256')
            .update(await readFile(full))
            .digest('hex')
        : '';
    const size = stat.isDirectory() ? '' : stat.size;
    lines.push(`${path} ${stat.mode.toString(8)} ${stat.uid}:${stat.gid} ${stat.mtimeNs} ${size} ${content} =${first}`);
    if (stat.isDirectory()) for (const name of (await readdir(full)).sort()) await walk(join(path, name));
  };
  await walk('.');
  return lines;
}

/** A tree with one of everything that an archive can hold but device nodes. */
export async function makeTree(root: string): Promise<void> {
  await mkdir(join(root, 'dir/sub'), { recursive: true });
  await writeFile(join(root, 'file'), 'content');
  await writeFile(join(root, 'empty'), '');
  await writeFile(join(root, 'large'), Buffer.alloc(3_000_001, 'abc'));
  await writeFile(join(root, 'dir/su'), 'x');
  await lchown(join(root, 'dir/su'), 1234, 5678);
  await chmod(join(root, 'dir/su'), 0o6751);
  await writeFile(join(root, 'dir/big-owner'), 'x');
  await lchown(join(root, 'dir/big-owner'), 300_000_000, 4_000_000_000);
  await link(join(root, 'file'), join(root, 'dir/hard'));
  await symlink('../file', join(root, 'dir/soft'));
  await lchown(join(root, 'dir/soft'), 7, 8);
  await symlink('x'.repeat(300), join(root, 'dir/long-link'));
  const deep = join(root, 'd'.repeat(120), 'e'.repeat(120));
  await mkdir(deep, { recursive: true });
  await writeFile(join(deep, 'f'.repeat(200)), 'deep');
  await link(join(deep, 'f'.repeat(200)), join(root, 'hard-to-deep'));
  await writeFile(join(root, 'näme with "quotes"\n and a newline'), 'x');
  await outputOf('mkfifo', [join(root, 'fifo')]);
  await outputOf('setcap', ['cap_net_raw+ep', join(root, 'large')]);
  await chmod(join(root, 'dir/sub'), 0o1777);
  await utimes(join(root, 'empty'), -12345.25, -12345.25);
  await lutimes(join(root, 'dir/soft'), 1, 1_000_000_000.5);
  await utimes(join(root, 'dir/sub'), 1, 2_000_000_000.123);
  await utimes(join(root, 'dir'), 1, 1_500_000_000);
  await utimes(root, 1, 1_400_000_000);
}
