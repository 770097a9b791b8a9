/** What containers of one root file system take each, by others that share it: of podman, and of lxc on an overlay of its own configuration. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Command, findProgram, mustRun, run } from '../command.js';
import type { Place } from '../place.js';

export interface Sharer {
  readonly name: string;
  /** Holds all that it keeps. */
  readonly directory: string;
  /** A container that has read all below its /data. */
  begin(container: string): Promise<void>;
  pidOf(container: string): Promise<number>;
  close(): Promise<void>;
}

/** @param root with the payload and /data; it is there until the end */
export async function openLxc(place: Place, root: string): Promise<Sharer | string> {
  if (findProgram('lxc-start') === undefined) return 'lxc is not installed';
  const directory = place.make('many-lxc');
  const names = new Set<string>();
  const lxc = (program: string, name: string, ...args: readonly string[]): Command => ({
    argv: [program, '--lxcpath', directory, '--name', name, ...args],
  });
  return {
    name: 'lxc, overlay',
    directory,
    async begin(name) {
      names.add(name);
      mkdirSync(join(directory, name, 'upper'), { recursive: true });
      const lines = [
        `lxc.rootfs.path = overlay:${root}:${join(directory, name, 'upper')}`,
        `lxc.uts.name = ${name}`,
        'lxc.init.cmd = /bin/pause',
        'lxc.net.0.type = empty',
        'lxc.autodev = 1',
        'lxc.apparmor.profile = unconfined',
        `lxc.cgroup.dir = ${place.groups.name}/lxc-${name}`,
      ];
      const file = join(directory, name, 'config');
      writeFileSync(file, `${lines.join('\n')}\n`);
      await mustRun(lxc('lxc-start', name, '--daemon', '--rcfile', file));
      await mustRun(lxc('lxc-attach', name, '--clear-env', '--', '/bin/read', '/data'));
    },
    pidOf: async (name) => Number(await mustRun(lxc('lxc-info', name, '--pid', '--no-humanize'))),
    async close() {
      for (const name of names) await run(lxc('lxc-stop', name, '--kill'));
      await run({ argv: ['rm', '-rf', directory] });
    },
  };
}

export async function openPodman(place: Place, root: string): Promise<Sharer | string> {
  if (findProgram('podman') === undefined) return 'podman is not installed';
  const directory = place.make('many-podman');
  const options = [
    ...['--root', place.make('many-podman', 'root'), '--runroot', `/run/${place.marker}-podman`],
    ...['--tmpdir', place.make('many-podman', 'tmp'), '--cgroup-manager', 'cgroupfs', '--events-backend', 'file'],
  ];
  const podman = (...args: readonly string[]): Command => ({ argv: ['podman', ...options, ...args] });
  const image = 'localhost/many';
  const sharer: Sharer = {
    name: 'podman',
    directory,
    async begin(name) {
      const group = ['--cgroup-parent', `/${place.groups.name}`];
      const limits = ['--ulimit', 'nofile=1024:1024', '--ulimit', 'nproc=1024:1024'];
      await mustRun(
        podman('run', '--detach', '--name', name, '--network', 'none', ...group, ...limits, image, '/bin/pause'),
      );
      await mustRun(podman('exec', name, '/bin/read', '/data'));
    },
    pidOf: async (name) => Number(await mustRun(podman('inspect', '--format', '{{.State.Pid}}', name))),
    async close() {
      await run(podman('rm', '--all', '--force', '--time', '0'));
      await run(podman('rmi', '--all', '--force'));
      await run({ argv: ['umount', '--recursive', join(directory, 'root/overlay')] });
      await run({ argv: ['rm', '-rf', '--one-file-system', directory] });
    },
  };
  const script = `set -o pipefail; tar -cC ${root} . | ${podman('import', '-', image).argv.join(' ')}`;
  try {
    await mustRun({ argv: ['bash', '-c', script] });
    return sharer;
  } catch (error) {
    await sharer.close();
    return `does not start: ${error instanceof Error ? error.message.split('\n')[1] : error}`;
  }
}
