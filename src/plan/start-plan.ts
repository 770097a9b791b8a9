/** From a zone's record and the host's facts to everything that a start does: pure. */
import type { ZoneProfile } from '../apparmor/index.js';
import type { DeviceRule } from '../cgroups/index.js';
import type { EnterOp } from '../helper/index.js';
import type { HostFacts } from '../host/index.js';
import {
  type DeviceNode,
  type HostTree,
  type LaunchPlanInput,
  type ProgramPlanInput,
  planLast,
  planLaunch,
  zoneNamespaces,
} from '../namespaces/index.js';
import type { NetOp, VethOp } from '../netif/index.js';
import {
  type CapabilityName,
  capabilityNames,
  effectiveCapabilities,
  hasHostIds,
  hostIdCapabilities,
  modeOf,
  type ZoneSpec,
} from '../spec/index.js';
import { type Roots, type ZonePaths, type ZoneRecord, zonePaths } from '../state/index.js';
import { planRecord } from './entry-record.js';
import type { HostOp } from './host-ops.js';
import { directoriesOf, tmpfsOf } from './image-defaults.js';
import { environmentOf, payloadOf } from './payload.js';
import { startWarnings } from './start-warnings.js';
import { type CgroupPart, cgroupView, planCgroups } from './zone-cgroups.js';

/** What the zone's interfaces need, planned by netif. */
export interface NetworkPart {
  readonly prepare: readonly NetOp[];
  /** Links: their pid is filled in by the helper. */
  readonly attach: readonly VethOp[];
  readonly enter: readonly EnterOp[];
  readonly exit: readonly EnterOp[];
  /** Of the zone, without prefix length. */
  readonly addresses: readonly string[];
  /** Text of /etc/resolv.conf; `undefined`: left as the image has it. */
  readonly resolvConf: string | undefined;
  /** Sentences that the user should read: a host setting that is changed, name servers that are missing. */
  readonly notes: readonly string[];
}

export interface StartPlanInput {
  readonly roots: Roots;
  readonly facts: HostFacts;
  readonly record: ZoneRecord;
  /** Directories, topmost first. */
  readonly layers: readonly string[];
  /** Holds `upper` and `work`. */
  readonly rootfs: string;
  /** What has to be mounted before that is there. */
  readonly storage: { readonly prepare: readonly HostOp[]; readonly exit: readonly EnterOp[] };
  readonly trees: readonly HostTree[];
  /** Of the host, that the zone may use. */
  readonly devices: readonly (DeviceNode & Omit<DeviceRule, 'minor'>)[];
  /** Its own init is systemd, which has to have groups. */
  readonly bootsSystemd?: boolean | undefined;
  /** Of a privileged zone: every node below /dev of the host. */
  readonly hostDevices?: readonly string[] | undefined;
  /** Of the files that tszone keeps true, those that the zone has no copy of its own of. */
  readonly fromImage: readonly string[];
  readonly network: NetworkPart;
  readonly stdio: 'log' | 'relay' | 'pty';
  readonly winsize?: { readonly rows: number; readonly columns: number } | undefined;
  /** Everything but the first exec: the zone then waits for a `go` at its monitor's socket. */
  readonly hold?: boolean | undefined;
  /** Everything but what it runs, which is told to the helper later: `last` of a plan of the same zone. */
  readonly late?: boolean | undefined;
  readonly programs: { readonly init: string; readonly helper: string };
  /** seccomp and AppArmor; none: unconfined. */
  readonly filter: ProgramPlanInput['filter'];
  readonly profile?: ZoneProfile | undefined;
  /** Run by the monitor when nobody waits for the zone's end; empty: nothing to decide. */
  readonly onExit: readonly string[];
  /** Run by the monitor when a prepared zone has been let go; empty: nothing. */
  readonly onGo?: readonly string[] | undefined;
  /** Instead of what the zone runs: a mode of the helper. Not a run of the zone: its log and exit record stay as they are. */
  readonly helperArgv?: readonly string[] | undefined;
}

/** What `exec` has to know of a running zone; saved with its run-time data. */
export interface EntryInfo {
  readonly namespaces: string;
  readonly program: ProgramPlanInput;
  readonly env: Readonly<Record<string, string>>;
  readonly user: string | undefined;
  readonly workdir: string | undefined;
  /** Its processes are also in a group of the unified hierarchy that is the zone's. */
  readonly ownGroups?: true | undefined;
}

export interface ZonePlan {
  /** Host side, before the launch. Undone when the zone has ended. */
  readonly prepare: readonly HostOp[];
  /** Host side, when there is a pid. Done by the helper; dies with the zone. */
  readonly attach: readonly VethOp[];
  readonly enter: readonly EnterOp[];
  /** What `late` leaves out of it. */
  readonly last: readonly EnterOp[];
  readonly entry: EntryInfo;
  /** The same for the native entry. */
  readonly entryRecord: readonly EnterOp[];
  readonly notes: readonly string[];
}

export function planStart(input: StartPlanInput): ZonePlan {
  const paths = zonePaths(input.roots, input.record.spec.name);
  const cgroups = planCgroups(input);
  const launch = launchInput(input, paths, cgroups.enter);
  const entry = entryInfo(input, launch);
  return {
    prepare: [
      { op: 'state.mkdir', path: paths.staging, mode: 0o755 },
      ...input.storage.prepare,
      ...cgroups.prepare,
      ...(input.profile?.prepare ?? []),
      ...input.network.prepare,
    ],
    attach: input.network.attach,
    enter: [...planMonitor(input, paths, cgroups), ...planLaunch(launch)],
    last: input.late === true ? planLast(launch) : [],
    entry,
    entryRecord: planRecord(input, entry),
    notes: [...startWarnings(input.record.spec, input.facts), ...input.network.notes],
  };
}

/** 10 MB in three files by default: a zone that writes for ever fills nothing. */
const logLimits = { maxBytes: String(10_000_000), files: '3' };

function planMonitor(input: StartPlanInput, paths: ZonePaths, cgroups: CgroupPart): EnterOp[] {
  const { winsize } = input;
  const isRun = input.helperArgv === undefined;
  return [
    { op: 'monitor.lock', path: paths.monitorLock },
    ...(input.profile?.monitor ?? []),
    ...cgroups.leave,
    { op: 'monitor.oomscore', value: '-999' },
    { op: 'monitor.record', path: paths.running },
    ...(input.hold === true ? [{ op: 'monitor.hold', path: paths.prepared } as const] : []),
    ...(isRun ? [{ op: 'monitor.entry', path: paths.enter } as const] : []),
    ...(isRun ? [{ op: 'monitor.exit', path: paths.exit } as const] : []),
    ...(cgroups.oomFile === undefined ? [] : [{ op: 'monitor.oom', path: cgroups.oomFile } as const]),
    ...(isRun ? [{ op: 'monitor.log', path: paths.log, ...logLimits } as const] : []),
    { op: 'monitor.socket', path: paths.monitorSocket },
    { op: 'stdio.mode', mode: input.stdio },
    ...(winsize === undefined
      ? []
      : [{ op: 'stdio.winsize', rows: String(winsize.rows), columns: String(winsize.columns) } as const]),
    ...input.network.exit,
    ...cgroups.exit,
    ...input.storage.exit,
    ...(input.profile?.exit ?? []),
    { op: 'exit.unlink', path: paths.monitorSocket },
    ...(input.hold === true ? [{ op: 'exit.unlink', path: paths.prepared } as const] : []),
    ...((input.onGo ?? []).length === 0 ? [] : [{ op: 'monitor.went', argv: input.onGo ?? [] } as const]),
    ...(input.onExit.length === 0 ? [] : [{ op: 'exit.spawn', argv: input.onExit } as const]),
  ];
}

function launchInput(input: StartPlanInput, paths: ZonePaths, cgroups: readonly EnterOp[]): LaunchPlanInput {
  const { record, network } = input;
  const { spec } = record;
  return {
    ids: record.ids,
    hostname: spec.hostname ?? spec.name,
    root: {
      layers: input.layers,
      rootfs: input.rootfs,
      staging: paths.staging,
      readOnly: spec.readOnly,
      volatile: spec.ephemeral,
      trees: input.trees,
    },
    kernelMounts: {
      hostNetwork: spec.net.kind === 'host',
      cgroupView: cgroupView(input.facts.cgroup),
      ownGroups: input.bootsSystemd === true,
      mode: modeOf(spec),
      hostDevices: input.hostDevices ?? [],
    },
    devices: input.devices,
    tmpfs: tmpfsOf(record),
    // A copy needs none of them.
    directories: input.helperArgv === undefined ? directoriesOf(record) : [],
    identity: {
      hostname: spec.hostname ?? spec.name,
      machineId: record.machineId,
      addresses: network.addresses,
      resolvConf: network.resolvConf,
      fromImage: input.fromImage,
    },
    timeNamespace: spec.timeNamespace,
    cgroups,
    network: network.enter,
    // A copy needs none, and may have no such link.
    sysctls: input.helperArgv === undefined ? spec.sysctl : {},
    program: programOf(input),
    payload: payloadOf(input),
    late: input.late,
  };
}

function programOf({ record: { spec }, facts: { capabilities }, filter, profile }: StartPlanInput): ProgramPlanInput {
  return {
    capabilities: hasHostIds(spec)
      ? planHostCapabilities(spec, capabilities.effectiveNames)
      : effectiveCapabilities(spec.capAdd, spec.capDrop),
    noNewPrivs: spec.noNewPrivs,
    umask: spec.umask,
    ulimits: spec.ulimit,
    personality: spec.personality,
    filter,
    ...(profile === undefined ? {} : { profile: profile.name }),
  };
}

/** Of the host's own, so that what this host lacks is not there. On the host's network it could listen to all. */
function planHostCapabilities(spec: ZoneSpec, available: readonly CapabilityName[]): CapabilityName[] {
  const defaults = spec.privileged
    ? capabilityNames
    : hostIdCapabilities.filter((name) => name !== 'NET_RAW' || spec.net.kind !== 'host');
  return effectiveCapabilities(spec.capAdd, spec.capDrop, defaults).filter((name) => available.includes(name));
}

function entryInfo(input: StartPlanInput, launch: LaunchPlanInput): EntryInfo {
  const { spec, image } = input.record;
  return {
    namespaces: zoneNamespaces(launch),
    program: launch.program,
    env: environmentOf(input.record),
    user: spec.user ?? image.config.user,
    workdir: spec.workdir ?? image.config.workdir,
    ...(input.bootsSystemd === true ? { ownGroups: true } : {}),
  };
}
