/** What can be done to AppArmor's policy from the host side, as data. */
import type { ProfileKind } from './profile.js';

/**
 * Loads the profile unless it is loaded; the zone's helper has the share by then. Undo: removed, unless another zone's helper has
 * the share.
 */
export interface ApparmorLoadOp {
  readonly op: 'apparmor.load';
  readonly profile: string;
  readonly kind: ProfileKind;
  /** flock'ed by each helper of a zone under the profile. */
  readonly share: string;
  /** The profile as the parser made it. */
  readonly compiled: string;
}

/** The directory of shares and compiled profiles. Shared: never undone. */
export interface ApparmorPlaceOp {
  readonly op: 'apparmor.place';
  readonly path: string;
}

export type ApparmorOp = ApparmorLoadOp | ApparmorPlaceOp;
