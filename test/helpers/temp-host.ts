/** A tszone of its own for one test file: roots in a temporary directory, and everything of it gone at the end. */
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { canIdmap, probeHost } from '../../src/host/index.js';
import { type Host, openHost, type Zone } from '../../src/index.js';
import { deleteNetwork } from '../../src/operations/network-delete.js';
import { listNetworks } from '../../src/operations/network-list.js';
import { deletePool } from '../../src/operations/pool-delete.js';
import { listPools } from '../../src/operations/pool-list.js';
import type { RunInput } from '../../src/operations/run-input.js';
import { unsetZone } from '../../src/operations/set-zone.js';
import { formatRange } from '../../src/spec/ip.js';
import { chooseRange4 } from '../../src/state/networks.js';
import { type CliOptions, type CliResult, cleanEnv, isWarm, type RunningCli, startCli } from './cli.js';
import { startEngine, type TestEngine } from './engine.js';
import { holdName } from './held-names.js';
import { imageStore } from './images.js';
import { noteHost, shared } from './leaks.js';
import { eventually, patience, patientRemoval } from './patience.js';
import { hasEnding, readLoops, type Snapshot, type SnapshotOptions, takeSnapshot } from './snapshot.js';

export class TempHost implements AsyncDisposable {
  /** Holds both roots; a place for a test's own files, too. */
  readonly directory: string;
  readonly root: string;
  readonly runRoot: string;
  #opened: Promise<Host> | undefined;
  #instance = '';
  #range: Disposable | undefined;
  #engine: TestEngine | undefined;

  constructor(directory: string) {
    this.directory = directory;
    this.root = join(directory, 'root');
    this.runRoot = join(directory, 'run');
  }

  /** TSZONE_ROOT and TSZONE_RUN_ROOT of this host. */
  get env(): Record<string, string> {
    return { TSZONE_ROOT: this.root, TSZONE_RUN_ROOT: this.runRoot };
  }

  /**
   * Probes it, and draws the instance id: one whose default network begins to look for a range where no host of a run beside this one does.
   * What is recorded there and not up yet is seen by nobody, and two would want the same.
   *
   * @returns the id
   */
  async prepare(): Promise<string> {
    while (this.#range === undefined) {
      this.#instance = (await this.open()).context.roots.instance;
      this.#range = await holdName(`range-${formatRange(chooseRange4(this.#instance, []))}`);
      if (this.#range !== undefined) break;
      this.#opened = undefined;
      await rm(join(this.root, 'instance.json'));
    }
    return this.#instance;
  }

  /** The library on this host. */
  open(): Promise<Host> {
    this.#opened ??= openHost({ root: this.root, runRoot: this.runRoot });
    return this.#opened;
  }

  /** Makes and starts a zone with the library. */
  async run(spec: RunInput): Promise<Zone> {
    return (await this.open()).run(spec);
  }

  /** The command line on this host, to its end. */
  cli(args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
    return this.start(args, options).ended;
  }

  /** The command line on this host. */
  start(args: readonly string[], options: CliOptions = {}): RunningCli {
    return startCli(args, { ...options, env: { ...this.env, ...options.env } });
  }

  /** stdout of a command line that has to succeed. @throws Error */
  async ok(args: readonly string[], options: CliOptions = {}): Promise<string> {
    const { status, stdout, stderr } = await this.cli(args, options);
    if (status !== 0) throw new Error(`tszone ${args.join(' ')} ended with ${status}: ${stderr}${stdout}`);
    return stdout;
  }

  /** The same, parsed: with `-o json` put in front. */
  async json<T>(args: readonly string[]): Promise<T> {
    return JSON.parse(await this.ok(['-o', 'json', ...args])) as T;
  }

  /**
   * Of the machine, with this host's files; without links, loop devices and monitors of zones that have just ended, which are gone a little later:
   * the devices when nobody who has just made a mount namespace has a copy of their mounts. What is there after all is shown.
   */
  async snapshot(): Promise<Snapshot> {
    await eventually('only zones have links', async () => (await this.#links()) <= this.#linkedZones());
    await eventually('no loop device is on its way out', async () => !(await readLoops()).some(this.#isLeaving));
    const deadline = performance.now() + patience(10_000);
    for (;;) {
      const taken = await takeSnapshot(this.snapshotOptions);
      if (!hasEnding(taken, this.runRoot) || performance.now() > deadline) return taken;
      await sleep(10);
    }
  }

  /** The same when exactly so many zones have a link. */
  async settledSnapshot(links: number): Promise<Snapshot> {
    await eventually(`${links} links are there`, async () => (await this.#links()) === links);
    return this.snapshot();
  }

  readonly #isLeaving = (file: string) => file.startsWith(`${this.directory}/`) && file.endsWith('(deleted)');

  async #links(): Promise<number> {
    return (await readdir('/sys/class/net')).filter((name) => name.startsWith(`tz${this.#instance}v`)).length;
  }

  /** How many zones live that have a link of their own. */
  #linkedZones(): number {
    const zones = join(this.runRoot, 'zones');
    if (!existsSync(zones)) return 0;
    const files = readdirSync(zones).flatMap((name) => [
      join(zones, name, 'running.json'),
      join(zones, name, 'prepared.json'),
    ]);
    return files.filter(hasOwnLink).length;
  }

  get snapshotOptions(): SnapshotOptions {
    return {
      ...(shared ? { only: [this.#instance, this.directory] } : {}),
      directories: [
        ...['zones', 'journal', 'locks', 'pools', 'pool-files'].map((name) => join(this.root, name)),
        this.runRoot,
      ],
    };
  }

  /** A file or, with no content, a directory of the test's own. @returns its path */
  async file(name: string, content?: string | Buffer, mode = content === undefined ? 0o755 : 0o644): Promise<string> {
    const path = join(this.directory, name);
    if (content === undefined) await mkdir(path, { mode, recursive: true });
    else await writeFile(path, content, { mode });
    return path;
  }

  async deleteZones(): Promise<void> {
    const host = await this.open();
    for (const { name } of await host.list()) {
      try {
        await unsetZone(host.context, name, ['protect', 'restart']);
        await (await host.zone(name)).delete({ force: true });
      } catch (error) {
        // One that goes by itself when it has ended.
        if ((error as { code?: string }).code !== 'ZONE_NOT_FOUND') throw error;
      }
    }
  }

  /** An engine that does what its command lines ask for, for as long as the host is there. */
  async warm(): Promise<void> {
    this.#engine = await startEngine(this);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#engine?.[Symbol.asyncDispose]();
    await this.deleteZones();
    const { context } = await this.open();
    for (const { name } of await listPools(context))
      if (name !== 'default') await deletePool(context, name, { force: true });
    for (const { name } of await listNetworks(context)) await deleteNetwork(context, name);
    // What keeps spares, started by a zone that was let go, may only now find out that there is nothing to do.
    await rm(this.directory, patientRemoval);
    this.#range?.[Symbol.dispose]();
  }
}

export interface TempHostOptions {
  /** An image store of its own, empty at first; else all hosts share one. */
  readonly ownImages?: boolean;
}

export async function tempHost(options: TempHostOptions = {}): Promise<TempHost> {
  const host = new TempHost(await mkdtemp(join(await zoneFriendlyDirectory(), 'tszone-test-')));
  await mkdir(host.root, { mode: 0o700 });
  await mkdir(host.runRoot, { mode: 0o700 });
  if (options.ownImages !== true) await symlink(await imageStore(), join(host.root, 'images'));
  noteHost({ instance: await host.prepare(), directory: host.directory });
  if (isWarm) await host.warm();
  return host;
}

let friendly: Promise<string> | undefined;

/** TSZONE_TEST_DIR, or the first usual place whose file system can be mounted with mapped owners. */
export function zoneFriendlyDirectory(): Promise<string> {
  friendly ??= findFriendly(
    [process.env.TSZONE_TEST_DIR, tmpdir(), '/var/tmp', '/var/lib/tszone', '/var/cache'].filter(
      (one) => one !== undefined,
    ),
  );
  return friendly;
}

async function findFriendly(candidates: readonly string[]): Promise<string> {
  const { kernel } = await probeHost();
  for (const directory of candidates) {
    await mkdir(directory, { recursive: true });
    if ((await canIdmap(directory, kernel)).ok) return directory;
  }
  throw new Error(`none of ${candidates.join(', ')} can be mounted with mapped owners: set TSZONE_TEST_DIR`);
}

/** stdout, trimmed, of a shell script in the zone that has to succeed. @throws Error */
export async function sh(zone: Zone, script: string, options: Parameters<Zone['exec']>[1] = {}): Promise<string> {
  const { exitCode, stdout, stderr } = await zone.exec(['sh', '-c', script], options);
  if (exitCode !== 0) throw new Error(`"${script}" ended with ${exitCode}: ${stderr}${stdout}`);
  return stdout.trim();
}

export { cleanEnv };

/** Is this the record of a living zone with an eth0 in a network namespace of its own? */
function hasOwnLink(record: string): boolean {
  try {
    const { pid } = JSON.parse(readFileSync(record, 'utf8')) as { pid: number };
    const isOwn = readlinkSync(`/proc/${pid}/ns/net`) !== readlinkSync('/proc/self/ns/net');
    return isOwn && readFileSync(`/proc/${pid}/net/dev`, 'utf8').includes('eth0:');
  } catch {
    return false;
  }
}
