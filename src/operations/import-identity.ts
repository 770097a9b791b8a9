/** New ssh host keys where the unpacker has taken the old ones out: a Debian sshd makes none, and does not start without. */
import { pack } from 'tar-stream';
import { archiveError, startArchiveTool, ToolTalk } from './archive-tool.js';
import { type HostKey, hostKeyKinds, makeHostKey } from './ssh-host-keys.js';
import type { ArchivePart } from './zone-parts.js';

/**
 * The zone and its snapshots get the same ones, each where it had some.
 *
 * @param removed `PART/KIND`
 * @returns kinds that are not made here
 * @throws RESOURCE_DISK_FULL
 */
export async function renewHostKeys(
  removed: readonly string[],
  parts: readonly ArchivePart[],
  hostname: string,
): Promise<string[]> {
  const kinds = [...new Set(removed.map((one) => one.slice(one.lastIndexOf('/') + 1)))];
  const keys = kinds
    .filter((kind) => hostKeyKinds.includes(kind))
    .map((kind) => [kind, makeHostKey(kind, `root@${hostname}`)] as const);
  for (const { name, directories } of parts) {
    const own = keys.filter(([kind]) => removed.includes(`${name}/${kind}`)).map(([, key]) => key);
    if (own.length > 0) await writeKeys(directories[0] ?? '', own);
  }
  return kinds.filter((kind) => !hostKeyKinds.includes(kind));
}

/** By the confined unpacker: what lies there is an archive's, links included. */
async function writeKeys(root: string, keys: readonly HostKey[]): Promise<void> {
  const archive = pack();
  const mtime = new Date();
  for (const { name, privateText, publicText } of keys) {
    archive.entry({ name: `etc/ssh/${name}`, mode: 0o600, mtime }, privateText);
    archive.entry({ name: `etc/ssh/${name}.pub`, mode: 0o644, mtime }, publicText);
  }
  archive.finalize();
  const tool = startArchiveTool('unpack', ['--root', root, '--sync'], {
    stdin: 'pipe',
    stdout: 'ignore',
    signal: undefined,
  });
  const talk = new ToolTalk();
  tool.stdin?.on('error', () => undefined);
  if (tool.stdin !== null) archive.pipe(tool.stdin);
  const [, status] = await Promise.all([talk.listen(tool.stderr), tool.exited]);
  if (status !== 0) throw archiveError(talk, status, 'import', full);
}

const full = { message: 'no space left for new ssh host keys', hint: 'Free some space, then repeat the command.' };
