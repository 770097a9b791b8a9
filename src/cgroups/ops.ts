/** What can be done to cgroups from the host side, as data. */
import type { Controller, DelegatedUnit } from '../host/facts.js';

/** Starts the systemd unit that owns the base, if it is not there. Shared: never undone. */
export interface CgroupDelegateOp extends DelegatedUnit {
  readonly op: 'cgroup.delegate';
  /** The unit's group. */
  readonly path: string;
}

/** v2: controllers that the groups' parents have to hand down. */
export interface EnabledControllers {
  /** Missing: an error that names it. */
  readonly required: readonly Controller[];
  /** Handed down where the kernel lets us. */
  readonly wanted: readonly Controller[];
}

/** What a group needs so that it can be made, also when others remove its empty parents at the same time. */
interface GroupNeeds {
  readonly path: string;
  /** Shared groups above it, topmost first; made if they are missing. */
  readonly parents: readonly string[];
  /** v1 cpuset: files that are copied down from the parent where they are empty (a join fails with ENOSPC otherwise). */
  readonly fill: readonly string[];
  /** v2 only. `above` has to exist; it and each of `parents` gets its subtree_control. */
  readonly enable?: HandedDown;
}

export interface HandedDown extends EnabledControllers {
  readonly above: string;
  /** What runs in `above` itself goes there first: a group with processes of its own hands nothing down (EBUSY). */
  readonly leaf?: string;
}

/** A new group of ours alone. One that is left from before is replaced, unless it has processes. Undo: removed with all below it. */
export interface CgroupCreateOp extends GroupNeeds {
  readonly op: 'cgroup.create';
}

/** A group that many share (`tszone/monitors`). Undo: it stays. */
export interface CgroupShareOp extends GroupNeeds {
  readonly op: 'cgroup.share';
}

/** Writes one value. Undo: `previous` if it is given, else nothing (the group goes away with its create). */
export interface CgroupWriteOp {
  readonly op: 'cgroup.write';
  readonly path: string;
  readonly value: string;
  readonly previous?: string;
  /** What it is for, in an error: `memory limit`. */
  readonly purpose: string;
  readonly controller: Controller | 'cgroup';
}

/** The zone's root may make groups below and move its own processes there; what limits it stays the host's. Undo: nothing. */
export interface CgroupOwnOp {
  readonly op: 'cgroup.own';
  /** The group. */
  readonly path: string;
  readonly uid: number;
  readonly gid: number;
  /** Files of the group that become its own, too, where the kernel has them. */
  readonly files: readonly string[];
}

/** v1: nothing but these may be opened. Undo: nothing (the group goes away with its create). */
export interface CgroupDevicesOp {
  readonly op: 'cgroup.devices';
  /** The group. */
  readonly path: string;
  /** `c 1:3 rw`. */
  readonly allow: readonly string[];
}

/** On a running zone. Undo: `before`. */
export interface CgroupDevicesChangeOp {
  readonly op: 'cgroup.devices-change';
  /** The group. */
  readonly path: string;
  readonly version: 1 | 2;
  readonly before: readonly string[];
  readonly after: readonly string[];
}

/** v2: hands controllers down to a group that exists (a limit that is set later). Undo: nothing. */
export interface CgroupEnableOp extends EnabledControllers {
  readonly op: 'cgroup.enable';
  /** Topmost first. */
  readonly paths: readonly string[];
}

/** v2 guarantees: a parent's floor is made the sum of its children's, without which theirs have no effect. Undo: computed again. */
export interface CgroupSumOp {
  readonly op: 'cgroup.sum';
  readonly path: string;
  readonly file: string;
}

export type CgroupOp =
  | CgroupDelegateOp
  | CgroupCreateOp
  | CgroupShareOp
  | CgroupWriteOp
  | CgroupOwnOp
  | CgroupDevicesOp
  | CgroupDevicesChangeOp
  | CgroupEnableOp
  | CgroupSumOp;
