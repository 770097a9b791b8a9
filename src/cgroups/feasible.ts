/** A limit is enforced or refused, never ignored: the check before anything is planned. */
import { zoneError } from '../errors/index.js';
import type { CgroupLayout, Controller, HostFacts, MemoryFloor } from '../host/facts.js';
import { cpusIn } from '../host/probe.js';
import type { ControllerRules } from './controller.js';
import type { DeviceRule } from './device-rule.js';
import { hierarchies } from './groups.js';
import { isSet, type ZoneLimits } from './limits.js';

/** @throws SPEC_INVALID naming a CPU that is not online: v1 would refuse it, v2 would run the zone elsewhere. */
export function requireCpus({ online }: HostFacts['cpus'], { cpuset }: ZoneLimits): void {
  const there = new Set(cpusIn(online));
  for (const part of (cpuset ?? '').split(',').filter((text) => text !== '')) {
    const [first = 0, last = first] = part.split('-').map(Number);
    if (last < first) throw wrongCpus(`"cpuset" has a range that runs backwards: ${part}`, online);
    // Ends at the first that there is not, however long the range is.
    for (let cpu = first; cpu <= last; cpu++)
      if (!there.has(cpu)) throw wrongCpus(`"cpuset" names CPU ${cpu}, which is not online here`, online);
  }
}

function wrongCpus(message: string, online: string): Error {
  return zoneError('SPEC_INVALID', message, {
    hint: `The CPUs that are online: ${online}.`,
    context: { issues: [{ path: 'cpuset', message }], online },
  });
}

/** @throws CGROUP_CONTROLLER_MISSING naming the controller, HOST_FEATURE_MISSING without any hierarchy or on a guarantee that a group above takes away, SPEC_INVALID on swap without memory. */
export function requireControllers(layout: CgroupLayout, limits: ZoneLimits, rules: readonly ControllerRules[]): void {
  if (hierarchies(layout).length === 0) throw noHierarchy(layout);
  for (const { controller, purpose, isAsked } of rules) {
    if (isAsked(limits) && layout.controllers[controller] === undefined) throw missing(controller, purpose, layout);
  }
  requireSwap(layout, limits);
  requireGuarantee(layout, limits);
}

export function noHierarchy({ devicesAbove }: CgroupLayout): Error {
  if (devicesAbove === true) {
    return zoneError('HOST_FEATURE_MISSING', 'this zone has no cgroup hierarchy that it may write', {
      hint: `On the host, ${nestingHint}`,
      context: { feature: 'nesting' },
    });
  }
  return zoneError('HOST_FEATURE_MISSING', 'this host has no writable cgroup hierarchy', {
    hint: 'Run "mount -t cgroup2 cgroup2 /sys/fs/cgroup", or in a container pass "--privileged -v /sys/fs/cgroup:/sys/fs/cgroup:rw".',
  });
}

const nestingHint =
  'run "tszone set ZONE --nesting --restart-now": zones can be made in a zone that has been started so.';

function missing(controller: Controller, purpose: string, layout: CgroupLayout): Error {
  return zoneError(
    'CGROUP_CONTROLLER_MISSING',
    `a ${purpose} needs the cgroup controller "${controller}", which this host does not offer`,
    {
      hint: hintFor(controller, layout),
      context: { controller, mode: layout.mode, offered: Object.keys(layout.controllers) },
    },
  );
}

function hintFor(controller: Controller, layout: CgroupLayout): string {
  if (controller === 'memory')
    return 'Boot with "cgroup_enable=memory" on the kernel command line, and see "tszone doctor".';
  if (layout.mode === 'v2') {
    return `See whether "${controller}" is in ${layout.unified ?? '/sys/fs/cgroup'}/cgroup.controllers; a container has only what its host hands down.`;
  }
  return `Run "mkdir -p /sys/fs/cgroup/${controller} && mount -t cgroup -o ${controller} cgroup /sys/fs/cgroup/${controller}".`;
}

/**
 * A zone without a list of devices is refused like a limit that cannot be enforced. In a zone (a user namespace) nobody can make
 * a list or a node, and the one of the zone around holds.
 *
 * @throws CGROUP_CONTROLLER_MISSING, HOST_FEATURE_MISSING on a device inside a zone
 */
export function requireDevices(layout: CgroupLayout, devices: readonly DeviceRule[]): void {
  if (layout.controllers.devices !== undefined) return;
  if (layout.devicesAbove !== true) throw missing('devices', 'list of devices', layout);
  if (devices.length === 0) return;
  throw zoneError(
    'HOST_FEATURE_MISSING',
    'a device cannot be given to a zone inside a zone: no node can be made here',
    {
      hint: 'Leave --device out, or run the zone on the host itself.',
      context: { feature: 'mknod' },
    },
  );
}

function requireSwap(layout: CgroupLayout, { memoryBytes, swapBytes }: ZoneLimits): void {
  if (!isSet(swapBytes)) return;
  if (!isSet(memoryBytes)) {
    throw zoneError('SPEC_INVALID', 'a swap limit needs a memory limit', {
      hint: 'Pass --memory, too, such as --memory 512M --swap 1G.',
    });
  }
  if (layout.swapAccounting) return;
  throw zoneError(
    'CGROUP_CONTROLLER_MISSING',
    'a swap limit needs the cgroup controller "memory" with swap accounting, which is off',
    {
      hint: 'Boot with "swapaccount=1" on the kernel command line, or leave --swap out.',
      context: { controller: 'memory', swapAccounting: false },
    },
  );
}

function requireGuarantee(layout: CgroupLayout, { memoryGuaranteeBytes }: ZoneLimits): void {
  if (!isSet(memoryGuaranteeBytes)) return;
  const context = { controller: 'memory', mode: layout.mode };
  if (layout.controllers.memory?.version !== 2) {
    throw zoneError(
      'CGROUP_CONTROLLER_MISSING',
      'a memory guarantee needs the cgroup controller "memory" of cgroup v2; here it is v1',
      {
        hint: 'Boot with "systemd.unified_cgroup_hierarchy=1 cgroup_no_v1=all", or leave --memory-guarantee out.',
        context,
      },
    );
  }
  const floor = layout.floors?.find(({ bytes }) => bytes < memoryGuaranteeBytes);
  if (floor !== undefined) throw cutOff(layout, floor, memoryGuaranteeBytes);
}

/** What a group does not have itself it cannot keep for those below it: memory.min in the kernel's cgroup-v2.rst. */
function cutOff({ unified, delegate }: CgroupLayout, { path, bytes }: MemoryFloor, asked: number): Error {
  const unit = path === unified ? undefined : path.slice(path.lastIndexOf('/') + 1);
  const isOurs = unit === delegate?.unit;
  return zoneError(
    'HOST_FEATURE_MISSING',
    `a memory guarantee of ${asked} bytes would not hold: the cgroup "${path}" above the zones keeps only ${bytes}`,
    {
      hint:
        unit === undefined
          ? `On the host of this container, write at least ${asked} to memory.min of its cgroup and of all above; or leave --memory-guarantee out.`
          : `Run "systemctl set-property ${unit} MemoryMin=${isOurs ? 'infinity' : asked}${isOurs ? '' : ` && systemctl start ${unit}`}", or more for several zones; or leave --memory-guarantee out.`,
      context: { controller: 'memory', path, bytes, asked },
    },
  );
}
