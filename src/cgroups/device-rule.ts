/** Which devices a zone's processes may open, as rules that v1's control files and v2's program are made of alike. */

export interface DeviceRule {
  /** c: character, b: block. */
  readonly kind: 'b' | 'c';
  readonly major: number;
  readonly minor: number | '*';
  /** Of `rwm`. */
  readonly access: string;
}

/**
 * null, zero, full, random, urandom, tty, ptmx and the terminals of devpts. Not `m`, nor `c *:* m` as the OCI default has it: in
 * a user namespace the kernel refuses mknod before it asks here, and what it lets anybody make, the whiteout 0:0, it does not ask for.
 */
export const defaultDevices: readonly DeviceRule[] = [
  ...[3, 5, 7, 8, 9].map((minor) => ({ kind: 'c', major: 1, minor, access: 'rw' }) as const),
  { kind: 'c', major: 5, minor: 0, access: 'rw' },
  { kind: 'c', major: 5, minor: 2, access: 'rw' },
  { kind: 'c', major: 136, minor: '*', access: 'rw' },
];

/** As devices.allow takes it and devices.list gives it: `c 1:3 rw`. */
export function formatRule({ kind, major, minor, access }: DeviceRule): string {
  return `${kind} ${major}:${minor} ${access}`;
}

/** @throws Error on what is no rule (of ours, or of devices.list without a wildcard for the major) */
export function parseRule(text: string): DeviceRule {
  const [, kind, major, minor, access = ''] = /^([bc]) (\d+):(\d+|\*) ([rwm]+)$/.exec(text.trim()) ?? [];
  if (kind !== 'b' && kind !== 'c') throw new Error(`"${text}" is no rule for a device`);
  return { kind, major: Number(major), minor: minor === '*' ? '*' : Number(minor), access };
}

/** One rule a device, with all its letters, as v1 keeps them: an open asks for all of its letters of one rule. */
export function mergeRules(rules: readonly DeviceRule[]): DeviceRule[] {
  const merged = new Map<string, DeviceRule>();
  for (const rule of rules) {
    const key = `${rule.kind} ${rule.major}:${rule.minor}`;
    const letters = (merged.get(key)?.access ?? '') + rule.access;
    merged.set(key, { ...rule, access: lettersOf(letters) });
  }
  return [...merged.values()];
}

/** Each once, in the kernel's order. */
function lettersOf(letters: string): string {
  return [...'rwm'].filter((letter) => letters.includes(letter)).join('');
}

export interface RuleChanges {
  readonly deny: readonly DeviceRule[];
  readonly allow: readonly DeviceRule[];
}

/** What has to be taken and given so that `before` becomes `after`; nothing that both have is touched. */
export function changedRules(before: readonly DeviceRule[], after: readonly DeviceRule[]): RuleChanges {
  return { deny: lacking(before, after), allow: lacking(after, before) };
}

/** Of the rules, the letters that the others do not have. */
function lacking(rules: readonly DeviceRule[], others: readonly DeviceRule[]): DeviceRule[] {
  const known = mergeRules(others);
  return mergeRules(rules).flatMap((rule) => {
    const same = known.find(
      ({ kind, major, minor }) => kind === rule.kind && major === rule.major && minor === rule.minor,
    );
    const access = [...rule.access].filter((letter) => same?.access.includes(letter) !== true).join('');
    return access === '' ? [] : [{ ...rule, access }];
  });
}
