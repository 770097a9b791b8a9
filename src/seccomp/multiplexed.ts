/**
 * i386's `socketcall` and `ipc`: many calls behind one number, the call's own in the first argument and its arguments in memory,
 * where no filter sees them. So that a rule for `connect` means connect, however it is called. socketcall(2), ipc(2), linux/net.h,
 * linux/ipc.h.
 */
import { severity } from './actions.js';
import { type Action, always, type Case, type Condition, type Policy, type Verdict } from './policy.js';

const calls = {
  socketcall: {
    socket: 1,
    bind: 2,
    connect: 3,
    listen: 4,
    accept: 5,
    getsockname: 6,
    getpeername: 7,
    socketpair: 8,
    send: 9,
    recv: 10,
    sendto: 11,
    recvfrom: 12,
    shutdown: 13,
    setsockopt: 14,
    getsockopt: 15,
    sendmsg: 16,
    recvmsg: 17,
    accept4: 18,
    recvmmsg: 19,
    sendmmsg: 20,
  },
  ipc: {
    semop: 1,
    semget: 2,
    semctl: 3,
    semtimedop: 4,
    msgsnd: 11,
    msgrcv: 12,
    msgget: 13,
    msgctl: 14,
    shmat: 21,
    shmdt: 22,
    shmget: 23,
    shmctl: 24,
  },
} as const;

/** Calls that i386 has, if only in this way. */
export const multiplexedNames = Object.values(calls).flatMap((numbers) => Object.keys(numbers));

/** The upper half of ipc's first argument is a version. */
const masks = { socketcall: 0xffff_ffffn, ipc: 0xffffn } as const;

export type Multiplexer = keyof typeof calls;

export const isMultiplexer = (name: string): name is Multiplexer => Object.hasOwn(calls, name);

export function multiplexedVerdict(name: Multiplexer, policy: Policy): Verdict {
  const { cases, otherwise } = policy.calls.get(name) ?? always(policy.otherwise);
  if (cases.length === 0 && policy.calls.has(name)) return always(otherwise);
  const runs = runsOf(name, policy).filter(({ action }) => cases.length > 0 || action !== otherwise);
  return { cases: [...cases, ...runs.map((run) => caseOf(name, run))], otherwise };
}

/** Numbers that follow each other, of calls with one verdict. */
interface Run {
  readonly first: number;
  readonly last: number;
  readonly action: Action;
}

function runsOf(name: Multiplexer, policy: Policy): Run[] {
  const runs: Run[] = [];
  for (const [call, number] of Object.entries(calls[name])) {
    const verdict = policy.calls.get(call);
    if (verdict === undefined) continue;
    const action = unseen(verdict);
    const before = runs.at(-1);
    if (name === 'socketcall' && before?.action === action && before.last === number - 1)
      runs.splice(-1, 1, { ...before, last: number });
    else runs.push({ first: number, last: number, action });
  }
  return runs;
}

function caseOf(name: Multiplexer, { first, last, action }: Run): Case {
  const mask = masks[name];
  if (first === last) return { conditions: [{ index: 0, op: 'eq', value: BigInt(first), mask }], action };
  const least: Condition = { index: 0, op: 'ge', value: BigInt(first), mask };
  return { conditions: [least, { ...least, op: 'le', value: BigInt(last) }], action };
}

/** Of what depends on arguments that cannot be seen, the most severe. */
function unseen({ cases, otherwise }: Verdict): Action {
  return cases
    .map(({ action }) => action)
    .reduce((worst, action) => (severity(action) < severity(worst) ? action : worst), otherwise);
}
