/** Building blocks of the schema: a text or number that is parsed at the door, with a message that shows a valid form. */
import { isIP } from 'node:net';
import { constants } from 'node:os';
import * as v from 'valibot';
import { type CapabilityName, parseCapability } from './capabilities.js';
import { parseDuration, parseSize } from './quantities.js';
import { sysctlProblem } from './sysctls.js';

/** A field whose text is turned into a value by `parse`; `form` completes "is not …". */
export function parsed<Out>(parse: (text: string) => Out | undefined, form: string) {
  return v.pipe(
    v.string(`is not ${form}`),
    v.check((text) => !text.includes('\0'), 'contains NUL'),
    v.rawTransform<string, Out>(({ dataset, addIssue, NEVER }) => {
      const value = parse(dataset.value);
      if (value !== undefined) return value;
      addIssue({ message: `is not ${form}: ${JSON.stringify(dataset.value)}` });
      return NEVER;
    }),
  );
}

/** A text or a number that is turned into a number by `parse`. */
function quantity(parse: (value: string | number) => number | undefined, form: string) {
  return v.pipe(
    v.union([v.string(), v.number()], `is not ${form}`),
    v.rawTransform<string | number, number>(({ dataset, addIssue, NEVER }) => {
      const value = parse(dataset.value);
      if (value !== undefined) return value;
      addIssue({ message: `is not ${form}: ${JSON.stringify(dataset.value)}` });
      return NEVER;
    }),
  );
}

const orUnlimited = (parse: (value: string | number) => number | undefined) => (value: string | number) =>
  value === 'unlimited' ? Number.POSITIVE_INFINITY : parse(value);

/** Bytes; Infinity stands for no limit. */
export const size = quantity(orUnlimited(parseSize), 'a size such as 512M, 1G or unlimited');
/** Milliseconds. */
export const duration = quantity(parseDuration, 'a duration such as 10s, 500ms or 5m');
/** A whole number ≥ `least`; Infinity stands for no limit. */
export const count = (least: number) =>
  quantity(
    orUnlimited((value) => {
      const number = typeof value === 'number' ? value : /^\d+$/.test(value) ? Number(value) : Number.NaN;
      return Number.isSafeInteger(number) && number >= least ? number : undefined;
    }),
    `a whole number of at least ${least}, or unlimited`,
  );
/** CPUs, 0.01 and more; Infinity stands for no limit. */
export const cpus = quantity(
  orUnlimited((value) => {
    const number = typeof value === 'number' || /^\d*\.?\d+$/.test(value) ? Number(value) : Number.NaN;
    return number >= 0.01 && number <= 10_000 ? number : undefined;
  }),
  'a number of CPUs such as 0.5 or 2, or unlimited',
);
/** 1 to 10000 as cgroup v2 has it. */
export const cpuWeight = quantity((value) => {
  const number = Number(value);
  return Number.isInteger(number) && number >= 1 && number <= 10_000 ? number : undefined;
}, 'a weight from 1 to 10000');

/** Text without NUL. */
export const text = v.pipe(
  v.string('is not a text'),
  v.check((value) => !value.includes('\0'), 'contains NUL'),
);
export const capability = parsed<CapabilityName | 'ALL'>(parseCapability, 'a capability such as NET_ADMIN, or ALL');
export const address = parsed((value) => (isIP(value) === 0 ? undefined : value), 'an IP address');
/** Octal, as `umask` has it. */
export const umask = parsed(
  (value) => (/^0?[0-7]{3}$/.test(value) ? Number.parseInt(value, 8) : undefined),
  'an octal umask such as 022',
);
/** `0-3,5` as cpuset(7) lists have it. */
export const cpuset = parsed(
  (value) => (/^\d+(-\d+)?(,\d+(-\d+)?)*$/.test(value) ? value : undefined),
  'a list of CPUs such as 0-3,5',
);
export const environment = v.record(
  v.pipe(v.string(), v.regex(/^[^=\0]+$/, 'is not the name of a variable')),
  text,
  'is not a set of NAME: VALUE',
);
/** Kernel parameters of a zone's own. */
export const sysctls = v.pipe(
  v.record(v.string(), text, 'is not a set of KEY: VALUE'),
  v.rawCheck(({ dataset, addIssue }) => {
    if (!dataset.typed) return;
    for (const [key, value] of Object.entries(dataset.value)) {
      const problem = sysctlProblem(key, value);
      if (problem !== undefined) addIssue({ message: `${JSON.stringify(key)} ${problem}` });
    }
  }),
);
/** SIGTERM, TERM or 15 → 15. */
export const signal = quantity((value) => signalNumber(String(value)), 'a signal such as TERM, SIGUSR1 or 15');

/** A signal's number by name (with or without SIG, RTMIN+N) or number, or `undefined`. */
export function signalNumber(name: string): number | undefined {
  if (/^\d+$/.test(name)) return Number(name) >= 1 && Number(name) <= 64 ? Number(name) : undefined;
  const bare = name.toUpperCase().replace(/^SIG/, '');
  const realtime = /^RTMIN\+(\d+)$/.exec(bare);
  if (realtime !== null) return 34 + Number(realtime[1]) <= 64 ? 34 + Number(realtime[1]) : undefined;
  return (constants.signals as Readonly<Record<string, number>>)[`SIG${bare}`];
}
