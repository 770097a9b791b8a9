/** Limits of the whole machine that many zones run into. */
import { type Check, type CheckContext, type CheckGroup, check } from './check.js';

/** A sysctl that should be at least this. */
export interface SysctlAdvice {
  readonly key: string;
  readonly least: number;
  /** What happens below it. */
  readonly because: string;
}

export const sysctlAdvice: readonly SysctlAdvice[] = [
  {
    key: 'fs.inotify.max_user_instances',
    least: 8192,
    because: 'each systemd takes some of it; "Too many open files" beyond',
  },
  {
    key: 'fs.inotify.max_user_watches',
    least: 1_048_576,
    because: 'programs that watch files fail with "No space left on device"',
  },
  { key: 'net.ipv4.neigh.default.gc_thresh1', least: 8192, because: 'neighbours are forgotten early' },
  { key: 'net.ipv4.neigh.default.gc_thresh2', least: 32_768, because: 'neighbours are forgotten early' },
  {
    key: 'net.ipv4.neigh.default.gc_thresh3',
    least: 65_536,
    because: '"neighbour table overflow" with some thousand addresses in use',
  },
  {
    key: 'net.ipv6.neigh.default.gc_thresh3',
    least: 65_536,
    because: '"neighbour table overflow" with some thousand addresses in use',
  },
  { key: 'kernel.pid_max', least: 4_194_304, because: 'the processes of all zones share these numbers' },
  {
    key: 'kernel.pty.max',
    least: 65_536,
    because: 'each zone takes one for its console, and one for each terminal in it',
  },
  { key: 'fs.file-max', least: 1_048_576, because: 'the open files of all zones' },
  { key: 'kernel.keys.maxkeys', least: 2000, because: 'session keyrings of one user, as in a zone with many logins' },
];

/** /proc/sys path of a sysctl. */
export function sysctlPath(key: string): string {
  return `/proc/sys/${key.replaceAll('.', '/')}`;
}

export const limitChecks: CheckGroup = (context) => sysctlAdvice.flatMap((advice) => sysctl(context, advice));

/** A sysctl that this kernel does not have limits nothing. */
function sysctl({ read }: CheckContext, { key, least, because }: SysctlAdvice): Check[] {
  const text = read(sysctlPath(key))?.trim();
  if (text === undefined || !/^\d+$/.test(text)) return [];
  const ok = Number(text) >= least;
  const detail = ok ? text : `${text}, ${least} is better: ${because}`;
  return [check(`limits.${key}`, key, { ok, detail, fix: 'tszone doctor --fix' })];
}
