/** The devices of the host that a zone is given: what they are, and how they come and go while it runs. */
import { type DeviceRule, planDeviceRules, requireDevices } from '../cgroups/index.js';
import { zoneError } from '../errors/index.js';
import { stat } from '../host/quick-fs.js';
import type { DeviceNode } from '../namespaces/index.js';
import type { HostOp } from '../plan/index.js';
import { type DeviceSpec, hasHostIds } from '../spec/index.js';
import { isErrno, type RunningRecord, writeJson, type ZoneRecord, zonePaths } from '../state/index.js';
import type { HostContext } from './host-context.js';
import { groupsOf, readLaunch } from './zone-ref.js';

/** A device as it is on the host now: its number, and whose it is. */
export type ZoneDevice = DeviceNode & Omit<DeviceRule, 'minor'>;

/** @throws PATH_NOT_FOUND, SPEC_INVALID what is no device, CGROUP_CONTROLLER_MISSING, HOST_FEATURE_MISSING */
export async function resolveDevices({ facts }: HostContext, specs: readonly DeviceSpec[]): Promise<ZoneDevice[]> {
  const devices = await Promise.all(specs.map(resolveDevice));
  requireDevices(facts.cgroup, devices);
  return devices;
}

async function resolveDevice({ path, access }: DeviceSpec): Promise<ZoneDevice> {
  const found = await stat(path).catch((cause: unknown) => {
    if (!isErrno(cause, 'ENOENT', 'ENOTDIR', 'ELOOP')) throw cause;
    throw zoneError('PATH_NOT_FOUND', `device "${path}" does not exist on the host`, {
      hint: 'See "ls -l /dev"; a driver that is not loaded yet has none: modprobe.',
      context: { path },
      cause,
    });
  });
  if (!found.isBlockDevice() && !found.isCharacterDevice()) throw noDevice(path, found.isDirectory());
  const kind = found.isBlockDevice() ? 'b' : 'c';
  const { uid, gid } = found;
  return { path, access, kind, ...numbersOf(found.rdev), mode: found.mode & 0o777, uid, gid };
}

function noDevice(path: string, isDirectory: boolean): Error {
  const message = `"device" names ${JSON.stringify(path)}, which is no device`;
  return zoneError('SPEC_INVALID', message, {
    hint: isDirectory
      ? `Name the devices in it one by one: see "ls -l ${path}".`
      : 'A file or directory of the host comes in with --mount.',
    context: { path, issues: [{ path: 'device', message }] },
  });
}

/** dev_t as glibc packs it: 12 bits of the major above 8 of the minor, what is more of each above both. */
function numbersOf(rdev: number): { major: number; minor: number } {
  const bits = BigInt(rdev);
  const major = ((bits >> 8n) & 0xfffn) | ((bits >> 32n) & 0xfffff000n);
  const minor = (bits & 0xffn) | ((bits >> 12n) & 0xffffff00n);
  return { major: Number(major), minor: Number(minor) };
}

/** What a user should know of them. */
export function deviceNotes(devices: readonly ZoneDevice[]): string[] {
  return devices.flatMap(({ path, kind, access }) => [
    ...(kind === 'b'
      ? [`${path} is a disk: the zone's root ${uses(access)} what lies on it past every owner and permission`]
      : []),
    ...(access.includes('m')
      ? [`the kernel refuses mknod in a zone with user ids of its own: "m" of ${path} has no effect`]
      : []),
  ]);
}

function uses(access: string): string {
  const words = { r: 'reads', w: 'writes' };
  return [...access].flatMap((letter) => (letter === 'r' || letter === 'w' ? [words[letter]] : [])).join(' and ');
}

export interface DeviceChange {
  readonly ops: readonly HostOp[];
  readonly before: readonly ZoneDevice[];
  readonly after: readonly ZoneDevice[];
}

/** From what the running zone has been given, which need not be what its record says, to these. */
export async function planDeviceChange(
  host: HostContext,
  { spec, ids }: ZoneRecord,
  { running, after }: { readonly running: RunningRecord; readonly after: readonly ZoneDevice[] },
): Promise<DeviceChange> {
  const { name } = spec;
  const isMapped = !hasHostIds(spec);
  const before = (await readLaunch(host.roots, name))?.devices ?? [];
  const lacking = (some: readonly ZoneDevice[], others: readonly ZoneDevice[]) =>
    some.filter((one) => !others.some((other) => nodeKey(other) === nodeKey(one)));
  const { pid, startTime } = running;
  const nodes = { add: lacking(after, before), remove: lacking(before, after) };
  const { staging } = zonePaths(host.roots, name);
  const ops: HostOp[] = [
    ...planDeviceRules({ ...groupsOf(host, name), before, after }),
    ...(nodes.add.length + nodes.remove.length === 0
      ? []
      : [{ op: 'device.nodes', pid, startTime, staging, ids, isMapped, ...nodes } as const]),
  ];
  return { before, after, ops };
}

const nodeKey = ({ path, kind, major, minor }: ZoneDevice) => `${path} ${kind} ${major}:${minor}`;

/** Of a change that is begun: what is there in any case. Call with the zone's lock held. */
export async function recordDevices(host: HostContext, zone: string, devices: readonly ZoneDevice[]): Promise<void> {
  const launch = await readLaunch(host.roots, zone);
  if (launch !== undefined) await writeJson(zonePaths(host.roots, zone).launch, { ...launch, devices });
}

/** Both, each node once. */
export function allDevices({ before, after }: DeviceChange): ZoneDevice[] {
  return [...new Map([...before, ...after].map((device) => [nodeKey(device), device])).values()];
}
