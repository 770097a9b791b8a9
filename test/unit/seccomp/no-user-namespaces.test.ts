import { expect } from 'chai';
import { allow, failWith, killProcess } from '../../../src/seccomp/actions.js';
import { numbersOf } from '../../../src/seccomp/architectures.js';
import { compilePolicy } from '../../../src/seccomp/compile.js';
import { allButUserNamespaces, withoutUserNamespaces } from '../../../src/seccomp/no-user-namespaces.js';
import { always, type Policy, type Verdict } from '../../../src/seccomp/policy.js';
import { audit, verdictName, verdictOf } from '../../helpers/bpf.js';

const newUser = 0x1000_0000n;

function answers(policy: Policy, architecture: 'x86_64' | 'i386' | 'aarch64' = 'x86_64') {
  const program = compilePolicy(policy, architecture === 'aarch64' ? 'aarch64' : 'x86_64');
  return (name: string, ...args: bigint[]) => {
    const number = numbersOf(architecture).get(name) ?? expect.fail(`${architecture} has no ${name}`);
    return verdictName(verdictOf(program, { number, architecture: audit[architecture], args }));
  };
}

describe('a policy without user namespaces', () => {
  for (const architecture of ['x86_64', 'i386', 'aarch64'] as const)
    it(`refuses those that are asked for, and nothing else: ${architecture}`, () => {
      const answer = answers(allButUserNamespaces, architecture);
      for (const flags of [newUser, newUser | 0x11n, 0x7fff_ffffn]) {
        expect(answer('clone', flags)).to.equal('errno 1');
        expect(answer('unshare', flags)).to.equal('errno 1');
        expect(answer('setns', 3n, flags)).to.equal('errno 1');
      }
      expect(answer('clone3')).to.equal('errno 38');
      for (const name of ['clone', 'unshare', 'bpf', 'keyctl', 'mount', 'io_uring_setup', 'getpid'])
        expect(answer(name, 0x6c02_0000n), name).to.equal('allow');
      expect(answer('setns', newUser, 0n), 'a descriptor of that number').to.equal('allow');
    });

  it('keeps what it says of those calls otherwise, where that is more', () => {
    const onThread: Verdict = {
      cases: [{ conditions: [{ index: 0, op: 'eq', value: 0x100n, mask: 0x100n }], action: failWith(22) }],
      otherwise: allow,
    };
    const calls = new Map<string, Verdict>([
      ['clone', onThread],
      ['unshare', always(killProcess)],
      ['clone3', always(failWith(5))],
    ]);
    const answer = answers(withoutUserNamespaces({ architectures: ['x86_64'], otherwise: allow, calls }));
    expect(answer('clone', newUser | 0x100n)).to.equal('errno 1');
    expect(answer('clone', 0x100n)).to.equal('errno 22');
    expect(answer('clone', 0n)).to.equal('allow');
    expect(answer('unshare', newUser)).to.equal('kill process');
    expect(answer('clone3')).to.equal('errno 5');
    const closed = answers(withoutUserNamespaces({ architectures: [], otherwise: failWith(7), calls: new Map() }));
    expect([closed('clone', newUser), closed('clone3')]).to.deep.equal(['errno 7', 'errno 7']);
  });
});
