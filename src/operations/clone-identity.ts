/**
 * What makes a clone another machine than its source: its machine id, and its ssh host keys. Written into the clone's own, empty volume
 * before anything of it runs, by the confined unpacker.
 */
import { text } from 'node:stream/consumers';
import { pack } from 'tar-stream';
import { zoneError } from '../errors/index.js';
import { runTool } from '../helper/index.js';
import { type Found, lookUpMerged, namesMerged } from './merged-lookup.js';
import { makeHostKey, quickKinds } from './ssh-host-keys.js';

export interface CloneIdentity {
  /** Holds `upper`: the clone's volume, open. */
  readonly volume: string;
  /** Of the source, topmost first. */
  readonly trees: readonly string[];
  readonly machineId: string;
  readonly hostname: string;
}

type Archive = ReturnType<typeof pack>;

/** @returns sentences that a user should read */
export async function writeIdentity(identity: CloneIdentity): Promise<string[]> {
  const archive = pack();
  const notes = await addAll(archive, identity);
  archive.finalize();
  const args = ['--root', `${identity.volume}/upper`, '--devices'];
  const tool = runTool('unpack', args, { stdin: 'pipe', stderr: 'pipe' });
  if (tool.stdin === null || tool.stderr === null) throw new Error('no pipes');
  tool.stdin.on('error', () => {});
  archive.pipe(tool.stdin);
  const [status, said] = await Promise.all([tool.exited, text(tool.stderr)]);
  if (status === 0) return notes;
  const isFull = /"errno":(28|122)\b/.test(said);
  throw zoneError(
    isFull ? 'RESOURCE_DISK_FULL' : 'KERNEL_STEP_FAILED',
    `the clone's identity could not be written: ${said.trim()}`,
    {
      hint: 'Free some space, then repeat the command.',
      context: { step: 'clone.identity', path: identity.volume },
    },
  );
}

async function addAll(archive: Archive, { trees, machineId, hostname }: CloneIdentity): Promise<string[]> {
  const etc = await lookUpMerged(trees, 'etc');
  if (etc?.stats.isDirectory() !== true) return [];
  addDirectory(archive, 'etc', etc);
  archive.entry({ name: 'etc/machine-id', mode: 0o444, mtime: new Date() }, `${machineId}\n`);
  await addDbusId(archive, trees, machineId);
  const ssh = await lookUpMerged(trees, 'etc/ssh');
  return ssh?.stats.isDirectory() === true ? addHostKeys(archive, ssh, hostname) : [];
}

/** Where it is no link to the other. */
async function addDbusId(archive: Archive, trees: readonly string[], machineId: string): Promise<void> {
  const path = 'var/lib/dbus';
  if ((await lookUpMerged(trees, `${path}/machine-id`))?.stats.isFile() !== true) return;
  for (const directory of ['var', 'var/lib', path]) {
    const found = await lookUpMerged(trees, directory);
    if (found !== undefined) addDirectory(archive, directory, found);
  }
  archive.entry({ name: `${path}/machine-id`, mode: 0o444, mtime: new Date() }, `${machineId}\n`);
}

/** As it is: a copy-up, as overlay itself would do it. */
function addDirectory(archive: Archive, name: string, { stats }: Found): void {
  const { mode, uid, gid, mtime } = stats;
  archive.entry({ name: `${name}/`, type: 'directory', mode: mode & 0o7777, uid, gid, mtime });
}

const keyPattern = /^ssh_host_([a-z0-9]+)_key(?:\.pub|-cert\.pub)?$/;

async function addHostKeys(archive: Archive, ssh: Found, hostname: string): Promise<string[]> {
  const files = (await namesMerged(ssh)).filter((name) => keyPattern.test(name));
  if (files.length === 0) return [];
  addDirectory(archive, 'etc/ssh', ssh);
  const kinds = new Set(files.map((name) => keyPattern.exec(name)?.[1] ?? ''));
  const made = new Set<string>();
  for (const kind of quickKinds.filter((one) => kinds.has(one))) {
    const { name, privateText, publicText } = makeHostKey(kind, `root@${hostname}`);
    archive.entry({ name: `etc/ssh/${name}`, mode: 0o600, mtime: new Date() }, privateText);
    archive.entry({ name: `etc/ssh/${name}.pub`, mode: 0o644, mtime: new Date() }, publicText);
    made.add(name).add(`${name}.pub`);
  }
  for (const name of files.filter((file) => !made.has(file)))
    archive.entry({ name: `etc/ssh/${name}`, type: 'character-device', devmajor: 0, devminor: 0, mode: 0 });
  const slow = [...kinds].filter((kind) => !quickKinds.includes(kind));
  return slow.length === 0
    ? []
    : [`its ${slow.join(' and ')} ssh host key is removed, not replaced: "ssh-keygen -A" in the zone makes one`];
}
