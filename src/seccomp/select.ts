/** From a profile to a policy: which of its rules hold for this zone on this machine, and what they come to for each call. */
import { nearest } from '../spec/nearest.js';
import { allow, errnoOf, failWith, killProcess, killThread, largestErrno, log, traceWith, trap } from './actions.js';
import { architectures, numbersOf, runsOn } from './architectures.js';
import { foreignNames } from './foreign-names.js';
import { multiplexedNames } from './multiplexed.js';
import type { Action, Architecture, Case, Condition, Policy, Verdict } from './policy.js';
import {
  type Profile,
  type ProfileArgument,
  type ProfileIssue,
  type ProfileRule,
  profileError,
  rulePath,
} from './profile.js';

export interface Surroundings {
  /** `uname -m`. */
  readonly machine: string;
  readonly kernel: { readonly major: number; readonly minor: number };
  /** Of the zone, without CAP_. */
  readonly capabilities: readonly string[];
}

/** @throws SPEC_INVALID rules that make no sense, alone or together */
export function selectPolicy(profile: Profile, around: Surroundings, path: string): Policy {
  const issues: ProfileIssue[] = [];
  const otherwise = actionOf(
    { action: profile.defaultAction, errnoRet: profile.defaultErrnoRet, errno: profile.defaultErrno },
    (message) => issues.push({ path: 'defaultAction', message }),
  );
  const calls = new CallTable(otherwise);
  for (const [index, rule] of profile.syscalls.entries()) {
    const say = (message: string) => issues.push({ path: rulePath(index, rule), message });
    const names = namesOf(rule, say);
    const action = actionOf(rule, say);
    const alternatives = alternativesOf(rule, say);
    if (holds(rule, around)) for (const name of names) calls.add(name, { alternatives, action, say });
  }
  const policy = { otherwise, calls: calls.verdicts(), architectures: architecturesOf(profile, around.machine) };
  issues.push(...missingCalls(policy));
  if (issues.length > 0) throw profileError(path, issues);
  return policy;
}

type Say = (message: string) => void;

interface Addition {
  /** Sets of conditions, any of which will do; empty: always. */
  readonly alternatives: readonly (readonly Condition[])[];
  readonly action: Action;
  readonly say: Say;
}

class CallTable {
  readonly #always = new Map<string, Action>();
  readonly #cases = new Map<string, Case[]>();
  readonly #otherwise: Action;

  constructor(otherwise: Action) {
    this.#otherwise = otherwise;
  }

  /**
   * Of rules without args the first holds, of rules with args the first that is true, both as with libseccomp. There a rule without args
   * also puts those with args out of force, which nobody can mean: refused.
   */
  add(name: string, { alternatives, action, say }: Addition): void {
    const before = this.#always.get(name);
    const cases = this.#cases.get(name) ?? [];
    const isAlways = alternatives.length === 0;
    const isLost = isAlways ? cases.some((one) => one.action !== action) : before !== undefined && before !== action;
    if (isLost) say(`and a rule before it, one with args and one without, say different things of "${name}"`);
    else if (!isAlways)
      this.#cases.set(name, [...cases, ...alternatives.map((conditions) => ({ conditions, action }))]);
    else if (before === undefined) this.#always.set(name, action);
  }

  verdicts(): Map<string, Verdict> {
    const verdicts = new Map<string, Verdict>();
    for (const [name, cases] of this.#cases) verdicts.set(name, { cases, otherwise: this.#otherwise });
    for (const [name, action] of this.#always) verdicts.set(name, { cases: [], otherwise: action });
    return verdicts;
  }
}

function namesOf(rule: ProfileRule, say: Say): readonly string[] {
  const names = [...rule.names, ...(rule.name == null || rule.name === '' ? [] : [rule.name])];
  if (names.length === 0) say('names no call');
  const known = knownNames();
  for (const name of names.filter((one) => !known.has(one))) {
    const near = nearest(name, [...known]);
    say(`"${name}" is no system call${near === undefined ? '' : `; did you mean "${near}"?`}`);
  }
  return names;
}

let names: ReadonlySet<string> | undefined;

function knownNames(): ReadonlySet<string> {
  const tables = Object.keys(architectures).flatMap((one) => [...numbersOf(one as Architecture).keys()]);
  names ??= new Set([...tables, ...multiplexedNames, ...foreignNames]);
  return names;
}

const plainActions: Readonly<Record<string, Action>> = {
  SCMP_ACT_KILL: killThread,
  SCMP_ACT_KILL_THREAD: killThread,
  SCMP_ACT_KILL_PROCESS: killProcess,
  SCMP_ACT_TRAP: trap,
  SCMP_ACT_ALLOW: allow,
  SCMP_ACT_LOG: log,
};

/** EPERM unless an errno is given, as a number or by its name. */
function actionOf({ action, errnoRet, errno }: Pick<ProfileRule, 'action' | 'errnoRet' | 'errno'>, say: Say): Action {
  const plain = plainActions[action];
  const hasName = errno != null && errno !== '';
  const named = hasName ? errnoOf(errno) : undefined;
  if (plain !== undefined) {
    if (errnoRet != null || hasName) say(`gives an errno, which ${action} has no use for`);
    return plain;
  }
  if (hasName && named === undefined) say(`"${errno}" is no errno`);
  if (named !== undefined && errnoRet != null && named !== errnoRet) say(`errno ${errno} is ${named}, not ${errnoRet}`);
  const data = errnoRet ?? named ?? errnoOf('EPERM') ?? 1;
  if (action === 'SCMP_ACT_TRACE') return traceWith(data);
  if (data > largestErrno) say(`errnoRet ${data} is more than ${largestErrno}`);
  return failWith(data);
}

/** As the OCI runtimes have it: where an argument is compared twice in one rule, any one of the comparisons will do, else all have to. */
function alternativesOf({ args }: ProfileRule, say: Say): Condition[][] {
  const conditions = args.map((arg) => conditionOf(arg, say));
  const isTwice = new Set(args.map(({ index }) => index)).size < args.length;
  if (conditions.length === 0) return [];
  return isTwice ? conditions.map((condition) => [condition]) : [conditions];
}

const everyBit = (1n << 64n) - 1n;

function conditionOf({ index, op, value, valueTwo }: ProfileArgument, say: Say): Condition {
  const second = valueTwo ?? 0n;
  if (op === 'SCMP_CMP_MASKED_EQ') {
    if ((second & ~value) !== 0n)
      say(`args compare with 0x${second.toString(16)}, which 0x${value.toString(16)} masks in part`);
    return { index, op: 'eq', value: second, mask: value };
  }
  if (second !== 0n) say(`args give a valueTwo, which ${op} has no use for`);
  const plain = op.slice('SCMP_CMP_'.length).toLowerCase() as Condition['op'];
  return { index, op: plain, value, mask: everyBit };
}

/** By Go's names of machines, as the engines' profiles have them. */
const goNames: Readonly<Record<string, string>> = { x86_64: 'amd64', aarch64: 'arm64' };

function holds({ includes, excludes }: ProfileRule, { machine, kernel, capabilities }: Surroundings): boolean {
  const has = (cap: string) => capabilities.includes(cap.toUpperCase().replace(/^CAP_/, ''));
  const isHere = (arch: string) => arch === goNames[machine];
  if (includes != null) {
    if (!includes.caps.every(has) || (includes.arches.length > 0 && !includes.arches.some(isHere))) return false;
    if (isVersion(includes.minKernel) && !isAtLeast(kernel, includes.minKernel)) return false;
  }
  if (excludes == null) return true;
  if (excludes.caps.some(has) || excludes.arches.some(isHere)) return false;
  return !(isVersion(excludes.minKernel) && isAtLeast(kernel, excludes.minKernel));
}

const isVersion = (text: string | null | undefined): text is string => text != null && text !== '';

function isAtLeast({ major, minor }: Surroundings['kernel'], version: string): boolean {
  const [wanted = 0, least = 0] = version.split('.').map(Number);
  return major > wanted || (major === wanted && minor >= least);
}

/** What is not among them can make no call at all. x32 is refused whatever the profile says. */
function architecturesOf({ architectures: given, archMap }: Profile, machine: string): Architecture[] {
  const own = runsOn[machine]?.[0];
  const mapped = archMap.find(({ architecture }) => own !== undefined && architecture === architectures[own].oci);
  const wanted = [...given, ...(mapped?.subArchitectures ?? [])];
  return (Object.keys(architectures) as Architecture[]).filter((one) => wanted.includes(architectures[one].oci));
}

/** Without them no program starts in the zone, or none ends. */
function missingCalls({ calls, otherwise }: Policy): ProfileIssue[] {
  const refused = ['execve', 'execveat', 'exit_group'].filter((name) => {
    const verdict = calls.get(name) ?? { cases: [], otherwise };
    return verdict.cases.length === 0 && ![allow, log].includes(verdict.otherwise);
  });
  return refused.map((name) => ({
    path: 'syscalls',
    message: `refuses "${name}": no program could ${name.startsWith('exec') ? 'start' : 'end'}`,
  }));
}
