/** What of a zone's limits this host can enforce. */
import type { Controller } from '../facts.js';
import { type Check, type CheckContext, type CheckGroup, check } from './check.js';

/** Controller → what is refused without it. */
const uses: Readonly<Partial<Record<Controller, string>>> = {
  memory: '--memory',
  cpu: '--cpus and --cpu-weight',
  cpuset: '--cpuset',
  pids: '--pids',
  freezer: 'pause',
};

export const cgroupChecks: CheckGroup = (context) => {
  const { facts } = context;
  const names = Object.keys(uses) as Controller[];
  return [
    layout(context),
    ...names.map((name) => controller(context, name)),
    swap(context),
    devices(context),
    ...(facts.cgroup.mode === 'v2' ? [systemd(context)] : []),
  ];
};

function layout({ facts: { cgroup } }: CheckContext): Check {
  const count = Object.keys(cgroup.controllers).length;
  const place = cgroup.delegate === undefined ? '' : `, zones in ${cgroup.delegate.slice}/${cgroup.delegate.unit}`;
  return check('cgroup.layout', 'cgroups', {
    ok: count > 0,
    otherwise: 'fail',
    detail: count > 0 ? `${cgroup.mode}${place}` : 'no writable hierarchy is mounted',
    fix: 'mount -t cgroup2 cgroup2 /sys/fs/cgroup; in a container, pass --privileged -v /sys/fs/cgroup:/sys/fs/cgroup:rw',
  });
}

function controller({ facts: { cgroup } }: CheckContext, name: Controller): Check {
  const found = cgroup.controllers[name];
  return check(`cgroup.${name}`, `cgroup controller ${name}`, {
    ok: found !== undefined,
    detail: found === undefined ? `missing: ${uses[name]} will be refused` : `v${found.version} at ${found.mount}`,
    fix:
      name === 'memory'
        ? 'boot with cgroup_enable=memory'
        : `mount it, or let the level above hand it down (cgroup.subtree_control)`,
  });
}

function swap({ facts: { cgroup } }: CheckContext): Check {
  return check('cgroup.swap', 'swap accounting', {
    ok: cgroup.swapAccounting,
    detail: cgroup.swapAccounting
      ? 'on'
      : 'off: --swap will be refused, and --memory does not keep a zone from swapping',
    fix: 'boot with swapaccount=1',
  });
}

/** Whether the kernel takes programs for v2 is known only when one is loaded: a start says so. */
function devices({ facts: { cgroup } }: CheckContext): Check {
  const found = cgroup.controllers.devices;
  const how = found?.version === 2 ? `a program for each group at ${found.mount}` : `v1 at ${found?.mount}`;
  const above = cgroup.devicesAbove === true;
  return check('cgroup.devices', 'device control', {
    ok: found !== undefined || above,
    otherwise: 'fail',
    detail:
      found !== undefined
        ? how
        : above
          ? 'this is a zone, or another user namespace: the list of the level above holds'
          : 'missing: no zone can be started',
    fix: 'mkdir -p /sys/fs/cgroup/devices && mount -t cgroup -o devices cgroup /sys/fs/cgroup/devices, or mount cgroup2',
  });
}

/** systemd-run is how the unit that owns our groups is started. */
function systemd({ facts, findTool }: CheckContext): Check {
  return check('cgroup.systemd', 'systemd-run', {
    ok: !facts.systemd || findTool('systemd-run') !== undefined,
    otherwise: 'fail',
    detail: facts.systemd ? 'systemd is pid 1; it has to delegate a unit to us' : 'not needed: systemd is not pid 1',
    fix: 'apt-get install systemd',
  });
}
