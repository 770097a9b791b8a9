/** The filter of a zone that asks for nothing else. docs/internals/security.md says why, decision 0015 how. */
import { allow, refuse, unknownCall, unknownFamily } from './actions.js';
import { absentCalls, allowedCalls, refusedCalls } from './default-calls.js';
import { withoutUserNamespaces } from './no-user-namespaces.js';
import { always, type Case, type Policy, type Verdict } from './policy.js';

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

/** An int or a pid: the kernel ignores what is above. */
const word = 0xffff_ffffn;

/** AF_UNIX, AF_INET, AF_INET6, AF_NETLINK, AF_PACKET: those that belong to a network namespace and that programs need. */
const families = [1n, 2n, 10n, 16n, 17n];

export function defaultPolicy({ nesting, is32Bit }: DefaultPolicyOptions): Policy {
  const policy: Policy = {
    architectures: ['x86_64', 'i386', 'aarch64'],
    otherwise: unknownCall,
    calls: new Map([
      ...allowedCalls.map((name): [string, Verdict] => [name, always(allow)]),
      ...refusedCalls.map((name): [string, Verdict] => [name, always(refuse)]),
      ...absentCalls.map((name): [string, Verdict] => [name, always(unknownCall)]),
      ...namespaceCalls.map((name): [string, Verdict] => [name, always(allow)]),
      ['socket', onlyFamilies()],
      ...(is32Bit ? ([['socketcall', always(allow)]] as const) : []),
    ]),
  };
  return nesting ? policy : withoutUserNamespaces(policy);
}

const namespaceCalls = ['clone', 'clone3', 'unshare', 'setns'];

function onlyFamilies(): Verdict {
  const cases = families.map((family): Case => {
    return { conditions: [{ index: 0, op: 'eq', value: family, mask: word }], action: allow };
  });
  return { cases, otherwise: unknownFamily };
}
