/**
 * The bench runs in mount and network namespaces of its own: bridges, packet filter rules, mounts and what peers keep in /run
 * end with it, however it ends.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { mustRun } from './command.js';

const marker = 'TSZONE_BENCH_INSIDE';

export const isInside = (): boolean => process.env[marker] === '1';

/** Runs this program again, in there; its exit status. */
export function enterNamespaces(): Promise<number> {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill(signal));
  const child = spawn(
    'unshare',
    ['--mount', '--net', '--propagation', 'private', process.execPath, ...process.execArgv, ...process.argv.slice(1)],
    { stdio: 'inherit', env: { ...process.env, [marker]: '1' } },
  );
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => resolve(code ?? 1));
  });
}

/** Of peers, outside /run. */
const stateDirectories = ['/var/lib/cni', '/var/lib/systemd/nspawn'];

/** What had to be changed in there, for the conditions. */
export async function furnish(): Promise<string[]> {
  await mustRun({ argv: ['mount', '-t', 'tmpfs', '-o', 'mode=755', 'tmpfs', '/run'] });
  mkdirSync('/run/lock', { mode: 0o1777 });
  for (const directory of stateDirectories.filter((path) => existsSync(path)))
    await mustRun({ argv: ['mount', '-t', 'tmpfs', '-o', 'mode=755', 'tmpfs', directory] });
  await mustRun({ argv: ['ip', 'link', 'set', 'lo', 'up'] });
  // A sysfs shows the network namespace that it was mounted in, and lxc looks for its bridge there.
  mkdirSync('/run/cgroups');
  await mustRun({ argv: ['mount', '--move', '/sys/fs/cgroup', '/run/cgroups'] });
  await mustRun({ argv: ['mount', '-t', 'sysfs', 'sysfs', '/sys'] });
  await mustRun({ argv: ['mount', '--move', '/run/cgroups', '/sys/fs/cgroup'] });
  const said = ['mount and network namespaces of the bench, /run a tmpfs, no way to other machines'];
  const unified = '/sys/fs/cgroup/unified';
  const hasControllers =
    existsSync(`${unified}/cgroup.controllers`) && readFileSync(`${unified}/cgroup.controllers`, 'utf8').trim() !== '';
  if (hasControllers && spawnSync('umount', [unified]).status === 0)
    said.push('the cgroup2 mount of the hybrid layout hidden: crun refuses one that has controllers');
  return said;
}
