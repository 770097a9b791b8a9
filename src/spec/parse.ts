/** From what people wrote to a checked spec: shape first, then meaning; all issues are collected, not only the first. */
import * as v from 'valibot';
import { zoneError } from '../errors/index.js';
import { privilegedCapabilities } from './capabilities.js';
import { isOwnDevice, maxDevices } from './device.js';
import { nearest } from './nearest.js';
import { changeSchema, limitEntries, settingEntries, type ZoneSpec, zoneSchema } from './schema.js';
import { isNetSysctl } from './sysctls.js';

export interface SpecIssue {
  /** Where: `memory`, `port.0`; empty for the whole. */
  readonly path: string;
  readonly message: string;
}

/** The changeable part of a spec; a limit of Infinity means: lift it. */
export type ZoneChangeSpec = v.InferOutput<typeof changeSchema>;

/** @throws SPEC_INVALID with every issue and its path */
export function parseZoneOptions(input: unknown): ZoneSpec {
  const parsed = withoutUnlimited(parseWith(zoneSchema, input, Object.keys(zoneSchema.entries)));
  raise(checkMeaning(parsed));
  return parsed;
}

/** @throws SPEC_INVALID with every issue and its path */
export function parseZoneChange(input: unknown): ZoneChangeSpec {
  return parseWith(changeSchema, input, [...Object.keys(limitEntries), ...Object.keys(settingEntries)]);
}

/** The spec with the change laid over it, checked as a whole. */
export function changeSpec(spec: ZoneSpec, change: ZoneChangeSpec): ZoneSpec {
  const given = Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined));
  const changed = withoutUnlimited({ ...spec, ...given });
  raise(checkMeaning(changed));
  return changed;
}

/** The spec with these fields as if they had never been set. Defaults come back. */
export function unsetSpec(spec: ZoneSpec, keys: readonly (keyof ZoneChangeSpec)[]): ZoneSpec {
  const { name, image } = spec;
  const defaults = v.parse(zoneSchema, { name, image });
  const rest = Object.fromEntries(Object.entries(spec).filter(([key]) => !(keys as readonly string[]).includes(key)));
  return { ...defaults, ...rest };
}

/** No limit is the absence of a limit; so that a spec is plain JSON. */
function withoutUnlimited(spec: ZoneSpec): ZoneSpec {
  return Object.fromEntries(Object.entries(spec).filter(([, value]) => value !== Number.POSITIVE_INFINITY)) as ZoneSpec;
}

function parseWith<S extends v.GenericSchema>(schema: S, input: unknown, known: readonly string[]): v.InferOutput<S> {
  const result = v.safeParse(schema, input);
  if (result.success) return result.output;
  raise(result.issues.map((issue) => readable(issue, known)));
  throw new Error('unreachable: a failed parse has issues');
}

function readable(issue: v.BaseIssue<unknown>, known: readonly string[]): SpecIssue {
  const path = (issue.path ?? []).map((item) => String(item.key)).join('.');
  if (issue.type === 'strict_object' && issue.expected === 'never') {
    const near = nearest(path, known);
    return { path, message: near === undefined ? 'is not known' : `is not known; did you mean "${near}"?` };
  }
  return { path, message: issue.received === 'undefined' ? 'is missing' : issue.message };
}

/** Named checks of what a well-formed spec means; pure. */
const meaningChecks: readonly ((spec: ZoneSpec) => SpecIssue | undefined)[] = [
  (spec) =>
    issueIf(
      spec.port.length > 0 && spec.net.kind !== 'bridge',
      'port',
      'needs a network interface: not with --net none or host',
    ),
  (spec) => issueIf(spec.init === 'none' && spec.command.length === 0, 'init', '"none" needs a command'),
  (spec) =>
    issueIf(spec.init === 'full' && spec.command.length > 0, 'command', 'is given by the image with --init full'),
  (spec) =>
    issueIf(
      spec.ephemeral && spec.restart.policy !== 'no',
      'restart',
      'makes no sense for a zone that is deleted when it ends',
    ),
  (spec) => issueIf((spec.memory ?? 1 << 30) < 1 << 20, 'memory', 'is less than 1M, in which no program starts'),
  (spec) =>
    issueIf(
      (spec.memoryGuarantee ?? 0) > (spec.memory ?? Number.POSITIVE_INFINITY),
      'memoryGuarantee',
      'is more than the ceiling',
    ),
  (spec) => duplicate('mount', [...spec.mount.map((mount) => mount.target), ...spec.tmpfs.map((tmpfs) => tmpfs.path)]),
  (spec) =>
    duplicate(
      'device',
      spec.device.map(({ path }) => path),
    ),
  (spec) => issueIf(spec.device.length > maxDevices, 'device', `names more than ${maxDevices} devices`),
  (spec) => {
    const own = spec.device.find(isOwnDevice);
    return issueIf(own !== undefined, 'device', `names ${JSON.stringify(own?.path)}, which every zone has of its own`);
  },
  (spec) =>
    duplicate(
      'port',
      spec.port.map((port) => `${port.hostAddress} ${port.hostPort} ${port.protocol}`),
    ),
  (spec) => issueIf(spec.privileged && spec.userns.kind === 'range', 'userns', "is the host's with --privileged"),
  (spec) =>
    issueIf(
      spec.privileged && spec.device.length > 0,
      'device',
      'is not needed with --privileged, which has all devices',
    ),
  nestingIssue,
  hostCapabilityIssue,
  hostSysctlIssue,
  (spec) => issueIf(spec.swap !== undefined && spec.memory === undefined, 'swap', 'needs a memory ceiling'),
];

/** What else such a zone may do rests on a user namespace that is its alone. */
function nestingIssue({ nesting, privileged, userns }: ZoneSpec): SpecIssue | undefined {
  if (!nesting) return undefined;
  if (privileged) return { path: 'nesting', message: 'is not needed with --privileged, which may do all that' };
  if (userns.kind === 'host')
    return { path: 'nesting', message: "would open the host's own ids: not with --userns host" };
  const isShared = userns.kind === 'range' && userns.shared;
  return issueIf(isShared, 'nesting', 'needs ids that nobody else has: not with --userns BASE:SIZE,shared');
}

function hostCapabilityIssue(spec: ZoneSpec): SpecIssue | undefined {
  if (spec.privileged || spec.userns.kind !== 'host') return undefined;
  const found = spec.capAdd.find((name) => name === 'ALL' || privilegedCapabilities.includes(name));
  return issueIf(
    found !== undefined,
    'capAdd',
    `"${found}" would be the host's own with --userns host: leave --userns out, or pass --privileged`,
  );
}

function hostSysctlIssue({ net, sysctl }: ZoneSpec): SpecIssue | undefined {
  const found = Object.keys(sysctl).find(isNetSysctl);
  return issueIf(
    net.kind === 'host' && found !== undefined,
    'sysctl',
    `"${found}" is the host's with --net host: on the host, run sysctl -w ${found}=${sysctl[found ?? '']}`,
  );
}

export function checkMeaning(spec: ZoneSpec): SpecIssue[] {
  return meaningChecks.map((check) => check(spec)).filter((issue) => issue !== undefined);
}

function issueIf(condition: boolean, path: string, message: string): SpecIssue | undefined {
  return condition ? { path, message } : undefined;
}

function duplicate(path: string, values: readonly string[]): SpecIssue | undefined {
  const twice = values.find((value, index) => values.indexOf(value) !== index);
  return twice === undefined ? undefined : { path, message: `names ${JSON.stringify(twice)} twice` };
}

function raise(issues: readonly SpecIssue[]): void {
  const [first] = issues;
  if (first === undefined) return;
  const text = issues.map(({ path, message }) => `"${path}" ${message}`).join('; ');
  throw zoneError('SPEC_INVALID', text, {
    hint: 'See "tszone create --help" or docs/reference/spec.md for the valid forms.',
    context: { issues },
  });
}
