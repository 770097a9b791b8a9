/** Devices of the host in a zone's /dev: nodes of their own, as the host's owners are nobody inside (docs/decisions/0016). */
import type { EnterOp } from '../helper/index.js';
import type { IdRange } from '../state/index.js';

export interface DeviceNode {
  /** In the zone. */
  readonly path: string;
  readonly kind: 'b' | 'c';
  readonly major: number;
  readonly minor: number;
  /** Permission bits. */
  readonly mode: number;
  /** As the zone sees them. */
  readonly uid: number;
  readonly gid: number;
}

/** Nodes come and go in the /dev of a running zone. Undo: the reverse. */
export interface DeviceNodesOp {
  readonly op: 'device.nodes';
  /** Host pid of the zone's pid 1, and when it was started. */
  readonly pid: number;
  readonly startTime: string;
  readonly staging: string;
  readonly ids: IdRange;
  /** It has a user namespace. */
  readonly isMapped: boolean;
  readonly add: readonly DeviceNode[];
  readonly remove: readonly DeviceNode[];
}

/** Host side. */
export function planNodes(nodes: readonly DeviceNode[], ids: IdRange): EnterOp[] {
  return nodes.map((node, index) => ({
    op: 'tree.node',
    slot: nodeSlot(index),
    kind: node.kind,
    major: String(node.major),
    minor: String(node.minor),
    mode: String(node.mode),
    uid: String(outside(node.uid, ids)),
    gid: String(outside(node.gid, ids)),
  }));
}

/** Zone side, once its /dev is there. */
export function planNodeMounts(nodes: readonly DeviceNode[]): EnterOp[] {
  return nodes.map(({ path }, index) => ({ op: 'dev.add', slot: nodeSlot(index), target: path }));
}

/** Zone side. */
export function planNodeRemovals(nodes: readonly DeviceNode[]): EnterOp[] {
  return nodes.map(({ path, major, minor }) => ({
    op: 'dev.remove',
    target: path,
    major: String(major),
    minor: String(minor),
  }));
}

const nodeSlot = (index: number) => `d${index}`;

/** Whom the zone has no number for owns nothing in it: then it is its root. */
function outside(id: number, { base, count }: IdRange): number {
  return base + (id < count ? id : 0);
}
