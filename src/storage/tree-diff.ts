/** Two stacks of layers compared: what one shows and the other does not. Pure, but for what is asked of the layers below both. */
import type { TreeEntry } from './tree-list.js';

export type Layer = ReadonlyMap<string, TreeEntry>;

/** What lies below both: nothing of it is listed, names are looked up. */
export interface Base {
  entry(path: string): Promise<TreeEntry | undefined>;
  /** Names in a directory, or nothing. */
  names(path: string): Promise<readonly string[]>;
}

export interface TreeChange {
  /** Absolute. */
  readonly path: string;
  readonly change: 'added' | 'changed' | 'deleted';
}

/** Several layers as one. */
export interface Stack {
  readonly entries: ReadonlyMap<string, TreeEntry>;
  /** Below them, nothing of what lies below the stack shows. */
  readonly hidden: ReadonlySet<string>;
}

const isWhiteout = ({ type, rdev }: TreeEntry) => type === 'c' && rdev === '0';

function ancestors(path: string): string[] {
  const parts = path.split('/');
  return parts.slice(1).map((_, index) => parts.slice(0, index + 1).join('/'));
}

/** @param layers topmost first */
export function stackOf(layers: readonly Layer[]): Stack {
  const entries = new Map<string, TreeEntry>();
  const hidden = new Set<string>();
  const shows = (path: string) => !ancestors(path).some((above) => hidden.has(above));
  for (const layer of layers) {
    const visible = [...layer].filter(([path]) => shows(path));
    // A directory's attributes are those of its topmost copy.
    for (const [path, entry] of visible) if (!entries.has(path) && !hidden.has(path)) entries.set(path, entry);
    for (const [path, entry] of visible) if (entry.type !== 'd' || entry.isOpaque) hidden.add(path);
  }
  return { entries, hidden };
}

/** A stack as what lies below another. */
export function over({ entries, hidden }: Stack, base: Base): Base {
  const reaches = (path: string) => !hidden.has(path) && !ancestors(path).some((above) => hidden.has(above));
  const children = new Map<string, string[]>();
  for (const path of entries.keys()) {
    const at = path.lastIndexOf('/');
    const parent = at < 0 ? '' : path.slice(0, at);
    children.set(parent, [...(children.get(parent) ?? []), path.slice(at + 1)]);
  }
  const entryOf = async (path: string) => {
    const own = entries.get(path);
    if (own !== undefined) return isWhiteout(own) ? undefined : own;
    return ancestors(path).some((above) => hidden.has(above)) ? undefined : base.entry(path);
  };
  return {
    entry: entryOf,
    names: async (path) => {
      const below = reaches(path) || path === '' ? await base.names(path) : [];
      const own = children.get(path) ?? [];
      const all = [...new Set([...own, ...below])];
      const found = await Promise.all(all.map((name) => entryOf(join(path, name))));
      return all.filter((_, index) => found[index] !== undefined).sort();
    },
  };
}

const join = (path: string, name: string) => (path === '' ? name : `${path}/${name}`);

/** What is in `to` and was not, or not so, in `from`; sorted by path. */
export async function diffStacks(from: Stack, to: Stack, base: Base): Promise<TreeChange[]> {
  const [before, after] = [over(from, base), over(to, base)];
  const changes = new Map<string, TreeChange>();
  const compared = new Set<string>();
  const compare = async (path: string) => {
    const [one, other] = [await before.entry(path), await after.entry(path)];
    const change = changeOf(one, other);
    if (change !== undefined) changes.set(path, { path: `/${path}`, change });
    // Only the one side has it: none of what is below need be listed, it may lie below both.
    if ((one?.type === 'd') !== (other?.type === 'd')) await compareBelow(path);
  };
  const compareBelow = async (path: string): Promise<void> => {
    if (compared.has(path)) return;
    compared.add(path);
    for (const name of new Set([...(await before.names(path)), ...(await after.names(path))])) {
      await compare(join(path, name));
      await compareBelow(join(path, name));
    }
  };
  for (const path of new Set([...from.entries.keys(), ...to.entries.keys()])) await compare(path);
  for (const path of new Set([...from.hidden, ...to.hidden])) await compareBelow(path);
  return [...changes.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
}

function changeOf(before: TreeEntry | undefined, after: TreeEntry | undefined): TreeChange['change'] | undefined {
  if (before === undefined) return after === undefined ? undefined : 'added';
  if (after === undefined) return 'deleted';
  return isSame(before, after) ? undefined : 'changed';
}

/** As rsync and tar decide it: content that has changed has another size or time. A directory is not changed by what is in it. */
function isSame(a: TreeEntry, b: TreeEntry): boolean {
  if (a.type !== b.type || a.mode !== b.mode || a.uid !== b.uid || a.gid !== b.gid) return false;
  if (a.xattrs !== undefined && b.xattrs !== undefined && a.xattrs !== b.xattrs) return false;
  if (a.type === 'd') return true;
  return a.size === b.size && a.mtimeNs === b.mtimeNs && a.target === b.target && a.rdev === b.rdev;
}
