/** What tszone could leave behind on a host, as comparable lines: taken before and after, compared exactly. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { lstat, readdir, readFile, readlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { idLedger } from '../../src/state/id-register-file.js';
import { outputOf, runProgram } from './cli.js';
import { patience } from './patience.js';
import { facts } from './requires.js';

export type Section =
  | 'mounts'
  | 'loops'
  | 'cgroups'
  | 'links'
  | 'nft'
  | 'sysctls'
  | 'processes'
  | 'files'
  | 'ids'
  | 'profiles';
export type Snapshot = Readonly<Record<Section, readonly string[]>>;

export interface SnapshotOptions {
  /** Directories whose files count: a host's root and run root. */
  readonly directories?: readonly string[];
  /** Only lines that name one of these, ids of hosts or paths: for a machine that others use, too. Sysctls are left out then. */
  readonly only?: readonly string[];
}

export async function takeSnapshot({ directories = [], only }: SnapshotOptions = {}): Promise<Snapshot> {
  const [mounts, loops, cgroups, links, nft, sysctls, processes, files, ids, profiles] = await Promise.all([
    readMounts(),
    readLoops(),
    readCgroups(),
    readLinks(),
    readRules(),
    only === undefined ? readSysctls() : [],
    readProcesses(),
    readFiles(directories),
    readIds(),
    readProfiles(),
  ]);
  const isOurs = only?.map(finder);
  const kept = (lines: readonly string[]) =>
    lines.filter((line) => isOurs === undefined || isOurs.some((has) => has(line))).toSorted();
  return {
    mounts: kept(mounts),
    loops: kept(loops),
    cgroups: kept(cgroups),
    links: kept(links),
    nft: kept(nft),
    sysctls: kept(sysctls),
    processes: kept(processes),
    files: kept(files),
    ids: kept(ids),
    profiles: kept(profiles),
  };
}

/** An instance stands behind what names of tszone begin with: six digits alone may be in anybody's numbers. */
function finder(word: string): (line: string) => boolean {
  if (!/^[0-9a-f]{6}$/.test(word)) return (line) => line.includes(word);
  const name = new RegExp(`(tz|tszone[/_-]|\\.)${word}`);
  return (line) => name.test(line);
}

/** Lines `mounts: + …` for what is new, `mounts: - …` for what is gone. Pure. */
export function differences(before: Snapshot, after: Snapshot): string[] {
  return (Object.keys(before) as Section[]).flatMap((section) => [
    ...without(after[section], before[section]).map((line) => `${section}: + ${line}`),
    ...without(before[section], after[section]).map((line) => `${section}: - ${line}`),
  ]);
}

/** Each line of `lines` that is not matched by one of `others`; lines may occur several times. */
function without(lines: readonly string[], others: readonly string[]): string[] {
  const left = new Map<string, number>();
  for (const line of others) left.set(line, (left.get(line) ?? 0) + 1);
  return lines.filter((line) => {
    const count = left.get(line) ?? 0;
    left.set(line, count - 1);
    return count <= 0;
  });
}

/** @throws Error with the exact differences */
export function expectNothingLeft(before: Snapshot, after: Snapshot): void {
  const lines = differences(before, after);
  if (lines.length > 0) throw new Error(`something is left, or missing:\n  ${lines.join('\n  ')}`);
}

/**
 * Whether it has one of our processes on the host's side that is on its way out: it has given its memory back, or it is a monitor and of no zone
 * that runs in `runRoot`. A command waits for what its zone's monitor has to do, not for the monitor's own end.
 */
export function hasEnding({ processes }: Snapshot, runRoot: string): boolean {
  const zones = join(runRoot, 'zones');
  const monitors = existsSync(zones) ? readdirSync(zones).flatMap((zone) => monitorsOf(join(zones, zone))) : [];
  const helpers = processes.filter((line) => /^\d+ tszone-(helper|monitor) uid 0 /.test(line));
  return helpers.some((line) => {
    const isOfZone = line.includes(`${zones}/`) || line.includes(`${dirname(runRoot)}/root/zones/`);
    return / $/.test(line) || (isOfZone && !monitors.includes(line.split(' ')[0] ?? ''));
  });
}

function monitorsOf(directory: string): string[] {
  return ['running.json', 'prepared.json'].flatMap((name) => {
    try {
      const { monitorPid } = JSON.parse(readFileSync(join(directory, name), 'utf8')) as { monitorPid: number };
      return [String(monitorPid)];
    } catch {
      return [];
    }
  });
}

/** The same for now. The kernel takes links and groups of a zone that has just ended away a little later: that is waited for. */
export async function expectNothingLeftNow(
  before: Snapshot,
  options: SnapshotOptions = {},
  ms = 20_000,
): Promise<void> {
  const deadline = performance.now() + patience(ms);
  for (;;) {
    const after = await takeSnapshot(options);
    if (differences(before, after).length === 0) return;
    if (performance.now() > deadline) expectNothingLeft(before, after);
    await sleep(50);
  }
}

async function readMounts(): Promise<string[]> {
  const text = await readFile('/proc/self/mountinfo', 'utf8');
  return text
    .trim()
    .split('\n')
    .map((line) => {
      const [left = '', right = ''] = line.split(' - ');
      const [, , , root, point, options] = left.split(' ');
      return `${point} ${root} ${options} ${right}`;
    });
}

/** Files that a loop device has; all namespaces have the same devices, so what is not to be found here is another's. */
export async function readLoops(): Promise<string[]> {
  const devices = (await readdir('/sys/block')).filter((name) => name.startsWith('loop'));
  const files = await Promise.all(
    devices.map((name) => readFile(`/sys/block/${name}/loop/backing_file`, 'utf8').catch(() => '')),
  );
  const names = files.map((file) => file.trim()).filter((file) => file !== '');
  return names.filter((file) => file.endsWith('(deleted)') || existsSync(file));
}

/** `tszone` itself, `tszone/monitors` and, under systemd, the unit with its holder are shared by all zones and stay. */
async function readCgroups(): Promise<string[]> {
  const { stdout, stderr } = await runProgram('find', ['/sys/fs/cgroup', '-type', 'd', '-path', '*tszone*']);
  // Other zones of the machine end meanwhile, and their groups with them.
  const failures = stderr.split('\n').filter((line) => line !== '' && !line.endsWith(': No such file or directory'));
  if (failures.length > 0) throw new Error(failures.join('\n'));
  return stdout
    .split('\n')
    .filter(
      (path) =>
        path !== '' && !/tszone(\/monitors)?$|\.(service|slice|scope)$|tszone-zones\.service\/holder$/.test(path),
    );
}

async function readLinks(): Promise<string[]> {
  return (await readdir('/sys/class/net')).map((name) => name);
}

/** Which MAC has which addresses stays listed when a lease is given back: docs/internals/networking.md says until when. */
const isSourceList = (item: object) =>
  'set' in item && /^sources[46]$/.test((item as { set: { name?: string } }).set.name ?? '');

/** Without handles and counters, which change by themselves. */
async function readRules(): Promise<string[]> {
  if (!facts.nft()) return [];
  const { nftables } = JSON.parse(await outputOf('nft', ['-j', 'list', 'ruleset'])) as { nftables: object[] };
  return nftables
    .filter((item) => !('metainfo' in item))
    .map((item) => {
      const skipped = ['handle', 'packets', 'bytes', ...(isSourceList(item) ? ['elem'] : [])];
      return JSON.stringify(item, (key, value) => (skipped.includes(key) ? undefined : value));
    });
}

const sysctlNames = [
  'forwarding',
  'force_forwarding',
  'accept_ra',
  'route_localnet',
  'rp_filter',
  'arp_ignore',
  'proxy_arp',
];

async function readSysctls(): Promise<string[]> {
  const lines = ['/proc/sys/net/ipv4/ip_forward'].map(readSysctl);
  for (const family of ['ipv4', 'ipv6']) {
    const base = `/proc/sys/net/${family}/conf`;
    const links = await readdir(base).catch(() => []);
    for (const link of links) for (const name of sysctlNames) lines.push(readSysctl(join(base, link, name)));
  }
  return (await Promise.all(lines)).filter((line) => line !== undefined);
}

async function readSysctl(path: string): Promise<string | undefined> {
  const value = await readFile(path, 'utf8').catch(() => undefined);
  return value === undefined ? undefined : `${path} = ${value.trim()}`;
}

/** Zones' ids begin here. */
const firstZoneId = 0x1000_0000;

/** Ours: run by the helper's or the init's program, a monitor, or with the user id of a zone. */
async function readProcesses(): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(pids.map((pid) => describeProcess(pid).catch(() => undefined)));
  return lines.filter((line) => line !== undefined);
}

async function describeProcess(pid: string): Promise<string | undefined> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const field = (name: string) => new RegExp(`^${name}:\\s*(\\S+)`, 'm').exec(status)?.[1] ?? '';
  // Dead, and pid 1's to reap: it takes its time.
  if (field('State') === 'Z' && field('PPid') === '1') return undefined;
  const program = await readlink(`/proc/${pid}/exe`).catch(() => '');
  const uid = Number(field('Uid'));
  if (uid < firstZoneId && !/tszone-(helper|init|monitor)/.test(`${program} ${field('Name')}`)) return undefined;
  if (uid >= 0x7000_0000) return undefined;
  const command = field('State') === 'Z' ? '' : await commandOf(pid);
  const groups = await readFile(`/proc/${pid}/cgroup`, 'utf8').catch(() => '');
  const group = /tszone\/\S+/.exec(groups)?.[0] ?? '';
  return `${pid} ${field('Name')} uid ${uid} ${group} ${await ownFiles(pid)} ${command}`;
}

/** There is none yet while a program is being executed, nor any more on the way out: neither stays so. */
async function commandOf(pid: string): Promise<string> {
  const deadline = performance.now() + patience(1000);
  for (;;) {
    const command = (await readFile(`/proc/${pid}/cmdline`, 'utf8')).replaceAll('\0', ' ').trim();
    if (command !== '' || performance.now() > deadline) return command;
    await sleep(5);
  }
}

/** Which zone a monitor works for: by the files that it holds. */
async function ownFiles(pid: string): Promise<string> {
  const fds = await readdir(`/proc/${pid}/fd`).catch(() => []);
  const targets = await Promise.all(fds.map((fd) => readlink(`/proc/${pid}/fd/${fd}`).catch(() => '')));
  return targets.find((target) => target.includes('/zones/')) ?? '';
}

/** Filters of system calls are kept by their digests, for all zones to come; new file systems of loop pools by their sizes. */
const isCache = (path: string) => /\/run\/(seccomp|apparmor)\/|\/blanks\//.test(path);

async function readFiles(directories: readonly string[]): Promise<string[]> {
  const lists = await Promise.all(directories.map((directory) => listFiles(directory)));
  return lists.flat().filter((path) => !isCache(path));
}

async function listFiles(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => []);
  const lists = await Promise.all(
    entries.map(async (entry) => {
      const path = join(directory, entry.name);
      return entry.isDirectory() ? [`${path}/`, ...(await listFiles(path))] : [path];
    }),
  );
  return lists.flat();
}

/** AppArmor's, as the kernel lists them. */
async function readProfiles(): Promise<string[]> {
  const text = await readFile('/sys/kernel/security/apparmor/profiles', 'utf8').catch(() => '');
  return text.split('\n').filter((line) => line.startsWith('tszone-'));
}

async function readIds(): Promise<string[]> {
  const entries = idLedger().refresh().all();
  return entries.map(({ root, zone, base }) => `${root} ${zone} ${base}`);
}

/** True while something is at the path, links not followed. */
export async function isThere(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}
