/** Making groups while others may remove their empty parents at the same time. */
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { zoneError } from '../errors/index.js';
import type { Controller } from '../host/facts.js';
import { emptyGroup } from './delegate.js';
import { errnoName, makeGroup, readControl, stepError, writeControl } from './kernel-file.js';
import type { CgroupCreateOp, CgroupShareOp, EnabledControllers, HandedDown } from './ops.js';
import { hasProcesses, removeTree } from './remove.js';

/** A start that loses its parents to others that often has met no race but a fault. */
const maxAttempts = 20;

/** @throws KERNEL_STEP_FAILED, CGROUP_CONTROLLER_MISSING. */
export async function createGroup(op: CgroupCreateOp): Promise<void> {
  await ensure(op, async () => {
    if (makeGroup(op.path)) return;
    // Left by one that was killed: its counters (OOM kills, peak) must not be taken for the new zone's.
    if (hasProcesses(op.path)) throw leftover(op.path);
    await removeTree(op.path);
    makeGroup(op.path);
  });
}

/** @throws KERNEL_STEP_FAILED. */
export async function shareGroup(op: CgroupShareOp): Promise<void> {
  // With it, what is above is there; it may be one whose maker was killed before it had filled it.
  if (existsSync(op.path) && op.enable === undefined && op.fill.length === 0) return;
  await ensure(op, async () => {
    if (!existsSync(op.path)) makeGroup(op.path);
  });
}

async function ensure(op: CgroupCreateOp | CgroupShareOp, make: () => Promise<void>): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      if (op.enable !== undefined) handDownIfNeeded(op, op.enable);
      await make();
      fillIfEmpty(op);
      return;
    } catch (error) {
      if (errnoName(error) !== 'ENOENT' || op.parents.length === 0 || attempt === maxAttempts)
        throw stepError('cgroup.create', op.path, error);
      makeParents(op);
    }
  }
}

function makeParents(op: CgroupCreateOp | CgroupShareOp): void {
  try {
    const nearest = op.parents.at(-1);
    if (nearest === undefined || existsSync(nearest)) return;
    for (const path of op.parents) if (!existsSync(path)) makeGroup(path);
  } catch (error) {
    // ENOENT below the topmost: another process has just removed an empty parent; the next attempt makes it again.
    const top = op.parents[0];
    const isRace = errnoName(error) === 'ENOENT' && top !== undefined && existsSync(dirname(top));
    if (!isRace) throw stepError('cgroup.create', op.path, error);
  }
}

/** The nearest parent tells: what it hands down, all above hand down. */
function handDownIfNeeded(op: CgroupCreateOp | CgroupShareOp, enable: HandedDown): void {
  const nearest = op.parents.at(-1) ?? enable.above;
  const given = readControl(`${nearest}/cgroup.subtree_control`)?.split(' ') ?? [];
  if ([...enable.required, ...enable.wanted].every((name) => given.includes(name))) return;
  if (enable.leaf !== undefined) emptyGroup(enable.above, enable.leaf);
  makeParents(op);
  handDown([enable.above, ...op.parents], enable);
}

/** v2: `+controller` into each subtree_control, topmost first. @throws KERNEL_STEP_FAILED, CGROUP_CONTROLLER_MISSING. */
export function handDown(paths: readonly string[], { required, wanted }: EnabledControllers): void {
  for (const path of paths) {
    const file = `${path}/cgroup.subtree_control`;
    const given = readControl(file)?.split(' ') ?? [];
    const offered = readControl(`${path}/cgroup.controllers`)?.split(' ') ?? [];
    for (const name of required) if (!given.includes(name)) enableRequired(file, name, offered);
    for (const name of wanted) if (!given.includes(name) && offered.includes(name)) enableWanted(file, name);
  }
}

function enableRequired(file: string, name: Controller, offered: readonly string[]): void {
  if (!offered.includes(name)) {
    const group = dirname(file);
    throw zoneError('CGROUP_CONTROLLER_MISSING', `the cgroup controller "${name}" is not handed down to "${group}"`, {
      hint: `Run "echo +${name} > ${dirname(group)}/cgroup.subtree_control".`,
      context: { controller: name, path: group, offered },
    });
  }
  try {
    writeControl(file, `+${name}`);
  } catch (error) {
    if (errnoName(error) === 'ENOENT') throw error;
    throw stepError('cgroup.enable', file, error, `controller "${name}"`);
  }
}

/** Without it usage is not counted, and nothing else: so a refusal (processes in the group, RT tasks) is no failure. */
function enableWanted(file: string, name: Controller): void {
  try {
    writeControl(file, `+${name}`);
  } catch (error) {
    if (!['EBUSY', 'EINVAL', 'EOPNOTSUPP', 'ENOENT', 'EPERM', 'EACCES', 'EROFS'].includes(errnoName(error) ?? ''))
      throw error;
  }
}

/**
 * v1 cpuset: new groups have no CPUs and no memory nodes, and can then not be joined; below a group with clone_children they have
 * their parent's from the start (cgroup-v1/cpusets.rst).
 */
function fillIfEmpty({ path, parents, fill }: CgroupCreateOp | CgroupShareOp): void {
  if (!fill.some((file) => (readControl(`${path}/${file}`) ?? '') === '')) return;
  for (const parent of parents) {
    fillFromParent(parent, fill);
    writeControl(`${parent}/cgroup.clone_children`, '1');
  }
  fillFromParent(path, fill);
}

function fillFromParent(path: string, files: readonly string[]): void {
  for (const file of files) {
    if (readControl(`${path}/${file}`) !== '') continue;
    const value = readControl(`${dirname(path)}/${file}`);
    if (value !== undefined && value !== '') writeControl(`${path}/${file}`, value);
  }
}

function leftover(path: string): Error {
  return zoneError('KERNEL_STEP_FAILED', `the cgroup "${path}" has processes that are left from before`, {
    hint: `See them with "cat ${path}/cgroup.procs", end them, and try again.`,
    context: { step: 'cgroup.create', syscall: 'rmdir', errno: 'EBUSY', path },
  });
}
