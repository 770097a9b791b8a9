/** Where the bench works: its directory, programs, root file system, cgroups and bridge; all removed at the end. */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ended, findProgram, mustRun, run } from './command.js';

const source = dirname(fileURLToPath(import.meta.url));

export interface Programs {
  readonly timer: string;
  readonly floor: string;
  readonly payload: string;
  readonly subvolume: string;
}

/** Static, and where there is musl with that: a small program starts sooner. */
export function compile(): Programs {
  const build = join(source, 'build');
  mkdirSync(build, { recursive: true });
  const compiler = findProgram('musl-gcc') ?? 'gcc';
  const make = (name: string): string => {
    const flags = [
      '-static',
      '-O2',
      '-s',
      '-Wall',
      '-Wextra',
      '-Werror',
      '-D_GNU_SOURCE',
      '-I',
      join(source, '../native'),
    ];
    execFileSync(compiler, [...flags, '-o', join(build, name), join(source, `${name}.c`)], { stdio: 'inherit' });
    return join(build, name);
  };
  return { timer: make('timer'), floor: make('floor'), payload: make('payload'), subvolume: make('subvolume') };
}

/** The group of the bench in each hierarchy; contenders make theirs below. */
export interface Groups {
  /** Path below the root of a hierarchy. */
  readonly name: string;
  /** Of the hierarchies with controllers, absolute. */
  readonly directories: readonly string[];
  readonly joinFile: 'tasks' | 'cgroup.procs';
}

export interface Bridge {
  readonly name: string;
  readonly index: number;
}

export class Place implements AsyncDisposable {
  readonly directory = mkdtempSync('/var/tmp/tszone-bench-');
  readonly rootfs = join(this.directory, 'rootfs');
  readonly archive = join(this.directory, 'rootfs.tar');
  readonly programs = compile();
  /** Part of the command line of each idle payload, by which it is found. */
  readonly marker = basename(this.directory);
  readonly ended = ended;
  readonly groups: Groups;
  readonly #undo: (() => unknown)[] = [];
  #bridge: Bridge | undefined;

  constructor() {
    // Zones' roots have to be able to pass through.
    chmodSync(this.directory, 0o755);
    this.later(() => this.#remove());
    this.groups = this.#makeGroups();
    for (const name of ['bin', 'dev', 'etc', 'proc', 'root', 'run', 'sys', 'tmp', 'usr/bin', 'var'])
      mkdirSync(join(this.rootfs, name), { recursive: true });
    for (const name of ['true', 'pause', 'tick', 'read', 'write', 'allocate', 'stretch', 'flush'])
      copyFileSync(this.programs.payload, join(this.rootfs, 'bin', name));
    writeFileSync(join(this.rootfs, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\n');
    writeFileSync(join(this.rootfs, 'etc/os-release'), 'ID=bench\n');
    execFileSync('tar', ['-C', this.rootfs, '-cf', this.archive, '.']);
  }

  /** Undone at the end, last things first, also after a failure and Ctrl-C. */
  later(undo: () => unknown): void {
    this.#undo.push(undo);
  }

  /** A directory of a contender. */
  make(...names: string[]): string {
    const path = join(this.directory, ...names);
    mkdirSync(path, { recursive: true });
    return path;
  }

  get bridge(): Bridge {
    if (this.#bridge === undefined) throw new Error('no bridge yet');
    return this.#bridge;
  }

  async openNetwork(): Promise<void> {
    const name = 'tzbench0';
    await mustRun({ argv: ['ip', 'link', 'add', name, 'type', 'bridge'] });
    await mustRun({ argv: ['ip', 'address', 'add', '10.213.0.1/16', 'dev', name] });
    await mustRun({ argv: ['ip', 'address', 'add', 'fd00:213::1/64', 'dev', name, 'nodad'] });
    await mustRun({ argv: ['ip', 'link', 'set', name, 'up'] });
    const [link] = JSON.parse(await mustRun({ argv: ['ip', '-j', 'link', 'show', name] })) as { ifindex: number }[];
    this.#bridge = { name, index: link?.ifindex ?? 0 };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const undo of this.#undo.reverse()) {
      try {
        await undo();
      } catch (error) {
        console.error(`bench: clean-up: ${error instanceof Error ? error.message : error}`);
      }
    }
  }

  /** Nothing is mounted below it any more, unless somebody failed to unmount it. */
  async #remove(): Promise<void> {
    const points = readFileSync('/proc/self/mountinfo', 'utf8')
      .split('\n')
      .map((line) => line.split(' ')[4] ?? '');
    for (const point of points.filter((path) => path.startsWith(`${this.directory}/`)).reverse())
      await run({ argv: ['umount', point] });
    await run({ argv: ['rm', '-rf', '--one-file-system', this.directory] });
    if (existsSync(this.directory)) throw new Error(`${this.directory} could not be removed`);
  }

  #makeGroups(): Groups {
    const mounts = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
    const mounted = (type: string) =>
      mounts.filter((line) => line.includes(` - ${type} `)).map((line) => line.split(' ')[4] ?? '');
    const all = [...mounted('cgroup'), ...mounted('cgroup2')];
    const name = this.marker;
    this.later(async () => {
      for (const root of all)
        if (existsSync(join(root, name)))
          await run({ argv: ['find', join(root, name), '-depth', '-type', 'd', '-exec', 'rmdir', '{}', ';'] });
    });
    const withControllers = mounted('cgroup').filter(
      (root) => !existsSync(join(root, 'systemd')) && !root.endsWith('/systemd'),
    );
    const isV1 = withControllers.length > 0;
    const directories = (isV1 ? withControllers : mounted('cgroup2')).map((root) => join(root, name));
    for (const directory of directories) mkdirSync(directory);
    for (const directory of directories) {
      // Groups below an empty cpuset can be joined by nobody (ENOSPC); v2 hands controllers down only when told.
      for (const file of ['cpuset.cpus', 'cpuset.mems'])
        if (isV1 && existsSync(join(directory, file)))
          writeFileSync(join(directory, file), readFileSync(join(dirname(directory), file)));
      if (isV1 && existsSync(join(directory, 'cpuset.cpus')))
        writeFileSync(join(directory, 'cgroup.clone_children'), '1');
      if (!isV1) writeFileSync(join(directory, 'cgroup.subtree_control'), '+memory +pids');
    }
    return { name, directories, joinFile: isV1 ? 'tasks' : 'cgroup.procs' };
  }
}

/** For the end of the bench: what is left of it in the place of all. */
export const leftovers = (): string[] => readdirSync('/var/tmp').filter((name) => name.startsWith('tszone-bench-'));
