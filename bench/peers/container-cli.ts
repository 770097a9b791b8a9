/** What docker and podman, which share a command line, are asked for. */
import type { Command } from '../command.js';

export abstract class ContainerCli {
  /** The name of the imported image. */
  protected abstract readonly image: string;
  /** What a container of the bench may use. */
  protected abstract readonly limits: readonly string[];

  /** One command line of the program, with what it needs to know of this bench. */
  protected abstract command(...args: readonly string[]): Command;

  run(network: boolean) {
    const net = network ? 'bridge' : 'none';
    return this.command('run', '--rm', '--network', net, ...this.limits, this.image, '/bin/true');
  }

  life(name: string, payload: readonly string[], options: { readonly terminal?: boolean } = {}) {
    const terminal = options.terminal === true ? ['--tty', '--interactive'] : [];
    const made = ['--name', name, '--network', 'none', ...terminal, ...this.limits, this.image, ...payload];
    return {
      create: this.command('create', ...made),
      start: this.command('start', name),
      stop: this.command('stop', '--time', '0', name),
      delete: this.command('rm', '--force', name),
    };
  }

  exec(name: string) {
    return this.command('exec', name, '/bin/true');
  }

  attach(name: string) {
    return { command: this.command('attach', name), keys: '\x10\x11' };
  }
}
