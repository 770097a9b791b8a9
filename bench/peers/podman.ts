/** podman as root, with storage of its own. */
import { rmSync } from 'node:fs';
import { type Command, mustRun, run } from '../command.js';
import type { Place } from '../place.js';
import { ContainerCli } from './container-cli.js';
import { type Contender, memoryLimit, type Peer, pidsLimit } from './peer.js';

class Podman extends ContainerCli implements Contender {
  readonly makes = 'namespaces but user, overlay, limits, seccomp; with network its bridge by CNI, NAT';
  readonly #options: readonly string[];
  protected readonly image = 'localhost/bench';
  protected readonly limits: readonly string[];
  readonly #directory: string;

  constructor(place: Place) {
    super();
    this.#directory = place.make('podman');
    this.#options = [
      ...['--root', place.make('podman', 'root'), '--runroot', place.make('podman', 'run')],
      ...['--tmpdir', place.make('podman', 'tmp'), '--cgroup-manager', 'cgroupfs', '--events-backend', 'file'],
    ];
    this.limits = [
      ...['--memory', String(memoryLimit), '--pids-limit', String(pidsLimit)],
      // Its defaults would raise hard limits, which needs CAP_SYS_RESOURCE.
      ...['--cgroup-parent', `/${place.groups.name}`, '--ulimit', 'nofile=1024:1024', '--ulimit', 'nproc=1024:1024'],
    ];
  }

  async prepare(archive: string): Promise<void> {
    await mustRun(this.command('import', archive, this.image));
    await mustRun(this.run(false));
    await mustRun(this.run(true));
  }

  async close() {
    await run(this.command('rm', '--all', '--force', '--time', '0'));
    await run(this.command('rmi', '--all', '--force'));
    await run({ argv: ['umount', '--recursive', `${this.#directory}/root/overlay`] });
    rmSync(this.#directory, { recursive: true, force: true });
  }

  protected command(...args: readonly string[]): Command {
    return { argv: ['podman', ...this.#options, ...args] };
  }
}

export const podman: Peer = {
  name: 'podman',
  program: 'podman',
  package: 'podman',
  mandatory: false,
  version: ['podman', '--version'],
  async open(place) {
    const contender = new Podman(place);
    place.later(() => contender.close());
    await contender.prepare(place.archive);
    return contender;
  },
};
