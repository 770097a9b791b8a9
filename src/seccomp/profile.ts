/**
 * A profile as a file has it: JSON in the form of the OCI runtime specification ("linux.seccomp"), or in the one that container
 * engines keep on disk, with includes and excludes. Strict: a key that is not known is a mistake.
 */
import * as v from 'valibot';
import { zoneError } from '../errors/index.js';
import { nearest } from '../spec/nearest.js';

export const actionNames = [
  'SCMP_ACT_KILL',
  'SCMP_ACT_KILL_PROCESS',
  'SCMP_ACT_KILL_THREAD',
  'SCMP_ACT_TRAP',
  'SCMP_ACT_ERRNO',
  'SCMP_ACT_TRACE',
  'SCMP_ACT_ALLOW',
  'SCMP_ACT_LOG',
] as const;

export const comparisonNames = [
  'SCMP_CMP_NE',
  'SCMP_CMP_LT',
  'SCMP_CMP_LE',
  'SCMP_CMP_EQ',
  'SCMP_CMP_GE',
  'SCMP_CMP_GT',
  'SCMP_CMP_MASKED_EQ',
] as const;

export const flagBits = {
  SECCOMP_FILTER_FLAG_TSYNC: 1,
  SECCOMP_FILTER_FLAG_LOG: 2,
  SECCOMP_FILTER_FLAG_SPEC_ALLOW: 4,
} as const;
type FlagName = keyof typeof flagBits;

const text = v.string('is not a text');
const maybe = <S extends v.GenericSchema>(schema: S) => v.nullish(schema);
const many = <S extends v.GenericSchema>(schema: S) => v.nullish(v.array(schema, 'is not a list'), []);

const action = v.pipe(
  v.picklist([...actionNames, 'SCMP_ACT_NOTIFY'], ({ received }) => unknownWord(received, actionNames)),
  v.check((name) => name !== 'SCMP_ACT_NOTIFY', 'SCMP_ACT_NOTIFY asks for a listener, and tszone has none'),
);

/** JSON's numbers are exact up to 2^53 only. */
const number64 = v.pipe(
  v.union([v.number(), v.string()], 'is not a number'),
  v.rawTransform<number | string, bigint>(({ dataset, addIssue, NEVER }) => {
    const given = dataset.value;
    const isExact =
      typeof given === 'number' ? Number.isSafeInteger(given) : /^(\d{1,20}|0x[0-9a-fA-F]{1,16})$/.test(given);
    const value = isExact ? BigInt(given) : -1n;
    if (value >= 0n && value < 1n << 64n) return value;
    addIssue({ message: 'is not a whole number of 64 bits; one beyond 2^53 has to be written as a text: "0x…"' });
    return NEVER;
  }),
);

const small = (most: number) =>
  v.pipe(
    v.number('is not a number'),
    v.check(
      (value) => Number.isInteger(value) && value >= 0 && value <= most,
      `is not a whole number from 0 to ${most}`,
    ),
  );

const args = v.strictObject({
  index: small(5),
  value: number64,
  valueTwo: maybe(number64),
  op: v.picklist(comparisonNames, ({ received }) => unknownWord(received, comparisonNames)),
});

const conditions = v.strictObject({ caps: many(text), arches: many(text), minKernel: maybe(text) });

const rule = v.strictObject({
  name: maybe(text),
  names: many(text),
  action,
  errnoRet: maybe(small(0xffff)),
  errno: maybe(text),
  args: many(args),
  comment: maybe(text),
  includes: maybe(conditions),
  excludes: maybe(conditions),
});

const profileSchema = v.strictObject({
  defaultAction: action,
  defaultErrnoRet: maybe(small(0xffff)),
  defaultErrno: maybe(text),
  architectures: many(text),
  archMap: many(v.strictObject({ architecture: text, subArchitectures: many(text) })),
  flags: maybe(
    v.array(
      v.picklist(Object.keys(flagBits) as FlagName[], ({ received }) => unknownWord(received, Object.keys(flagBits))),
    ),
  ),
  listenerPath: maybe(v.literal('', 'asks for a listener, and tszone has none')),
  listenerMetadata: maybe(v.literal('', 'asks for a listener, and tszone has none')),
  syscalls: many(rule),
});

export type Profile = v.InferOutput<typeof profileSchema>;
export type ProfileRule = Profile['syscalls'][number];
export type ProfileArgument = ProfileRule['args'][number];

export interface ProfileIssue {
  /** `syscalls.3.args.0.op`; empty for the whole. */
  readonly path: string;
  readonly message: string;
}

/** @throws SPEC_INVALID with every issue and the rule that it is in */
export function parseProfile(json: string, path: string): Profile {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (cause) {
    throw profileError(path, [{ path: '', message: `is not JSON: ${(cause as Error).message}` }]);
  }
  const result = v.safeParse(profileSchema, value);
  if (result.success) return result.output;
  throw profileError(
    path,
    result.issues.map((issue) => readable(issue, value)),
  );
}

export function profileError(path: string, issues: readonly ProfileIssue[]): Error {
  const lines = issues.map((issue) =>
    issue.path === '' ? issue.message : `${JSON.stringify(issue.path)} ${issue.message}`,
  );
  return zoneError('SPEC_INVALID', `seccomp profile "${path}": ${lines.join('; ')}`, {
    hint: 'Correct the profile, or pass --seccomp default. docs/guides/seccomp.md shows the form.',
    context: { path, issues },
  });
}

/** Which rule it is: by its place, and by what it is for. */
export function rulePath(index: number, rule: { readonly name?: unknown; readonly names?: unknown }): string {
  const first = Array.isArray(rule.names) && rule.names.length > 0 ? rule.names[0] : rule.name;
  return `syscalls.${index}${typeof first === 'string' ? ` (${first})` : ''}`;
}

function readable(issue: v.BaseIssue<unknown>, value: unknown): ProfileIssue {
  const keys = (issue.path ?? []).map((item) => String(item.key));
  const message = issue.type === 'strict_object' ? strictMessage(issue, keys) : issue.message;
  const [head, index, ...rest] = keys;
  if (head !== 'syscalls' || index === undefined) return { path: keys.join('.'), message };
  const rules = (value as { readonly syscalls: readonly unknown[] }).syscalls;
  const path = rulePath(Number(index), (rules[Number(index)] ?? {}) as object);
  return { path: [path, ...rest].join('.'), message };
}

function strictMessage(issue: v.BaseIssue<unknown>, keys: readonly string[]): string {
  if (issue.expected !== 'never') return issue.received === 'undefined' ? 'is missing' : 'is not an object';
  const near = nearest(keys.at(-1) ?? '', knownKeys);
  return near === undefined ? 'is not known' : `is not known; did you mean "${near}"?`;
}

const knownKeys = [profileSchema, rule, args, conditions].flatMap(({ entries }) => Object.keys(entries));

function unknownWord(received: string, known: readonly string[]): string {
  const near = nearest(received.replaceAll('"', ''), known);
  return `is not known: ${received}${near === undefined ? '' : `; did you mean "${near}"?`}`;
}
