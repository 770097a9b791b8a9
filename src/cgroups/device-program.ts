/**
 * v2: the list of devices as a program that the kernel runs at every open and mknod of a device node (BPF_PROG_TYPE_CGROUP_DEVICE).
 * It gets struct bpf_cgroup_dev_ctx of linux/bpf.h: the letters above the kind in one word, then major and minor. 1 lets it pass,
 * 0 is EPERM. Why as it is: docs/decisions/0016-device-program.md.
 */
import { type DeviceRule, mergeRules } from './device-rule.js';
import { assemble, type Instruction } from './ebpf.js';

const kinds = { b: 1, c: 2 } as const;
/** BPF_DEVCG_ACC_* */
const letterBits: Readonly<Record<string, number>> = { m: 1, r: 2, w: 4 };
const allLetters = 7;

const context = 1;
const [letters, kind, major, minor, rest] = [2, 3, 4, 5, 0] as const;

/** The same verdicts as a v1 list of these rules. The kernel checks a program when it is loaded: the shorter, the sooner. */
export function deviceProgram(rules: readonly DeviceRule[]): Buffer {
  return assemble([
    { op: 'load32', dst: letters, src: context, offset: 0 },
    { op: 'copy', dst: kind, src: letters },
    { op: 'and', dst: kind, value: 0xffff },
    { op: 'shift-right', dst: letters, value: 16 },
    { op: 'load32', dst: major, src: context, offset: 4 },
    { op: 'load32', dst: minor, src: context, offset: 8 },
    ...alike(mergeRules(rules), ({ kind }) => kind).flatMap(tryKind),
    { op: 'move', dst: 0, value: 0 },
    { op: 'exit' },
    ...(rules.length === 0
      ? []
      : ([{ op: 'label', name: 'allow' }, { op: 'move', dst: 0, value: 1 }, { op: 'exit' }] as const)),
  ]);
}

function alike(rules: readonly DeviceRule[], keyOf: (rule: DeviceRule) => string): (readonly DeviceRule[])[] {
  const groups = new Map<string, DeviceRule[]>();
  for (const rule of rules) groups.set(keyOf(rule), [...(groups.get(keyOf(rule)) ?? []), rule]);
  return [...groups.values()];
}

function tryKind(rules: readonly DeviceRule[]): Instruction[] {
  const [first] = rules;
  if (first === undefined) return [];
  const to = `after ${first.kind}`;
  return [
    { op: 'unless', dst: kind, value: kinds[first.kind], to },
    ...alike(rules, (rule) => `${rule.major} ${rule.access}`).flatMap(tryMajor),
    { op: 'label', name: to },
  ];
}

/** All of one kind, one major and the same letters. */
function tryMajor(rules: readonly DeviceRule[]): Instruction[] {
  const [first] = rules;
  if (first === undefined) return [];
  const to = `after ${first.kind} ${first.major} ${first.access}`;
  const allowed = [...first.access].reduce((bits, letter) => bits | (letterBits[letter] ?? 0), 0);
  const others = allLetters & ~allowed;
  const asked: Instruction[] = [
    { op: 'copy', dst: rest, src: letters },
    { op: 'and', dst: rest, value: others },
    { op: 'unless', dst: rest, value: 0, to },
  ];
  const isAny = rules.some((rule) => rule.minor === '*');
  return [
    { op: 'unless', dst: major, value: first.major, to },
    ...(others === 0 ? [] : asked),
    ...(isAny ? [{ op: 'go', to: 'allow' } as const] : rules.map(tryMinor)),
    { op: 'label', name: to },
  ];
}

function tryMinor(rule: DeviceRule): Instruction {
  return { op: 'if', dst: minor, value: Number(rule.minor), to: 'allow' };
}
