/** docker with a daemon of its own, started for the bench and stopped with it. */
import type { ChildProcess } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { background, type Command, mustRun, run, until } from '../command.js';
import type { Place } from '../place.js';
import { isAlive, processes } from '../processes.js';
import { ContainerCli } from './container-cli.js';
import { type Contender, memoryLimit, type Peer, pidsLimit } from './peer.js';

class Docker extends ContainerCli implements Contender {
  readonly makes = 'namespaces but user, overlay, limits, seccomp; with network its bridge, NAT';
  readonly #directory: string;
  readonly #socket: string;
  protected readonly image = 'bench';
  protected readonly limits: readonly string[];
  readonly #daemon: ChildProcess;

  constructor(place: Place) {
    super();
    this.#directory = place.make('docker');
    this.#socket = `unix://${this.#directory}/docker.sock`;
    this.limits = ['--memory', String(memoryLimit), '--pids-limit', String(pidsLimit)];
    this.#daemon = background({
      argv: [
        ...['dockerd', '--data-root', place.make('docker', 'data'), '--exec-root', place.make('docker', 'exec')],
        ...['--pidfile', `${this.#directory}/pid`, '--host', this.#socket, '--cgroup-parent', `/${place.groups.name}`],
        ...['--exec-opt', 'native.cgroupdriver=cgroupfs', '--bip', '10.212.0.1/16'],
      ],
    });
  }

  async prepare(archive: string): Promise<void> {
    await until('dockerd answers', async () => {
      if (this.#daemon.exitCode !== null) throw new Error('dockerd ended');
      return existsSync(`${this.#directory}/docker.sock`) && (await run(this.command('info'))).status === 0;
    });
    await mustRun(this.command('import', archive, this.image));
    await mustRun(this.run(false));
    await mustRun(this.run(true));
  }

  /** dockerd and its containerd. */
  daemons(): number[] {
    const { pid = 0 } = this.#daemon;
    return [
      pid,
      ...processes()
        .filter(({ parent, name }) => parent === pid && name === 'containerd')
        .map((one) => one.pid),
    ];
  }

  async close() {
    const names = (await run(this.command('ps', '--all', '--quiet'))).stdout.split('\n').filter((name) => name !== '');
    if (names.length > 0) await run(this.command('rm', '--force', ...names));
    const { pid = 0 } = this.#daemon;
    if (this.#daemon.exitCode === null) this.#daemon.kill('SIGTERM');
    await until('dockerd ends', () => !isAlive(pid));
    rmSync(this.#directory, { recursive: true, force: true });
  }

  protected command(...args: readonly string[]): Command {
    return { argv: ['docker', '--host', this.#socket, ...args] };
  }
}

export const docker: Peer = {
  name: 'docker',
  program: 'dockerd',
  package: 'docker.io',
  mandatory: false,
  version: ['dockerd', '--version'],
  async open(place) {
    const contender = new Docker(place);
    place.later(() => contender.close());
    await contender.prepare(place.archive);
    return contender;
  },
};
