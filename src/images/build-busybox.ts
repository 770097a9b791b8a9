/** `busybox`: a static busybox under all its names, and enough of /etc that `--init full` boots. */
import { mkdir, open, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { extract } from 'tar-stream';
import { zoneError } from '../errors/index.js';
import { findTool, readEnvironment, runTool, spawnTool } from '../host/index.js';
import { groupText, gshadowText, hostsText, passwdText, shadowGid, shadowText } from './base-files.js';
import type { BuildContext, BuiltArchive } from './build.js';
import { isStaticElf } from './elf.js';
import { TarBuilder } from './tar-builder.js';
import type { BusyboxTemplate } from './template.js';

const candidates = ['/bin/busybox', '/usr/bin/busybox', '/usr/local/bin/busybox'];

const directories: readonly (readonly [string, number])[] = [
  ['bin', 0o755],
  ['dev', 0o755],
  ['etc', 0o755],
  ['etc/init.d', 0o755],
  ['home', 0o755],
  ['mnt', 0o755],
  ['opt', 0o755],
  ['proc', 0o555],
  ['root', 0o700],
  ['run', 0o755],
  ['sbin', 0o755],
  ['srv', 0o755],
  ['sys', 0o555],
  ['tmp', 0o1777],
  ['usr', 0o755],
  ['usr/bin', 0o755],
  ['usr/sbin', 0o755],
  ['var', 0o755],
  ['var/lib', 0o755],
  ['var/log', 0o755],
  ['var/spool', 0o755],
  ['var/tmp', 0o1777],
];

/** Busybox init: no getty on terminals that a zone has not; a shell on the console when somebody asks for it. */
const inittabText = `::sysinit:/etc/init.d/rcS
console::askfirst:-/bin/sh
::ctrlaltdel:/sbin/reboot
::shutdown:/bin/true
`;

const rcText = `#!/bin/sh
# Run once by init when the zone boots; executable files of /etc/rc.d are run in order.
for script in /etc/rc.d/*; do
  [ -x "$script" ] && "$script" start
done
`;

/** @throws HOST_TOOL_MISSING, HOST_TOOL_FAILED */
export async function buildBusybox(template: BusyboxTemplate, context: BuildContext): Promise<BuiltArchive> {
  const program = (await hostBusybox()) ?? (await downloadBusybox(template, context));
  const applets = await listApplets(program.path, context);
  const tar = new TarBuilder();
  for (const [path, mode] of directories) tar.directory(path, mode);
  tar.file('bin/busybox', program.content, 0o755);
  for (const path of applets) tar.symlink(path, path.startsWith('bin/') ? 'busybox' : '/bin/busybox');
  tar
    .symlink('bin/sh', 'busybox')
    .symlink('sbin/init', '/bin/busybox')
    .symlink('var/run', '/run')
    .file('etc/passwd', passwdText('/bin/sh'))
    .file('etc/group', groupText)
    .file('etc/shadow', shadowText, 0o640, shadowGid)
    .file('etc/gshadow', gshadowText, 0o640, shadowGid)
    .file('etc/hosts', hostsText)
    .file('etc/shells', '/bin/sh\n')
    .file('etc/profile', 'export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n')
    .file('etc/inittab', inittabText)
    .file('etc/init.d/rcS', rcText, 0o755)
    .file('etc/machine-id', '', 0o444)
    .directory('etc/rc.d')
    .symlink('etc/mtab', '/proc/self/mounts');
  return { archive: tar.archive(), kind: 'layers', config: template.config };
}

interface Busybox {
  readonly path: string;
  readonly content: Buffer;
}

async function hostBusybox(): Promise<Busybox | undefined> {
  for (const path of candidates) {
    if (findTool(path) === undefined) continue;
    const content = await readFile(path);
    if (isStaticElf(content)) return { path, content };
  }
  return undefined;
}

/** Fetched by apt, which verifies it. */
async function downloadBusybox(template: BusyboxTemplate, context: BuildContext): Promise<Busybox> {
  const { scratch, signal, progress } = context;
  progress?.({ bytes: 0, message: `apt-get download ${template.package}` });
  const file = (await aptDownload(template.package, scratch, signal)) ?? '';
  const deb = { tool: 'dpkg-deb', args: ['--fsys-tarfile', file], package: 'dpkg', signal } as const;
  const content = await extractBusybox(deb);
  if (content === undefined || !isStaticElf(content)) {
    throw zoneError('HOST_TOOL_FAILED', `package "${template.package}" has no static busybox in it`, {
      hint: 'Run "apt-get install busybox-static", then repeat the command.',
      context: { package: template.package, file },
    });
  }
  const path = join(scratch, 'busybox');
  await using program = await open(path, 'wx', 0o755);
  await program.writeFile(content);
  return { path, content };
}

/** With the host's package lists; where they are missing or old, with fresh ones of our own. */
async function aptDownload(
  name: string,
  scratch: string,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  const call = {
    tool: 'apt-get',
    package: 'apt',
    cwd: scratch,
    signal,
    dieWithParent: true,
    env: readEnvironment().proxies,
  };
  try {
    await runTool({ ...call, args: ['download', name] });
  } catch (error) {
    signal?.throwIfAborted();
    if (!(error instanceof Error && 'code' in error && error.code === 'HOST_TOOL_FAILED')) throw error;
    const lists = join(scratch, 'lists');
    await mkdir(lists);
    const own = ['-o', `Dir::State::lists=${lists}`];
    await runTool({ ...call, args: [...own, 'update'] });
    await runTool({ ...call, args: [...own, 'download', name] });
  }
  const found = (await readdir(scratch)).find((entry) => entry.endsWith('.deb'));
  return found === undefined ? undefined : join(scratch, found);
}

async function extractBusybox(call: Parameters<typeof spawnTool>[0]): Promise<Buffer | undefined> {
  const tool = spawnTool(call);
  const entries = extract();
  let content: Buffer | undefined;
  tool.stdout.pipe(entries);
  for await (const entry of entries) {
    const chunks: Buffer[] = [];
    for await (const chunk of entry) chunks.push(chunk as Buffer);
    if (/(^|\/)bin\/busybox$/.test(entry.header.name) && entry.header.type === 'file') content = Buffer.concat(chunks);
  }
  await tool.done;
  return content;
}

/** `bin/ls`, `usr/bin/awk`, …: where each of busybox's names belongs. */
async function listApplets(path: string, { signal }: BuildContext): Promise<string[]> {
  const { stdout } = await runTool({ tool: path, args: ['--list-full'], package: 'busybox-static', signal });
  return stdout.split('\n').filter((line) => /^(usr\/)?s?bin\/[^/]+$/.test(line) && line !== 'bin/busybox');
}
