/** Layouts that tests share: as probed on a v1 host, a v2 host, and one with co-mounted controllers. */
import type { CgroupLayout, Controller } from '../../../src/host/index.js';

const v1Names: readonly Controller[] = ['memory', 'cpu', 'cpuacct', 'cpuset', 'pids', 'freezer', 'devices', 'blkio'];
const v2Names: readonly Controller[] = ['memory', 'cpu', 'cpuset', 'pids', 'io', 'freezer', 'devices'];

/** Tests that are not about devices leave them out: as if this were a zone. */
const above = (names: readonly Controller[]) => (names.includes('devices') ? {} : { devicesAbove: true as const });

export function layoutV1(root = '/cg', names = v1Names): CgroupLayout {
  const controllers = Object.fromEntries(
    names.map((name) => [name, { version: 1 as const, mount: `${root}/${name}` }]),
  );
  return { mode: 'v1', controllers, tracking: [], swapAccounting: true, ...above(names) };
}

export function layoutV2(root = '/cg', names = v2Names): CgroupLayout {
  const controllers = Object.fromEntries(names.map((name) => [name, { version: 2 as const, mount: root }]));
  return { mode: 'v2', controllers, unified: root, base: root, tracking: [], swapAccounting: true, ...above(names) };
}

export function layoutSystemd(root = '/cg'): CgroupLayout {
  const delegate = { unit: 'tszone-zones.service', slice: 'machine.slice' };
  return { ...layoutV2(root), base: `${root}/machine.slice/tszone-zones.service`, delegate };
}
