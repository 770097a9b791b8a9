/** The kernel itself: its version, who we are, what we may do, and which namespaces there are. */
import { type CapabilityName, capabilityNames } from '../../spec/capabilities.js';
import { apparmorObstacle, apparmorParser } from '../apparmor.js';
import { isWritable, type Mount } from '../mountinfo.js';
import { type Check, type CheckContext, type CheckGroup, check } from './check.js';

/** Overlay takes idmapped layers from here on. */
const leastKernel = [5, 19] as const;
const namespaces = ['user', 'mnt', 'pid', 'uts', 'ipc', 'net', 'cgroup', 'time'] as const;

/** What goes without a capability that the host's root lacks. */
const lossOf: Readonly<Partial<Record<CapabilityName, string>>> = {
  SYS_RESOURCE: 'hard limits (--ulimit) cannot be raised, and the monitors cannot be kept from the OOM killer',
  SYS_ADMIN: 'nothing can be mounted',
  NET_ADMIN: 'no network can be made',
  MKNOD: 'no device node can be made',
  SYS_MODULE: 'modules that are not loaded yet stay so',
};

export const kernelChecks: CheckGroup = (context) => [
  kernelVersion(context),
  check('root', 'root', {
    ok: context.facts.isRoot,
    otherwise: 'fail',
    detail: context.facts.isRoot ? 'effective uid 0' : 'not root: zones need it',
    fix: 'sudo tszone …',
  }),
  capabilities(context),
  ...namespaces.map((kind) => namespaceKind(context, kind)),
  nestedUserNamespaces(context),
  securityModules(context),
  ...apparmorProfiles(context),
  seccompFilters(context),
  fullyVisible(context, 'proc', '/proc', ['sys/fs/binfmt_misc', 'fs/nfsd']),
  fullyVisible(context, 'sysfs', '/sys', emptySysDirectories),
  clock(),
];

function kernelVersion({ facts: { kernel } }: CheckContext): Check {
  const [major, minor] = leastKernel;
  const ok = kernel.major > major || (kernel.major === major && kernel.minor >= minor);
  const detail = `${kernel.release} on ${kernel.machine}${ok ? '' : `: overlay takes idmapped layers from ${major}.${minor} on`}`;
  return check('kernel.version', 'kernel', {
    ok,
    otherwise: 'fail',
    detail,
    fix: `install a kernel of ${major}.${minor} or later`,
  });
}

function capabilities({ facts }: CheckContext): Check {
  const missing = capabilityNames.filter((name) => !facts.capabilities.boundingNames.includes(name));
  const losses = missing.flatMap((name) => lossOf[name] ?? []);
  return check('kernel.capabilities', "root's capabilities", {
    ok: missing.length === 0,
    detail:
      missing.length === 0
        ? 'all'
        : `without ${missing.join(', ')}${losses.length === 0 ? '' : `: ${losses.join('; ')}`}`,
    fix: 'give them to what started this shell (a container: --cap-add)',
  });
}

function namespaceKind({ exists, read }: CheckContext, kind: (typeof namespaces)[number]): Check {
  const there = exists(`/proc/self/ns/${kind}`);
  const sysctl = `user.max_${kind}_namespaces`;
  const most = read(`/proc/sys/${sysctl.replace('.', '/')}`)?.trim();
  const ok = there && most !== '0';
  const detail = there ? (most === undefined ? 'there' : `there, at most ${most}`) : 'this kernel has none';
  const fix = there ? `sysctl -w ${sysctl}=31000` : 'use a kernel that has them';
  return check(`namespace.${kind}`, `${kind} namespace`, {
    ok,
    otherwise: kind === 'time' ? 'warn' : 'fail',
    detail,
    fix,
  });
}

/** Root is not held by these; programs in a zone that make sandboxes of their own (browsers, nested zones) are. */
function nestedUserNamespaces({ read }: CheckContext): Check {
  const blocked = (
    [
      ['kernel.unprivileged_userns_clone', '0', '1'],
      ['kernel.apparmor_restrict_unprivileged_userns', '1', '0'],
    ] as const
  ).filter(([key, bad]) => read(`/proc/sys/${key.replaceAll('.', '/')}`)?.trim() === bad);
  return check('namespace.nested', 'user namespaces inside zones', {
    ok: blocked.length === 0,
    detail: blocked.length === 0 ? 'allowed' : blocked.map(([key, bad]) => `${key} is ${bad}`).join(', '),
    fix: blocked.map(([key, , good]) => `sysctl -w ${key}=${good}`).join(' && '),
  });
}

function securityModules({ facts: { lsms } }: CheckContext): Check {
  return {
    id: 'kernel.lsm',
    title: 'security modules',
    status: 'ok',
    detail: lsms.length === 0 ? 'none known' : lsms.join(', '),
  };
}

function apparmorProfiles({ facts, findTool }: CheckContext): Check[] {
  if (facts.apparmor === undefined) return [];
  const obstacle = apparmorObstacle(facts, findTool(apparmorParser) !== undefined);
  return [
    check('kernel.apparmor', 'AppArmor profiles for zones', {
      ok: obstacle === undefined,
      detail: obstacle === undefined ? 'can be loaded' : `none: ${obstacle.reason}`,
      fix: obstacle?.fix,
    }),
  ];
}

function seccompFilters({ facts: { seccomp } }: CheckContext): Check {
  return check('kernel.seccomp', 'seccomp filters', {
    ok: seccomp,
    otherwise: 'fail',
    detail: seccomp ? 'there' : 'this kernel has none',
    fix: 'use a kernel with CONFIG_SECCOMP_FILTER, or start zones with --seccomp unconfined',
  });
}

/** Directories that the kernel makes as mount points only: what is mounted there hides nothing. */
const emptySysDirectories = [
  'fs/cgroup', 'fs/bpf', 'fs/pstore', 'fs/fuse/connections', 'fs/selinux', 'fs/smackfs', 'fs/resctrl', 'fs/nfsd',
  'kernel/security', 'kernel/debug', 'kernel/tracing', 'kernel/config', 'firmware/efi/efivars', 'hypervisor/s390',
]; // biome-ignore format: a table

/** A user namespace may mount proc and sysfs only where it sees an instance without anything over it (mount_too_revealing). */
function fullyVisible(
  { mounts, facts }: CheckContext,
  fsType: string,
  title: string,
  harmless: readonly string[],
): Check {
  const instances = mounts.filter((mount) => mount.fsType === fsType && mount.root === '/');
  const hides = ({ mountPoint }: Mount) => {
    const prefix = mountPoint === '/' ? '/' : `${mountPoint}/`;
    const below = mounts
      .filter((mount) => mount.mountPoint.startsWith(prefix))
      .map((mount) => mount.mountPoint.slice(prefix.length));
    return below.filter((path) => !harmless.some((name) => path === name || path.startsWith(`${name}/`)));
  };
  const isGood = (mount: Mount) => hides(mount).length === 0 && (fsType === 'sysfs' || isWritable(mount));
  const masked = instances.flatMap(hides);
  return check(`mount.${fsType}`, `own ${title} in a zone`, {
    ok: instances.some(isGood),
    otherwise: 'fail',
    detail: instances.some(isGood)
      ? 'can be mounted'
      : `cannot be mounted: ${masked.length === 0 ? 'read-only' : `${masked.join(', ')} covered`} here`,
    fix:
      facts.kernel.isInner === true
        ? 'on the host: tszone set ZONE --nesting --restart-now; in a container, pass --security-opt systempaths=unconfined'
        : 'in a container, pass --security-opt systempaths=unconfined',
  });
}

/** A clock that was never set makes every signature and certificate "not yet valid". */
function clock(): Check {
  const year = new Date().getUTCFullYear();
  return check('time', 'clock', {
    ok: year >= 2024,
    detail: new Date().toISOString(),
    fix: 'set the clock: apt and TLS refuse what is from the future',
  });
}
