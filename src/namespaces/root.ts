/**
 * A zone's root: idmapped layers under an overlay that the zone mounts itself, or, read-only, an overlay of lower layers
 * alone, whose superblock nobody can make writable.
 */
import type { EnterOp } from '../helper/index.js';

/** A host tree that comes in at `target`. */
export interface HostTree {
  readonly source: string;
  readonly target: string;
  readonly readOnly: boolean;
  /** Owners shifted into the zone's range. Without it they show as nobody, and what is closed to others stays closed. */
  readonly idmap: boolean;
  readonly isFile: boolean;
  /** A directory of the tree that shows the zone's own directory instead, writable. */
  readonly cover?: { readonly path: string; readonly source: string };
}

export interface RootPlanInput {
  /** Directories, topmost first. */
  readonly layers: readonly string[];
  /** Holds `upper` and `work`. */
  readonly rootfs: string;
  readonly staging: string;
  readonly readOnly: boolean;
  /** What is written need not outlive the zone: no sync ever waits for the disk. */
  readonly volatile: boolean;
  readonly trees: readonly HostTree[];
  /** Files and directories that lie in memory, above the layers: what has to be there in a read-only root before it is closed. */
  readonly skeleton: readonly EnterOp[];
  /** The zone has a user namespace. Without one nothing is idmapped nor locked: its root has no capability to change a mount. */
  readonly isOwned: boolean;
}

/** Host side: everything is opened before the clone, so that the child inherits it. */
export function planRootTrees(input: RootPlanInput): EnterOp[] {
  const layers = [...input.layers.entries()];
  return [
    ...layers.map(([index, path]): EnterOp => ({ op: 'tree.open', slot: layerSlot(index), path, flags: 'idmap' })),
    { op: 'tree.open', slot: 'u', path: input.rootfs, flags: 'idmap' },
    ...input.trees.flatMap((tree, index) => planTree(tree, index, input.isOwned)),
    { op: 'root.staging', path: input.staging },
  ];
}

function planTree(tree: HostTree, index: number, isOwned: boolean): EnterOp[] {
  const slot = treeSlot(index);
  const open: EnterOp = { op: 'tree.open', slot, path: tree.source, flags: treeFlags(tree) };
  if (tree.cover === undefined) return [open];
  const cover = coverSlot(index);
  if (!isOwned) return [open, { op: 'tree.open', slot: cover, path: tree.cover.source, flags: 'nosuid,nodev' }];
  return [
    open,
    { op: 'tree.open', slot: cover, path: tree.cover.source, flags: 'idmap,locked,nosuid,nodev' },
    { op: 'tree.cover', slot, path: tree.cover.path, with: cover },
  ];
}

/** Zone side, until cwd is the new root. */
export function planRoot(input: RootPlanInput): EnterOp[] {
  const layerNames = input.layers.map((_, index) => layerSlot(index));
  const moves = [...layerNames, 'u'].map((slot): EnterOp => ({ op: 'tree.move', slot, name: slot }));
  const overlay: EnterOp = input.readOnly
    ? { op: 'overlay.mount', target: 'r', lowers: ['s', 'u/upper', ...layerNames].join(':'), upper: '', options: '' }
    : {
        op: 'overlay.mount',
        target: 'r',
        lowers: [...(input.skeleton.length > 0 ? ['s'] : []), ...layerNames].join(':'),
        upper: 'u',
        options: input.volatile ? 'volatile' : '',
      };
  const skeleton: EnterOp[] = input.skeleton.length > 0 ? [{ op: 'root.enter', name: 's' }, ...input.skeleton] : [];
  return [{ op: 'root.stage' }, ...moves, ...skeleton, overlay, { op: 'root.enter', name: 'r' }];
}

/** Zone side: host trees at their places. */
export function planHostTrees({ trees, isOwned }: RootPlanInput): EnterOp[] {
  return trees.flatMap(({ target, cover }, index): EnterOp[] => {
    const tree: EnterOp = { op: 'mnt.tree', slot: treeSlot(index), target };
    if (isOwned || cover === undefined) return [tree];
    // Nothing is attached before the clone: the cover comes after what it covers.
    return [tree, { op: 'mnt.tree', slot: coverSlot(index), target: `${target}/${cover.path}` }];
  });
}

const layerSlot = (index: number) => `l${index}`;
const treeSlot = (index: number) => `m${index}`;
const coverSlot = (index: number) => `${treeSlot(index)}c`;

/**
 * A recursive copy cannot be idmapped when one mount in it cannot, so only unmapped trees take their submounts along. Locked, also
 * when it can be written: a zone's root could otherwise take nodev off, and open device nodes that lie in the host's directory.
 */
function treeFlags(tree: HostTree): string {
  return [tree.idmap ? 'idmap' : 'recursive', ...(tree.readOnly ? ['readonly'] : []), 'locked', 'nosuid', 'nodev'].join(
    ',',
  );
}
