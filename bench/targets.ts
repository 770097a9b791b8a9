/** What tszone has to reach, as ratios of medians of one run. A miss is printed; it does not fail the bench. */
import { summarize } from './statistics.js';
import type { Table } from './table.js';

export interface Verdict {
  readonly text: string;
  readonly limit: number;
  /** Else at most. */
  readonly atLeast: boolean;
  readonly unit: '' | ' ms' | ' kB' | ' cores';
  readonly measured: number | undefined;
  /** `undefined`: it could not be measured. */
  readonly holds: boolean | undefined;
  readonly why: string | undefined;
  /** Its row ran. */
  readonly isAsked: boolean;
}

/** `table/cell` */
interface Target {
  readonly text: string;
  /** Of several, the most counts. */
  readonly of: string | readonly string[];
  /** What is no part of it, in the same order. */
  readonly less?: readonly string[];
  /** Of several, the least counts. */
  readonly against?: readonly string[];
  readonly limit: number;
  readonly atLeast?: boolean;
  readonly unit?: Verdict['unit'];
  /** It says nothing of fewer. */
  readonly zones?: number;
}

const drivers = ['overlay', 'loop', 'btrfs'];

/** Nothing is copied: what the image or the zone holds makes no difference. */
const flat = (drivers: readonly string[], verbs: readonly string[]): Target[] =>
  drivers.flatMap((driver) =>
    verbs.flatMap((verb) =>
      ['large image', 'written'].map((source) => ({
        text: `${verb}, ${driver}: ${source} against a small image`,
        of: `${verb}/${driver} ${source}`,
        against: [`${verb}/${driver} small image`],
        limit: 1.5,
      })),
    ),
  );

/** Whatever the image holds, and the zone has written. */
const own = (table: string, text: string, drivers: readonly string[], verbs: readonly string[], ends: string[]) =>
  drivers.flatMap((driver) =>
    verbs.map((verb) => ({
      text: `our own work for ${verb}, ${driver}, ${text}`,
      of: ends.map((end) => `${table}/${driver} ${verb}${end}`),
      ...(driver === 'btrfs' ? { less: ends.map((end) => `${table}/the ioctl alone${end}`) } : {}),
      limit: 15,
      unit: ' ms' as const,
    })),
  );
const sizes = [' small image', ' large image', ' written'];
const three = ['snapshot', 'restore', 'clone'];
const ownWork: readonly Target[] = [
  ...own('own-stopped', 'stopped', drivers, three, sizes),
  ...own('own-unfrozen', 'stopped, all written since the latest snapshot', drivers, three, ['']),
  ...own('own-running', 'running', ['btrfs'], ['snapshot', 'clone'], sizes),
];

const targets: readonly Target[] = [
  ...flat(drivers, ['snapshot-stopped', 'restore-stopped', 'clone-stopped']),
  ...flat(['btrfs'], ['snapshot-running', 'clone-running']),
  ...ownWork,
  { text: 'disk of many zones of one image against one', of: 'many-disk/many', against: ['many-disk/one'], limit: 1.1 },
  {
    text: 'page cache of many zones of one image against one',
    of: 'many-cached/many',
    against: ['many-cached/one'],
    limit: 1.1,
  },
  {
    text: 'growth of Cached by each further zone that reads all of its image, against the image',
    of: 'many-each/tszone: growth of Cached',
    against: ['many-each/the image'],
    limit: 0.05,
  },
  { text: 'unpack 300 MB against GNU tar', of: 'unpack/tszone', against: ['unpack/tar'], limit: 1.0 },
  { text: 'unpack 300 MB of gzip against GNU tar', of: 'unpack-gzip/tszone', against: ['unpack-gzip/tar'], limit: 1.0 },
  { text: 'unpack 300 MB of zstd against GNU tar', of: 'unpack-zstd/tszone', against: ['unpack-zstd/tar'], limit: 1.0 },
  {
    text: 'import of three layers against the better of three tar xzf, one after the other and side by side',
    of: 'unpack-layers/tszone',
    against: ['unpack-layers/tar, in turn', 'unpack-layers/tar, side by side'],
    limit: 1.0,
  },
  {
    text: 'cores that an import of three layers keeps busy',
    of: 'unpack-cores/tszone',
    limit: 1.3,
    atLeast: true,
    unit: ' cores',
  },
  {
    text: 'export | import against tar | zstd | tar',
    of: 'export/tszone',
    against: ['export/tar|zstd|tar'],
    limit: 1.0,
  },
  {
    text: 'backup of an unchanged zone of 300 MB against the first',
    of: 'backup/unchanged',
    against: ['backup/first'],
    limit: 0.1,
  },
  {
    text: 'backup of an unchanged zone of 1 GB against the first',
    of: 'backup-1g/unchanged',
    against: ['backup-1g/first'],
    limit: 0.1,
  },
  {
    text: 'bytes that a backup of an unchanged zone adds, against the first',
    of: 'backup-bytes/unchanged',
    against: ['backup-bytes/first'],
    limit: 0.1,
  },
  { text: 'exec against nsenter', of: 'exec/tszone', against: ['exec/nsenter'], limit: 1.0 },
  {
    text: 'exec against the better of crun and runc',
    of: 'exec/tszone',
    against: ['exec/crun', 'exec/runc'],
    limit: 0.25,
  },
  { text: 'library exec above a spawn of the same program', of: 'exec-library/above a spawn', limit: 1, unit: ' ms' },
  {
    text: 'run with network, warm, against the floor',
    of: 'run-net/tszone warm',
    against: ['run-net/floor'],
    limit: 2,
  },
  {
    text: 'run with network, warm, against crun without',
    of: 'run-net/tszone warm',
    against: ['run/crun'],
    limit: 0.5,
  },
  { text: 'run with network, warm, against lxc', of: 'run-net/tszone warm', against: ['run-net/lxc'], limit: 0.25 },
  {
    text: 'run with network, warm, against docker',
    of: 'run-net/tszone warm',
    against: ['run-net/docker'],
    limit: 0.04,
  },
  { text: 'run with network, cold, against docker', of: 'run-net/tszone', against: ['run-net/docker'], limit: 0.25 },
  { text: 'run with network, cold, against podman', of: 'run-net/tszone', against: ['run-net/podman'], limit: 0.25 },
  {
    text: 'run with network, cold, against nspawn with a veth',
    of: 'run-net/tszone',
    against: ['run-net/nspawn'],
    limit: 1,
  },
  { text: 'claim of a spare against exec', of: 'claim/tszone claim', against: ['claim/tszone'], limit: 1.2 },
  {
    text: 'memory of an idle zone on the host side, against the less of lxc and podman',
    of: 'memory/tszone',
    against: ['memory/lxc', 'memory/podman'],
    limit: 0.6,
  },
  { text: 'memory of an idle zone on the host side', of: 'memory/tszone', limit: 200, unit: ' kB' },
  {
    text: 'start of the last of 1,000 zones against the tenth',
    of: 'scale-start/last',
    against: ['scale-start/tenth'],
    limit: 1.2,
    zones: 1000,
  },
  {
    text: 'create of the last of 1,000 zones against the tenth',
    of: 'scale-create/last',
    against: ['scale-create/tenth'],
    limit: 1.2,
    zones: 1000,
  },
  { text: 'list of 1,000 zones, warm', of: 'scale-list/tszone warm', limit: 20, unit: ' ms', zones: 1000 },
];

/** `zones`: how many there were at most. */
export function judge(tables: readonly Table[], zones: number): Verdict[] {
  const median = (path: string): number | undefined => {
    const [id, name] = path.split('/');
    const cell = tables.find((table) => table.id === id)?.cells.find((one) => one.name === name);
    return cell === undefined || cell.samples.length === 0 ? undefined : summarize(cell.samples).median;
  };
  const reasonFor = (path: string): string => {
    const [id, name] = path.split('/');
    const table = tables.find((one) => one.id === id);
    return table?.lacks.find((lack) => lack.name === name)?.reason ?? `${path} was not measured`;
  };
  return targets.map(
    ({ text, of, less = [], against, limit, atLeast = false, unit = '', zones: needed = 0 }): Verdict => {
      const asked = { text, limit, atLeast, unit };
      const paths = typeof of === 'string' ? [of] : of;
      const values = paths.map(median);
      const isAsked = tables.some(({ id }) => paths[0]?.startsWith(`${id}/`));
      const others = (against ?? []).map(median);
      const kernels = less.map(median);
      const missing =
        paths[values.indexOf(undefined)] ?? against?.[others.indexOf(undefined)] ?? less[kernels.indexOf(undefined)];
      if (missing !== undefined)
        return { ...asked, measured: undefined, holds: undefined, why: reasonFor(missing), isAsked };
      const known = (list: readonly (number | undefined)[]) => list.filter((one) => one !== undefined);
      const value = Math.max(...known(values).map((one, at) => one - (kernels[at] ?? 0)));
      const measured = against === undefined ? value : value / Math.min(...known(others));
      const tooFew = `${measured.toFixed(2)}${unit} with ${zones} zones says nothing of ${needed}`;
      if (zones < needed) return { ...asked, measured: undefined, holds: undefined, why: tooFew, isAsked };
      const holds = atLeast ? measured >= limit : measured <= limit;
      return { ...asked, measured, holds, why: undefined, isAsked };
    },
  );
}
