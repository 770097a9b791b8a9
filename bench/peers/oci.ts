/** crun and runc: the bundle that their own `spec` writes, with our payload, our root file system and two limits. */

import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Command, run } from '../command.js';
import type { Place } from '../place.js';
import { type Contender, memoryLimit, type Peer, pidsLimit } from './peer.js';

interface OciConfig {
  process: { terminal: boolean; args: readonly string[] };
  root: { path: string; readonly: boolean };
  hostname: string;
  linux: { cgroupsPath: string; resources: object };
}

class OciRuntime implements Contender {
  readonly makes = 'namespaces but user, limits, own root; no overlay, no network, no seccomp';
  readonly #place: Place;
  readonly #program: string;
  readonly #options: readonly string[];
  readonly #directory: string;
  readonly #names = new Set<string>();

  constructor(place: Place, program: string, options: readonly string[]) {
    this.#place = place;
    this.#program = program;
    this.#directory = place.make(program);
    this.#options = ['--root', place.make(program, 'state'), ...options];
  }

  run(network: boolean, name = 'run') {
    if (network) return 'makes no interfaces';
    return this.#command('run', '--bundle', this.#bundle(name, ['/bin/true']), name);
  }

  life(name: string, payload: readonly string[]) {
    return {
      create: this.#command('create', '--bundle', this.#bundle(name, payload), name),
      start: this.#command('start', name),
      stop: this.#command('kill', name, 'KILL'),
      delete: this.#command('delete', '--force', name),
    };
  }

  exec(name: string) {
    return this.#command('exec', name, '/bin/true');
  }

  attach() {
    return 'has no such command';
  }

  async close() {
    for (const name of this.#names) await run(this.#command('delete', '--force', name));
    rmSync(this.#directory, { recursive: true, force: true });
  }

  #command(...args: readonly string[]): Command {
    return { argv: [this.#program, ...this.#options, ...args] };
  }

  #bundle(name: string, payload: readonly string[]): string {
    const directory = this.#place.make(this.#program, `bundle-${name}`);
    this.#names.add(name);
    rmSync(join(directory, 'config.json'), { force: true });
    spawnSync(this.#program, ['spec'], { cwd: directory });
    const path = join(directory, 'config.json');
    const config = JSON.parse(readFileSync(path, 'utf8')) as OciConfig;
    config.process.terminal = false;
    config.process.args = payload;
    config.root = { path: this.#place.rootfs, readonly: false };
    config.linux.cgroupsPath = `/${this.#place.groups.name}/${this.#program}-${name}`;
    config.linux.resources = { memory: { limit: memoryLimit }, pids: { limit: pidsLimit } };
    writeFileSync(path, JSON.stringify(config));
    return directory;
  }
}

function peer(program: string, options: readonly string[]): Peer {
  return {
    name: program,
    program,
    package: program,
    mandatory: true,
    version: [program, '--version'],
    async open(place) {
      const contender = new OciRuntime(place, program, options);
      place.later(() => contender.close());
      return contender;
    },
  };
}

export const crun = peer('crun', ['--cgroup-manager', 'cgroupfs']);
export const runc = peer('runc', []);
