/** The filter of a zone that asks for nothing else. docs/internals/security.md says why, decision 0015 how. */
import { allow, refuse, unknownCall, unknownFamily } from './actions.js';
import { absentCalls, allowedCalls, refusedCalls } from './default-calls.js';
import { always, type Case, type Condition, type Policy, type Verdict } from './policy.js';

export interface DefaultPolicyOptions {
  /** New user namespaces may be made inside. */
  readonly nesting: boolean;
  /**
   * The zone's programs are 32-bit ones. Their libc makes sockets by `socketcall` alone, whose arguments no filter sees: so it is
   * allowed, and with it every family.
   */
  readonly is32Bit: boolean;
}

/** To be raised whenever the filter changes: what was compiled before is then not taken for it (tested). */
export const defaultRevision = 1;

/** CLONE_NEWUSER */
const newUser = 0x1000_0000n;
/** An int or a pid: the kernel ignores what is above. */
const word = 0xffff_ffffn;

/** AF_UNIX, AF_INET, AF_INET6, AF_NETLINK, AF_PACKET: those that belong to a network namespace and that programs need. */
const families = [1n, 2n, 10n, 16n, 17n];

export function defaultPolicy({ nesting, is32Bit }: DefaultPolicyOptions): Policy {
  return {
    architectures: ['x86_64', 'i386', 'aarch64'],
    otherwise: unknownCall,
    calls: new Map([
      ...allowedCalls.map((name): [string, Verdict] => [name, always(allow)]),
      ...refusedCalls.map((name): [string, Verdict] => [name, always(refuse)]),
      ...absentCalls.map((name): [string, Verdict] => [name, always(unknownCall)]),
      ...(nesting ? anyNamespace : noUserNamespace),
      ['socket', onlyFamilies()],
      ...(is32Bit ? ([['socketcall', always(allow)]] as const) : []),
    ]),
  };
}

const anyNamespace = ['clone', 'clone3', 'unshare', 'setns'].map((name): [string, Verdict] => [name, always(allow)]);

/** clone3's flags are in memory: libc takes ENOSYS as the sign to use clone. */
const noUserNamespace: readonly [string, Verdict][] = [
  ['clone', unlessFlag(0, newUser)],
  ['unshare', unlessFlag(0, newUser)],
  ['setns', unlessFlag(1, newUser)],
  ['clone3', always(unknownCall)],
];

function unlessFlag(index: number, flag: bigint): Verdict {
  const condition: Condition = { index, op: 'eq', value: flag, mask: flag };
  return { cases: [{ conditions: [condition], action: refuse }], otherwise: allow };
}

function onlyFamilies(): Verdict {
  const cases = families.map((family): Case => {
    return { conditions: [{ index: 0, op: 'eq', value: family, mask: word }], action: allow };
  });
  return { cases, otherwise: unknownFamily };
}
