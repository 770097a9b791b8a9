/** Reads the facts of this host: a dozen small files of /proc and /sys, no process, no mount, under 2 ms. */
import { existsSync, lstatSync, readFileSync, readlinkSync } from 'node:fs';
import { availableParallelism, machine } from 'node:os';
import { type CapabilityName, capabilityNames } from '../spec/capabilities.js';
import { type ApparmorFacts, apparmorInterface, isUnconfinedLabel } from './apparmor.js';
import { cgroupLayout, isInnerUserNamespace, type ReadText } from './cgroup-layout.js';
import type { CapabilityFacts, HostFacts, KernelFacts, UsrLayout } from './facts.js';
import { parseMountinfo } from './mountinfo.js';

/** Where to look: the real root, or a made one in tests. */
export interface ProbeOptions {
  readonly prefix?: string;
}

/** Everything that planning has to know about this machine. Never fails for what is missing: that is a fact, too. */
export async function probeHost({ prefix = '' }: ProbeOptions = {}): Promise<HostFacts> {
  const read: ReadText = (path) => readText(prefix + path);
  const exists = (path: string) => existsSync(prefix + path);
  const status = statusFields(read('/proc/self/status') ?? '');
  const lsms = securityModules(read);
  const systemd = exists('/run/systemd/system');
  const container = containerHint(read, exists);
  return {
    kernel: kernelFacts(read),
    isRoot: status.Uid?.split(/\s+/)[1] === '0',
    capabilities: capabilityFacts(status),
    cgroup: cgroupLayout({ mounts: parseMountinfo(read('/proc/self/mountinfo') ?? ''), systemd, read, exists }),
    lsms,
    ...(lsms.includes('apparmor') ? { apparmor: apparmorFacts(read, exists) } : {}),
    seccomp: (read('/proc/sys/kernel/seccomp/actions_avail') ?? '').split(/\s+/).includes('errno'),
    usr: usrLayout(prefix),
    cpus: cpuFacts(read),
    memoryNodes: read('/sys/devices/system/node/online')?.trim() ?? '0',
    systemd,
    ...(container === undefined ? {} : { container }),
  };
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // Missing, masked or not ours to read: all the same here.
    return undefined;
  }
}

/** Lines `Name:\tvalue`. */
function statusFields(text: string): Readonly<Record<string, string>> {
  return Object.fromEntries(text.split('\n').map((line) => line.split(':\t') as [string, string]));
}

function kernelFacts(read: ReadText): KernelFacts {
  const release = read('/proc/sys/kernel/osrelease')?.trim() ?? '';
  const [, major = '0', minor = '0'] = /^(\d+)\.(\d+)/.exec(release) ?? [];
  const bootId = read('/proc/sys/kernel/random/boot_id')?.trim() ?? '';
  const inner = isInnerUserNamespace(read) ? { isInner: true as const } : {};
  return { release, major: Number(major), minor: Number(minor), machine: machine(), bootId, ...inner };
}

function capabilityFacts(status: Readonly<Record<string, string>>): CapabilityFacts {
  const bounding = BigInt(`0x${status.CapBnd ?? '0'}`);
  const effective = BigInt(`0x${status.CapEff ?? '0'}`);
  return { bounding, effective, boundingNames: namesIn(bounding), effectiveNames: namesIn(effective) };
}

function namesIn(mask: bigint): CapabilityName[] {
  return capabilityNames.filter((_, bit) => ((mask >> BigInt(bit)) & 1n) === 1n);
}

/** securityfs tells all; without it there is one parameter for the module that gets in the way most. */
function securityModules(read: ReadText): string[] {
  const list = read('/sys/kernel/security/lsm')?.trim();
  if (list !== undefined && list !== '') return list.split(',');
  return read('/sys/module/apparmor/parameters/enabled')?.trim() === 'Y' ? ['apparmor'] : [];
}

function apparmorFacts(read: ReadText, exists: (path: string) => boolean): ApparmorFacts {
  const label = read('/proc/self/attr/apparmor/current')?.trim() ?? '';
  return { hasInterface: exists(`${apparmorInterface}/.replace`), isConfined: !isUnconfinedLabel(label) };
}

const usrNames = ['/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32', '/libo32'];

function usrLayout(prefix: string): UsrLayout {
  const links: Record<string, string> = {};
  const dirs: string[] = [];
  for (const name of usrNames) {
    const stat = lstatSync(prefix + name, { throwIfNoEntry: false });
    if (stat?.isSymbolicLink() === true) links[name] = readlinkSync(prefix + name);
    else if (stat?.isDirectory() === true) dirs.push(name);
  }
  return { merged: dirs.length === 0, links, dirs };
}

function cpuFacts(read: ReadText): HostFacts['cpus'] {
  const online = read('/sys/devices/system/cpu/online')?.trim();
  if (online === undefined) return { count: availableParallelism(), online: `0-${availableParallelism() - 1}` };
  return { count: cpusIn(online).length, online };
}

/** `0-3,5` → 0, 1, 2, 3, 5. */
export function cpusIn(list: string): number[] {
  return list.split(',').flatMap((part) => {
    const [first = 0, last = first] = part.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
}

function containerHint(read: ReadText, exists: (path: string) => boolean): string | undefined {
  if (exists('/.dockerenv')) return 'docker';
  if (exists('/run/.containerenv')) return 'podman';
  // systemd writes down what $container was for pid 1.
  return read('/run/systemd/container')?.trim();
}
