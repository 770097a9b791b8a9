/** A limit is enforced or refused, never ignored: the check before anything is planned. */
import { zoneError } from '../errors/index.js';
import type { CgroupLayout, Controller } from '../host/facts.js';
import type { ControllerRules } from './controller.js';
import { hierarchies } from './groups.js';
import { isSet, type ZoneLimits } from './limits.js';

/** @throws CGROUP_CONTROLLER_MISSING naming the controller, HOST_FEATURE_MISSING without any hierarchy, SPEC_INVALID on swap without memory. */
export function requireControllers(layout: CgroupLayout, limits: ZoneLimits, rules: readonly ControllerRules[]): void {
  if (hierarchies(layout).length === 0) throw noHierarchy();
  for (const { controller, purpose, isAsked } of rules) {
    if (isAsked(limits) && layout.controllers[controller] === undefined) throw missing(controller, purpose, layout);
  }
  requireSwap(layout, limits);
  requireGuarantee(layout, limits);
}

export function noHierarchy(): Error {
  return zoneError('HOST_FEATURE_MISSING', 'this host has no writable cgroup hierarchy', {
    hint: 'Run "mount -t cgroup2 cgroup2 /sys/fs/cgroup", or in a container pass "--privileged -v /sys/fs/cgroup:/sys/fs/cgroup:rw".',
  });
}

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
}
