import { expect } from 'chai';
import fc from 'fast-check';
import { deviceProgram } from '../../../src/cgroups/device-program.js';
import { type DeviceRule, defaultDevices, mergeRules } from '../../../src/cgroups/device-rule.js';
import { assemble } from '../../../src/cgroups/ebpf.js';
import { always, decode, end, jumps, runProgram } from './bpf-machine.js';

interface Access {
  readonly kind: 'b' | 'c';
  readonly major: number;
  readonly minor: number;
  readonly letters: string;
}

const bits: Readonly<Record<string, number>> = { m: 1, r: 2, w: 4 };

/** struct bpf_cgroup_dev_ctx */
function contextOf({ kind, major, minor, letters }: Access): number[] {
  const access = [...letters].reduce((sum, letter) => sum | (bits[letter] ?? 0), 0);
  return [access * 0x10000 + (kind === 'b' ? 1 : 2), major, minor];
}

const passes = (rules: readonly DeviceRule[], access: Access) =>
  runProgram(deviceProgram(rules), contextOf(access)).result === 1;

/** The rule of the v1 controller (match_exception): one rule that has all that is asked for. */
function passesOnV1(rules: readonly DeviceRule[], { kind, major, minor, letters }: Access): boolean {
  return mergeRules(rules).some(
    (rule) =>
      rule.kind === kind &&
      rule.major === major &&
      (rule.minor === '*' || rule.minor === minor) &&
      [...letters].every((letter) => rule.access.includes(letter)),
  );
}

const number = fc.oneof(fc.integer({ min: 0, max: 3 }), fc.constantFrom(136, 511, 0xfffff));
const letters = fc.constantFrom('r', 'w', 'm', 'rw', 'rm', 'wm', 'rwm');
const kind = fc.constantFrom('b' as const, 'c' as const);
const rule = fc.record({ kind, major: number, minor: fc.oneof(number, fc.constant('*' as const)), access: letters });

describe('the device program', () => {
  it('lets pass what the default list names, and nothing beside it', () => {
    const open = (major: number, minor: number, letters = 'rw') =>
      passes(defaultDevices, { kind: 'c', major, minor, letters });
    for (const minor of [3, 5, 7, 8, 9]) expect(open(1, minor), `1:${minor}`).to.equal(true);
    for (const minor of [0, 2]) expect(open(5, minor), `5:${minor}`).to.equal(true);
    for (const minor of [0, 77, 0xfffff]) expect(open(136, minor), `136:${minor}`).to.equal(true);
    // mem, kmem, port, kmsg; the machine's console; fuse, kvm, tun; a serial line
    for (const [major, minor] of [
      [1, 1],
      [1, 2],
      [1, 4],
      [1, 11],
      [5, 1],
      [10, 229],
      [10, 232],
      [10, 200],
      [4, 64],
    ])
      expect(open(major ?? 0, minor ?? 0, 'r'), `${major}:${minor}`).to.equal(false);
    expect(passes(defaultDevices, { kind: 'b', major: 1, minor: 3, letters: 'r' })).to.equal(false);
    expect(open(1, 3, 'm'), 'mknod').to.equal(false);
  });

  it('tells each letter from the others', () => {
    const readable: DeviceRule[] = [{ kind: 'b', major: 7, minor: 0, access: 'r' }];
    const open = (letters: string) => passes(readable, { kind: 'b', major: 7, minor: 0, letters });
    expect(['r', 'w', 'rw', 'm', 'rm'].map(open)).to.deep.equal([true, false, false, false, false]);
  });

  it('gives the verdicts of a v1 list, for any rules and any access', () => {
    fc.assert(
      fc.property(
        fc.array(rule, { maxLength: 12 }),
        fc.record({ kind, major: number, minor: number, letters }),
        (rules, access) => passes(rules, access) === passesOnV1(rules, access),
      ),
      { numRuns: 2000 },
    );
  });

  it('is short: the kernel walks all its ways at the load, and one at each open', () => {
    const program = deviceProgram(defaultDevices);
    const steps = (major: number, minor: number) =>
      runProgram(program, contextOf({ kind: 'c', major, minor, letters: 'rw' })).steps;
    expect(decode(program)).to.have.length.below(40);
    expect(steps(1, 3)).to.be.below(20);
    expect(steps(10, 229)).to.be.below(20);
  });

  it('has no instruction that cannot be reached: the kernel refuses such a program', () => {
    const lists: DeviceRule[][] = [
      [],
      [...defaultDevices, { kind: 'b', major: 7, minor: '*', access: 'rwm' }],
      [
        { kind: 'b', major: 7, minor: 3, access: 'r' },
        { kind: 'b', major: 7, minor: '*', access: 'r' },
      ],
    ];
    for (const rules of lists) {
      const code = decode(deviceProgram(rules));
      const reached = new Set([0]);
      code.forEach(({ opcode, offset }, index) => {
        if (!reached.has(index) || opcode === end) return;
        if (opcode !== always) reached.add(index + 1);
        if (jumps.includes(opcode)) reached.add(index + 1 + offset);
      });
      expect(reached.size).to.equal(code.length);
    }
  });

  it('cannot be assembled with a jump to nowhere, or back', () => {
    expect(() => assemble([{ op: 'unless', dst: 0, value: 1, to: 'x' }])).to.throw('"x"');
    expect(() =>
      assemble([
        { op: 'label', name: 'x' },
        { op: 'unless', dst: 0, value: 1, to: 'x' },
      ]),
    ).to.throw('"x"');
  });

  it('is encoded as linux/bpf.h has it', () => {
    expect(
      assemble([
        { op: 'load32', dst: 4, src: 1, offset: 4 },
        { op: 'unless', dst: 4, value: 0x12345678, to: 'end' },
        { op: 'move', dst: 0, value: 1 },
        { op: 'label', name: 'end' },
        { op: 'exit' },
      ]).toString('hex'),
    ).to.equal('6114040000000000' + '5604010078563412' + 'b400000001000000' + '9500000000000000');
  });
});
