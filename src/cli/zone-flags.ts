/** The flags of create, run and set, described by the schema; a flag's text goes to the schema's parser as it is. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import * as Flags from '@oclif/core/flags';
import type { FlagInput } from '@oclif/core/parser';
import * as v from 'valibot';
import { zoneError } from '../errors/index.js';
import { limitEntries, settingEntries, zoneSchema } from '../spec/schema.js';
import { type Caller, thisProcess } from './caller.js';

type Environment = Caller['env'];

type Field = keyof typeof zoneSchema.entries;
type Shape =
  | { readonly kind: 'text' | 'list' | 'pairs'; readonly value: string; readonly char?: 'e' | 'p' | 'u' | 'w' }
  | { readonly kind: 'boolean'; readonly char?: 't' };

const text = (value: string) => ({ kind: 'text', value }) as const;
const list = (value: string) => ({ kind: 'list', value }) as const;
const boolean = { kind: 'boolean' } as const;

/** Field → what its flag looks like. `name`, `image` and `command` are arguments; `ephemeral` is --rm. */
export const flagShapes: Readonly<Record<Exclude<Field, 'name' | 'image' | 'command' | 'ephemeral'>, Shape>> = {
  memory: text('SIZE'),
  swap: text('SIZE'),
  memoryGuarantee: text('SIZE'),
  cpus: text('N'),
  cpuWeight: text('N'),
  cpuset: text('LIST'),
  pids: text('N'),
  pool: text('POOL'),
  disk: text('SIZE'),
  inodes: text('N'),
  hostname: text('NAME'),
  env: { kind: 'pairs', value: 'NAME=VALUE', char: 'e' },
  user: { kind: 'text', value: 'USER', char: 'u' },
  workdir: { kind: 'text', value: 'DIR', char: 'w' },
  init: text('tiny|none|full'),
  entrypoint: text('PROGRAM'),
  tty: { kind: 'boolean', char: 't' },
  capAdd: list('CAP'),
  capDrop: list('CAP'),
  userns: text('auto|host|BASE:SIZE'),
  nesting: boolean,
  privileged: boolean,
  sysctl: { kind: 'pairs', value: 'KEY=VALUE' },
  noNewPrivs: boolean,
  seccomp: text('PROFILE'),
  umask: text('OCTAL'),
  ulimit: list('NAME=N'),
  readOnly: boolean,
  tmpfs: list('PATH[:SIZE]'),
  mount: list('SRC:DST[:ro]'),
  device: list('/dev/X[:rwm]'),
  net: list('NET'),
  port: { kind: 'list', value: '[ADDR:]HOST:ZONE[/udp]', char: 'p' },
  dns: list('ADDRESS'),
  dnsSearch: list('DOMAIN'),
  personality: text('linux|linux32'),
  timeNamespace: boolean,
  usrLocal: boolean,
  restart: text('POLICY'),
  autostart: text('yes|no|last'),
  stopTimeout: text('TIME'),
  stopSignal: text('SIGNAL'),
  label: { kind: 'pairs', value: 'NAME=VALUE' },
  description: text('TEXT'),
  snapshotKeep: text('24h,7d,4w'),
  protect: list('VERB'),
};

/** Those of `create` and `run`. */
export const zoneFlags: FlagInput = { ...flagsOf(Object.keys(flagShapes), false), ...extraFlags() };
/** Those of `set`: what can be changed; booleans can be switched off, too. */
export const changeFlags: FlagInput = {
  ...flagsOf(
    Object.keys({ ...limitEntries, ...settingEntries }).filter((field) => field in flagShapes),
    true,
  ),
  ...extraFlags(),
};

function extraFlags(): FlagInput {
  return {
    'env-file': Flags.string({
      multiple: true,
      multipleNonGreedy: true,
      helpValue: 'FILE',
      description: 'environment variables, one NAME=VALUE a line',
    }),
    ip: Flags.string({
      helpValue: 'CIDR',
      description: 'address on the default network: short for --net bridge=default,ip=CIDR',
    }),
  };
}

function flagsOf(fields: readonly string[], canNegate: boolean): FlagInput {
  return Object.fromEntries(
    fields.map((field) => [flagName(field), flagOf(field as keyof typeof flagShapes, canNegate)]),
  );
}

function flagOf(field: keyof typeof flagShapes, canNegate: boolean): FlagInput[string] {
  const shape = flagShapes[field];
  const description = v.getDescription(zoneSchema.entries[field]) ?? '';
  const char = shape.char === undefined ? {} : { char: shape.char };
  if (shape.kind === 'boolean') return Flags.boolean({ description, allowNo: canNegate, ...char });
  const many = shape.kind === 'text' ? {} : { multiple: true as const, multipleNonGreedy: true };
  return Flags.string({ description, helpValue: shape.value, ...many, ...char } as Parameters<typeof Flags.string>[0]);
}

/** `cpuWeight` → `cpu-weight`. */
export function flagName(field: string): string {
  return field.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** What was given on the command line, as the schema's input: checked there. @throws USAGE_BAD_ARGUMENT */
export function zoneInput(
  flags: Readonly<Record<string, unknown>>,
  env: Environment = thisProcess.env,
): Record<string, unknown> {
  const given = Object.entries(flagShapes).flatMap(([field, { kind }]): [string, unknown][] => {
    const value = flags[flagName(field)];
    if (value === undefined || (kind === 'boolean' && value === false && !isSwitchedOff(flags, field))) return [];
    return [[field, kind === 'pairs' ? pairs(value as readonly string[], field, env) : value]];
  });
  const input = Object.fromEntries(given);
  return {
    ...input,
    ...environment(input, flags, env),
    ...network(input, flags),
    ...nameServers(input),
    ...profile(input),
  };
}

/** oclif sets booleans that were not given to false where they have a default only; ours have none. */
function isSwitchedOff(flags: Readonly<Record<string, unknown>>, field: string): boolean {
  return flags[flagName(field)] === false;
}

function environment(
  input: Readonly<Record<string, unknown>>,
  flags: Readonly<Record<string, unknown>>,
  env: Environment,
): object {
  const files = (flags['env-file'] ?? []) as readonly string[];
  if (files.length === 0) return {};
  const fromFiles = files.flatMap(readLines);
  return { env: { ...pairs(fromFiles, 'env', env), ...(input.env as object | undefined) } };
}

function readLines(path: string): string[] {
  try {
    return readFileSync(path, 'utf8')
      .split('\n')
      .filter((line) => line.trim() !== '' && !line.startsWith('#'));
  } catch (cause) {
    throw zoneError('PATH_NOT_FOUND', `"${path}" cannot be read`, {
      hint: 'Pass --env-file a file with lines NAME=VALUE.',
      cause,
      context: { path },
    });
  }
}

/** `NAME=VALUE`; `NAME` alone of --env takes the caller's own. */
export function pairs(
  words: readonly string[],
  field: string,
  env: Environment = thisProcess.env,
): Record<string, string> {
  return Object.fromEntries(
    words.map((word) => {
      const at = word.indexOf('=');
      if (at > 0) return [word.slice(0, at), word.slice(at + 1)];
      const inherited = field === 'env' && at < 0 ? env[word] : undefined;
      if (inherited !== undefined) return [word, inherited];
      throw zoneError('USAGE_BAD_ARGUMENT', `"--${flagName(field)}" is not NAME=VALUE: "${word}"`, {
        hint: `Write --${flagName(field)} ${word || 'NAME'}=VALUE.`,
      });
    }),
  );
}

function network(input: Readonly<Record<string, unknown>>, flags: Readonly<Record<string, unknown>>): object {
  const { ip } = flags;
  if (typeof ip !== 'string') return {};
  const key = ip.includes(':') ? 'ip6' : 'ip';
  const nets = (input.net ?? ['bridge=default']) as readonly string[];
  const [only] = nets;
  if (nets.length === 1 && only?.startsWith('bridge') === true && !only.includes(`,${key}=`))
    return { net: [`${only},${key}=${ip}`] };
  throw zoneError('USAGE_BAD_ARGUMENT', '"--ip" goes with one bridge that has no address', {
    hint: 'Write the address into --net: --net bridge=NAME,ip=CIDR.',
  });
}

/** A file is named from where the caller is. */
function profile({ seccomp }: Readonly<Record<string, unknown>>): object {
  const isFile = typeof seccomp === 'string' && seccomp !== '' && !['default', 'unconfined'].includes(seccomp);
  return isFile ? { seccomp: resolve(seccomp) } : {};
}

/** `inherit` is what no name server means. */
function nameServers({ dns }: Readonly<Record<string, unknown>>): object {
  return Array.isArray(dns) ? { dns: dns.filter((address) => address !== 'inherit') } : {};
}
