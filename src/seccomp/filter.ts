/**
 * The filter of a zone: compiled once, then found by the digest of all that it is made from. What is found is taken only if it is
 * root's own and whole.
 */
import { createHash } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { zoneError } from '../errors/index.js';
import type { HostFacts } from '../host/index.js';
import { type Roots, readSealed, writeSealed } from '../state/index.js';
import { runsOn } from './architectures.js';
import { compilePolicy } from './compile.js';
import { defaultPolicy, defaultRevision } from './default-policy.js';
import { allButUserNamespaces, withoutUserNamespaces } from './no-user-namespaces.js';
import { flagBits, parseProfile } from './profile.js';
import { selectPolicy } from './select.js';

/** Plain data: it stands in plans and in the zone's run-time records. */
export interface Filter {
  /** SECCOMP_FILTER_FLAG_* */
  readonly flags: number;
  /** struct sock_filter[], hexadecimal. */
  readonly program: string;
  /**
   * now: before the helper's own last steps, which it allows, and before a prepared zone waits · exec: as the very last, since
   * nobody knows what a profile refuses.
   */
  readonly when: 'now' | 'exec';
}

export interface FilterRequest {
  /** `default`, `unconfined` or the path of a profile. */
  readonly profile: string;
  readonly capabilities: readonly string[];
  readonly is32Bit: boolean;
  /** New user namespaces may be made inside. */
  readonly nesting: boolean;
  /** They may not, whatever the profile says: the zone's root is the host's, who would own in one what limits the zone. */
  readonly hostIds: boolean;
}

/** To be raised whenever what a profile is compiled to changes. */
const compilerRevision = 1;

/**
 * @returns `undefined`: nothing is refused
 * @throws HOST_FEATURE_MISSING no filters on this kernel or for this machine · PATH_NOT_FOUND · SPEC_INVALID the profile
 */
export async function zoneFilter(
  { roots, facts }: { readonly roots: Roots; readonly facts: HostFacts },
  request: FilterRequest,
): Promise<Filter | undefined> {
  if (request.profile === 'unconfined' && !request.hostIds) return undefined;
  requireSeccomp(facts, request);
  const source = isNamed(request.profile) ? undefined : readProfile(request.profile);
  const key = digestOf(facts, request, source);
  const path = join(roots.runRoot, 'seccomp', key);
  const found = readCached(path);
  const { flags, program } = found ?? compile(facts, request, source);
  if (found === undefined) await writeSealed(path, encode({ flags, program }));
  return { flags, program: program.toString('hex'), when: source === undefined ? 'now' : 'exec' };
}

/** What of the filter can change without the zone's settings changing: the file that they name. */
export function profileDigest(profile: string): string {
  if (isNamed(profile)) return profile;
  try {
    return sha256(readProfile(profile)).toString('hex');
  } catch {
    // The start that follows says what is wrong with it.
    return 'unreadable';
  }
}

const isNamed = (profile: string) => profile === 'default' || profile === 'unconfined';

/** What a user can do where no filter can be made. */
export function unfilteredHint(hostIds: boolean): string {
  return hostIds
    ? 'Leave --userns host out, or pass --privileged: without a filter such a zone could raise its own limits.'
    : 'Pass --seccomp unconfined: all system calls are then open to the zone.';
}

function requireSeccomp({ seccomp, kernel }: HostFacts, { hostIds }: FilterRequest): void {
  const why = !seccomp
    ? 'this kernel has no seccomp filters (CONFIG_SECCOMP_FILTER)'
    : runsOn[kernel.machine] === undefined
      ? `tszone makes no seccomp filters for ${kernel.machine}`
      : undefined;
  if (why === undefined) return;
  throw zoneError('HOST_FEATURE_MISSING', why, {
    hint: unfilteredHint(hostIds),
    context: { feature: 'seccomp', machine: kernel.machine },
  });
}

const mostBytes = 1 << 20;

function readProfile(path: string): string {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (cause) {
    throw unreadable(
      path,
      (cause as NodeJS.ErrnoException).code === 'ENOENT' ? 'does not exist' : 'cannot be read',
      cause,
    );
  }
  try {
    const stats = fstatSync(fd);
    if (!stats.isFile() || stats.size > mostBytes) throw unreadable(path, 'is no file of at most 1M');
    return readFileSync(fd, 'utf8');
  } finally {
    closeSync(fd);
  }
}

function unreadable(path: string, what: string, cause?: unknown): Error {
  return zoneError('PATH_NOT_FOUND', `seccomp profile "${path}" ${what}`, {
    hint: 'Put the profile there, or run "tszone set ZONE --seccomp default".',
    context: { path },
    cause,
  });
}

function digestOf({ kernel }: HostFacts, request: FilterRequest, source: string | undefined): string {
  const { machine, major, minor } = kernel;
  const parts =
    source === undefined
      ? [request.profile, defaultRevision, compilerRevision, machine, request.nesting, request.is32Bit]
      : ['profile', source, compilerRevision, machine, major, minor, [...request.capabilities].sort(), request.hostIds];
  return sha256(JSON.stringify(parts)).toString('hex');
}

interface Compiled {
  readonly flags: number;
  readonly program: Buffer;
}

/**
 * SPEC_ALLOW: before Linux 5.16 a filter also took speculative store bypass from every program of the zone, at a high price. It
 * guards programs against code inside themselves, not zones against each other; who runs such code asks for it by prctl(2).
 */
function compile({ kernel }: HostFacts, request: FilterRequest, source: string | undefined): Compiled {
  const { machine } = kernel;
  const flags = flagBits.SECCOMP_FILTER_FLAG_SPEC_ALLOW;
  if (source === undefined) {
    const policy = request.profile === 'default' ? defaultPolicy(request) : allButUserNamespaces;
    return { flags, program: compilePolicy(policy, machine) };
  }
  const profile = parseProfile(source, request.profile);
  const selected = selectPolicy(profile, { machine, kernel, capabilities: request.capabilities }, request.profile);
  const policy = request.hostIds ? withoutUserNamespaces(selected) : selected;
  const given = profile.flags?.reduce((bits, name) => bits | flagBits[name], 0);
  return { flags: given ?? flags, program: compilePolicy(policy, machine) };
}

function encode({ flags, program }: Compiled): Buffer {
  const body = Buffer.alloc(4 + program.length);
  body.writeUInt32LE(flags);
  program.copy(body, 4);
  return body;
}

function readCached(path: string): Compiled | undefined {
  const body = readSealed(path);
  if (body === undefined || body.length <= 4) return undefined;
  return { flags: body.readUInt32LE(), program: body.subarray(4) };
}

function sha256(data: string | Buffer): Buffer {
  return createHash('sha256').update(data).digest();
}
