/** podman as root, with storage of its own. */
import { rmSync } from 'node:fs';
import { type Command, mustRun, run } from '../command.js';
import type { Place } from '../place.js';
import { type Contender, memoryLimit, type Peer, pidsLimit } from './peer.js';

class Podman implements Contender {
  readonly makes = 'namespaces but user, overlay, limits, seccomp; with network its bridge by CNI, NAT';
  readonly #options: readonly string[];
  readonly #limits: readonly string[];
  readonly #directory: string;

  constructor(place: Place) {
    this.#directory = place.make('podman');
    this.#options = [
      ...['--root', place.make('podman', 'root'), '--runroot', place.make('podman', 'run')],
      ...['--tmpdir', place.make('podman', 'tmp'), '--cgroup-manager', 'cgroupfs', '--events-backend', 'file'],
    ];
    this.#limits = [
      ...['--memory', String(memoryLimit), '--pids-limit', String(pidsLimit)],
      // Its defaults would raise hard limits, which needs CAP_SYS_RESOURCE.
      ...['--cgroup-parent', `/${place.groups.name}`, '--ulimit', 'nofile=1024:1024', '--ulimit', 'nproc=1024:1024'],
    ];
  }

  async prepare(archive: string): Promise<void> {
    await mustRun(this.#command('import', archive, 'localhost/bench'));
    await mustRun(this.run(false));
    await mustRun(this.run(true));
  }

  run(network: boolean) {
    const net = network ? 'bridge' : 'none';
    return this.#command('run', '--rm', '--network', net, ...this.#limits, 'localhost/bench', '/bin/true');
  }

  life(name: string, payload: readonly string[], options: { readonly terminal?: boolean } = {}) {
    const terminal = options.terminal === true ? ['--tty', '--interactive'] : [];
    const made = ['--name', name, '--network', 'none', ...terminal, ...this.#limits, 'localhost/bench', ...payload];
    return {
      create: this.#command('create', ...made),
      start: this.#command('start', name),
      stop: this.#command('stop', '--time', '0', name),
      delete: this.#command('rm', '--force', name),
    };
  }

  exec(name: string) {
    return this.#command('exec', name, '/bin/true');
  }

  attach(name: string) {
    return { command: this.#command('attach', name), keys: '\x10\x11' };
  }

  async close() {
    await run(this.#command('rm', '--all', '--force', '--time', '0'));
    await run(this.#command('rmi', '--all', '--force'));
    await run({ argv: ['umount', '--recursive', `${this.#directory}/root/overlay`] });
    rmSync(this.#directory, { recursive: true, force: true });
  }

  #command(...args: readonly string[]): Command {
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
