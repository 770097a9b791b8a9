/** What can be done to a zone's own state on disk, as data. */
import type { InterfaceSpec } from '../spec/index.js';
import type { MaybeEphemeral } from './ephemeral.js';
import type { WantedIds } from './id-register.js';
import type { PoolRecord } from './pools.js';
import type { Roots } from './roots.js';
import type { SnapshotRecord } from './snapshots.js';
import type { ZoneRecord, ZoneStorage } from './zones.js';

/** A directory with its parents. Undo: removed with everything in it, so name only what is the operation's own. */
export interface DirectoryCreateOp {
  readonly op: 'state.mkdir';
  readonly path: string;
  readonly mode: number;
}

/** Removes a tree; refused (ZONE_STATE) while something is mounted in it. Undo: nothing. */
export interface RemoveOp {
  readonly op: 'state.remove';
  readonly path: string;
}

/** Undo: gives the range back. */
export interface IdsLeaseOp extends MaybeEphemeral {
  readonly op: 'state.ids-lease';
  readonly roots: Roots;
  readonly zone: string;
  /** Other than a range of its own. */
  readonly ids?: WantedIds | undefined;
}

/** The reverse as an op of its own, for delete. */
export interface IdsReleaseOp {
  readonly op: 'state.ids-release';
  readonly roots: Roots;
  readonly zone: string;
}

/** Undo: gives them back. */
export interface AddressesLeaseOp extends MaybeEphemeral {
  readonly op: 'state.addresses-lease';
  readonly roots: Roots;
  readonly zone: string;
  readonly interfaces: readonly InterfaceSpec[];
}

/** The reverse as an op of its own, for delete. */
export interface AddressesReleaseOp {
  readonly op: 'state.addresses-release';
  readonly roots: Roots;
  readonly zone: string;
}

/** From here on the zone exists. The id range is filled in from the register. Undo: the record is removed. */
export interface ZoneWriteOp {
  readonly op: 'state.zone-write';
  /** For nobody to see yet; only of a throw-away zone. */
  readonly unseen?: boolean | undefined;
  readonly roots: Roots;
  readonly record: Omit<ZoneRecord, 'ids'>;
}

/** Of a stop's journal: whoever works it off remembers that a user wanted the zone stopped. Apply: nothing. Undo: the record says so. */
export interface ZoneStoppedOp {
  readonly op: 'state.zone-stopped';
  readonly roots: Roots;
  readonly zone: string;
}

/** The directory gets the new name; then there is a zone of that name. Undo: nothing; it is only ever completed. */
export interface ZoneRenameOp {
  readonly op: 'state.zone-rename';
  readonly roots: Roots;
  readonly from: string;
  readonly to: string;
}

/** The range follows, if it has not yet. Undo: nothing. */
export interface IdsRenameOp extends Omit<ZoneRenameOp, 'op'> {
  readonly op: 'state.ids-rename';
}

/** So do the addresses. Undo: nothing. */
export interface AddressesRenameOp extends Omit<ZoneRenameOp, 'op'> {
  readonly op: 'state.addresses-rename';
}

/** And the name in the record. Undo: nothing. */
export interface RecordRenameOp extends Omit<ZoneRenameOp, 'op'> {
  readonly op: 'state.record-rename';
}

/** The whole record of a zone that exists. Undo: nothing. */
export interface ZoneSaveOp {
  readonly op: 'state.zone-save';
  readonly roots: Roots;
  readonly record: ZoneRecord;
}

/** The whole record of a snapshot that exists. Undo: nothing. */
export interface SnapshotSaveOp {
  readonly op: 'state.snapshot-save';
  readonly roots: Roots;
  readonly zone: string;
  readonly record: SnapshotRecord;
}

/** From here on the pool exists. Undo: the record is removed. */
export interface PoolWriteOp {
  readonly op: 'state.pool-write';
  readonly roots: Roots;
  readonly record: PoolRecord;
}

/** From here on it does not. Undo: nothing. */
export interface PoolForgetOp {
  readonly op: 'state.pool-forget';
  readonly roots: Roots;
  readonly name: string;
}

/** Where what the zone writes is kept from now on. Undo: nothing; it is only ever completed. */
export interface ZoneStorageOp {
  readonly op: 'state.zone-storage';
  readonly roots: Roots;
  readonly zone: string;
  readonly storage: ZoneStorage;
  /** What else of the record is as it was at a snapshot. */
  readonly like?: Pick<ZoneRecord, 'spec' | 'image' | 'machineId'> | undefined;
}

/** A directory takes the place of another, if it is there. Undo: nothing; it is only ever completed. */
export interface ReplaceOp {
  readonly op: 'state.replace';
  readonly path: string;
  readonly by: string;
}

export type StateOp =
  | ZoneStorageOp
  | ReplaceOp
  | DirectoryCreateOp
  | RemoveOp
  | IdsLeaseOp
  | IdsReleaseOp
  | AddressesLeaseOp
  | AddressesReleaseOp
  | ZoneWriteOp
  | ZoneStoppedOp
  | ZoneRenameOp
  | IdsRenameOp
  | AddressesRenameOp
  | RecordRenameOp
  | ZoneSaveOp
  | SnapshotSaveOp
  | PoolWriteOp
  | PoolForgetOp;
