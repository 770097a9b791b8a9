/** Which profile a zone is under, and what a start has to do for it: pure. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { EnterOp } from '../helper/index.js';
import { apparmorInterface } from '../host/index.js';
import type { Roots } from '../state/index.js';
import type { ApparmorOp } from './ops.js';
import { type ProfileKind, profileText } from './profile.js';

export interface ZoneProfile {
  readonly name: string;
  readonly prepare: readonly ApparmorOp[];
  /** monitor.share */
  readonly monitor: readonly EnterOp[];
  /** exit.last: the last zone of the root takes it away. */
  readonly exit: readonly EnterOp[];
}

/** The digest in its name: zones that began under another version of tszone keep theirs. */
export function planProfile({ instance, runRoot }: Roots, kind: ProfileKind): ZoneProfile {
  const digest = createHash('sha256').update(profileText('zone', kind)).digest('hex').slice(0, 8);
  const name = `tszone-${instance}-${kind}-${digest}`;
  const path = join(runRoot, 'apparmor');
  const compiled = join(path, name);
  const share = `${compiled}.share`;
  return {
    name,
    prepare: [
      { op: 'apparmor.place', path },
      { op: 'apparmor.load', profile: name, kind, share, compiled },
    ],
    monitor: [{ op: 'monitor.share', path: share }],
    exit: [{ op: 'exit.last', file: `${apparmorInterface}/.remove`, text: name }],
  };
}
