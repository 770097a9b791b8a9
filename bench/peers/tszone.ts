/** tszone as its users start it: `cold`, each command a process of its own, and `warm`, with the engine. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { background, type Command, mustRun, run, until } from '../command.js';
import type { Place } from '../place.js';
import { isAlive } from '../processes.js';
import type { Contender, Offer } from './peer.js';

const project = join(dirname(fileURLToPath(import.meta.url)), '../..');
const native = join(project, 'native/build/tszone');

/** The native entry where it is built. */
export const entry: readonly string[] = existsSync(native)
  ? [native]
  : [process.execPath, join(project, 'bin/tszone.js')];

export const limits: readonly string[] = ['--memory', '64M', '--pids', '100'];

interface LifeOptions {
  readonly terminal?: boolean;
  readonly net?: string;
  /** More flags of `create`. */
  readonly more?: readonly string[];
}

export class Tszone implements Contender {
  readonly makes =
    'all namespaces with its own user range, overlay, limits, seccomp; with network a veth, bridge, NAT, IPv4 and 6';
  readonly roots: { readonly root: string; readonly runRoot: string };
  #engine: 'off' | 'on';
  #enginePid: number | undefined;

  constructor(place: Place, engine: 'off' | 'on', directory = place.make(`tszone-${engine}`)) {
    this.#engine = engine;
    this.roots = { root: join(directory, 'root'), runRoot: join(directory, 'run') };
  }

  command(...args: readonly string[]): Command {
    const { root, runRoot } = this.roots;
    return {
      argv: [...entry, ...args],
      env: { TSZONE_ROOT: root, TSZONE_RUN_ROOT: runRoot, TSZONE_ENGINE: this.#engine },
    };
  }

  async prepare(archive: string, range: string): Promise<void> {
    if (this.#engine === 'on') await this.#startEngine();
    await mustRun(this.command('image', 'import', 'bench', archive));
    await mustRun(this.command('network', 'create', 'bench', '--ip4', range));
  }

  run(network: boolean) {
    const net = network ? 'bridge=bench' : 'none';
    return this.command('run', '--rm', '--net', net, ...limits, 'bench', '--', '/bin/true');
  }

  life(name: string, payload: readonly string[], options: LifeOptions = {}) {
    const terminal = options.terminal === true ? ['--tty'] : [];
    const more = [...terminal, '--net', options.net ?? 'none', ...(options.more ?? [])];
    return {
      create: this.command('create', name, '--image', 'bench', ...limits, ...more, '--', ...payload),
      start: this.command('start', name),
      stop: this.command('stop', '--force', name),
      delete: this.command('delete', '--force', name),
    };
  }

  exec(name: string) {
    return this.command('exec', name, '--', '/bin/true');
  }

  attach(name: string) {
    return { command: this.command('console', name), keys: '\x1d\x1d' };
  }

  daemons(): number[] {
    return this.#enginePid === undefined ? [] : [this.#enginePid];
  }

  /** Of a running zone, as the host counts. */
  async pidOf(name: string): Promise<number> {
    const { pid } = JSON.parse(await mustRun(this.command('inspect', name, '--output', 'json'))) as { pid: number };
    return pid;
  }

  async names(): Promise<string[]> {
    return this.#list('list');
  }

  /** All that its roots hold: what a row that ended half-way has left, too. */
  async close() {
    // What is there has to go without it, too.
    if (this.#enginePid !== undefined && !isAlive(this.#enginePid)) this.#engine = 'off';
    const names = await this.names();
    if (names.length > 0) await run(this.command('delete', '--force', ...names));
    for (const pool of await this.#list('pool', 'list'))
      if (pool !== 'default') await run(this.command('pool', 'delete', pool));
    await run(this.command('network', 'delete', 'bench'));
    if (this.#engine === 'on') await run(this.command('engine', '--stop'));
  }

  async #list(...words: readonly string[]): Promise<string[]> {
    const { stdout } = await run(this.command(...words, '--quiet'));
    return stdout.split('\n').filter((name) => name !== '');
  }

  async #startEngine(): Promise<void> {
    const engine = background(this.command('engine'));
    this.#enginePid = engine.pid;
    const { runRoot } = this.roots;
    await until(
      'the engine listens',
      async () => existsSync(runRoot) && (await run(this.command('list'))).status === 0,
    );
  }
}

/** Only the native entry asks an engine: without it warm is as cold. */
export async function hasEngine(): Promise<Offer<true>> {
  return existsSync(native) ? await hasCommand('engine') : 'there is no native entry, which alone asks the engine';
}

/** A string says that this tree has no such command. */
export async function hasCommand(...words: readonly string[]): Promise<Offer<true>> {
  const { status } = await run({ argv: [...entry, 'help', ...words] });
  return status === 0 ? true : `"tszone ${words.join(' ')}" is not built`;
}
