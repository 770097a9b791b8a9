/** Calls that make or enter user namespaces, refused: in one, its root has every capability. */
import { allow, refuse, severity, unknownCall } from './actions.js';
import { always, type Case, type Policy, type Verdict } from './policy.js';

/** CLONE_NEWUSER, and the argument of each call that has it. */
const newUser = 0x1000_0000n;
const flagsOf = { clone: 0, unshare: 0, setns: 1 } as const;

function asked(index: number): Case {
  return { conditions: [{ index, op: 'eq', value: newUser, mask: newUser }], action: refuse };
}

/** The same policy without them. What it refuses itself, it goes on to refuse in its own way. */
export function withoutUserNamespaces(policy: Policy): Policy {
  const calls = new Map(policy.calls);
  const own = (name: string): Verdict => calls.get(name) ?? always(policy.otherwise);
  for (const [name, index] of Object.entries(flagsOf)) {
    const verdict = own(name);
    if (canPass(verdict)) calls.set(name, { ...verdict, cases: [asked(index), ...verdict.cases] });
  }
  // Its flags are in memory, where no filter sees them: libc takes ENOSYS as the sign to use clone.
  if (canPass(own('clone3'))) calls.set('clone3', always(unknownCall));
  return { ...policy, calls };
}

const canPass = ({ cases, otherwise }: Verdict) =>
  [...cases.map(({ action }) => action), otherwise].some((action) => severity(action) > severity(refuse));

/** Everything else. */
export const allButUserNamespaces: Policy = withoutUserNamespaces({
  architectures: ['x86_64', 'i386', 'aarch64'],
  otherwise: allow,
  calls: new Map(),
});
