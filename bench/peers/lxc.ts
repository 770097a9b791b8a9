/** lxc: one configuration file a container, with an overlay, a limit and, where asked for, a veth on the bench's bridge. */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Command, run } from '../command.js';
import type { Place } from '../place.js';
import { type Contender, memoryLimit, type Peer, pidsLimit } from './peer.js';

/** lxc-create takes no overlay of which only the upper directory is its own: it copies the tree, as its templates do. */
const template = (rootfs: string) => `#!/bin/sh
for word; do
  case $word in --rootfs=*) exec cp -a '${rootfs}/.' "\${word#*=}" ;; esac
done
`;

class Lxc implements Contender {
  readonly makes = 'namespaces but user, overlay (run only), limits; with network a veth on a bridge, one address';
  readonly #place: Place;
  readonly #directory: string;
  readonly #template: string;
  readonly #names = new Set<string>();

  constructor(place: Place) {
    this.#place = place;
    this.#directory = place.make('lxc');
    this.#template = join(this.#directory, 'template');
    writeFileSync(this.#template, template(place.rootfs), { mode: 0o755 });
  }

  run(network: boolean, name = network ? 'net' : 'run') {
    const file = this.#configure(name, ['/bin/true'], true, network);
    return this.#command('lxc-start', name, '--foreground', '--rcfile', file);
  }

  life(name: string, payload: readonly string[]) {
    const file = this.#configure(name, payload, false, false);
    return {
      create: this.#command('lxc-create', name, '--template', this.#template, '--config', file),
      start: this.#command('lxc-start', name, '--daemon'),
      stop: this.#command('lxc-stop', name, '--kill'),
      delete: this.#command('lxc-destroy', name),
    };
  }

  exec(name: string) {
    return this.#command('lxc-attach', name, '--clear-env', '--', '/bin/true');
  }

  attach(name: string) {
    // Terminal 0 is the console, where the payload writes.
    return { command: this.#command('lxc-console', name, '--tty', '0'), keys: '\x01q' };
  }

  async close() {
    for (const name of this.#names) {
      await run(this.#command('lxc-stop', name, '--kill'));
      await run(this.#command('lxc-destroy', name, '--force'));
    }
    rmSync(this.#directory, { recursive: true, force: true });
  }

  #command(program: string, name: string, ...args: readonly string[]): Command {
    return { argv: [program, '--lxcpath', join(this.#directory, 'containers'), '--name', name, ...args] };
  }

  #configure(name: string, payload: readonly string[], withOverlay: boolean, network: boolean): string {
    this.#names.add(name);
    this.#place.make('lxc', 'containers');
    const { rootfs, bridge, groups } = this.#place;
    const file = join(this.#directory, `${name}.conf`);
    const lines = [
      ...(withOverlay
        ? [`lxc.rootfs.path = overlay:${rootfs}:${this.#place.make('lxc', `delta-${name}`, 'upper')}`]
        : []),
      'lxc.uts.name = bench',
      `lxc.init.cmd = ${payload.join(' ')}`,
      'lxc.mount.auto = proc:mixed sys:ro',
      'lxc.autodev = 1',
      'lxc.tty.max = 0',
      'lxc.pty.max = 1',
      'lxc.apparmor.profile = unconfined',
      `lxc.cgroup.dir = ${groups.name}/lxc-${name}`,
      ...(groups.joinFile === 'tasks'
        ? [`lxc.cgroup.memory.limit_in_bytes = ${memoryLimit}`, `lxc.cgroup.pids.max = ${pidsLimit}`]
        : [`lxc.cgroup2.memory.max = ${memoryLimit}`, `lxc.cgroup2.pids.max = ${pidsLimit}`]),
      ...(network
        ? [
            'lxc.net.0.type = veth',
            `lxc.net.0.link = ${bridge.name}`,
            'lxc.net.0.flags = up',
            'lxc.net.0.ipv4.address = 10.213.0.3/16',
            'lxc.net.0.ipv4.gateway = 10.213.0.1',
          ]
        : ['lxc.net.0.type = empty']),
    ];
    writeFileSync(file, `${lines.join('\n')}\n`);
    return file;
  }
}

export const lxc: Peer = {
  name: 'lxc',
  program: 'lxc-start',
  package: 'lxc',
  mandatory: true,
  version: ['lxc-start', '--version'],
  async open(place) {
    const contender = new Lxc(place);
    place.later(() => contender.close());
    return contender;
  },
};
