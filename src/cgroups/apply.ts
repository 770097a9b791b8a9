/** Does and undoes cgroup ops. */
import { chownSync, existsSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { zoneError } from '../errors/index.js';
import type { HostOpHandler } from '../spec/host-op.js';
import { startDelegate } from './delegate.js';
import { changeDevices, restrictDevices } from './device-list.js';
import { changedRules, formatRule, parseRule } from './device-rule.js';
import { errnoName, readControl, stepError, writeControl } from './kernel-file.js';
import { createGroup, handDown, shareGroup } from './make.js';
import type { CgroupDevicesChangeOp, CgroupOp, CgroupOwnOp, CgroupSumOp, CgroupWriteOp } from './ops.js';
import { groupTree, removeIfEmpty, removeTree } from './remove.js';

/** `undo` needs nothing but the op; what others share (parents, monitors, the systemd unit) is removed only when it is empty, or never. */
export const cgroupHandlers: HostOpHandler<CgroupOp> = { apply, undo, describe };

async function apply(op: CgroupOp): Promise<void> {
  switch (op.op) {
    case 'cgroup.delegate':
      return startDelegate(op);
    case 'cgroup.create':
      return createGroup(op);
    case 'cgroup.share':
      return shareGroup(op);
    case 'cgroup.write':
      return write(op, op.value);
    case 'cgroup.own':
      return own(op);
    case 'cgroup.devices':
      return restrictDevices(op);
    case 'cgroup.devices-change':
      return changeDevices(op.path, op.version, op.after);
    case 'cgroup.enable':
      return handDown(op.paths, op);
    case 'cgroup.sum':
      return sum(op);
  }
}

async function undo(op: CgroupOp): Promise<void> {
  switch (op.op) {
    case 'cgroup.create':
      await removeTree(op.path);
      return removeIfEmpty([...op.parents].reverse());
    case 'cgroup.write':
      if (op.previous !== undefined && existsSync(op.path)) write(op, op.previous);
      return;
    case 'cgroup.sum':
      return sum(op);
    case 'cgroup.devices-change':
      if (existsSync(op.path)) await changeDevices(op.path, op.version, op.before);
      return;
    case 'cgroup.delegate':
    case 'cgroup.share':
    case 'cgroup.own':
    case 'cgroup.devices':
    case 'cgroup.enable':
      return;
  }
}

function describe(op: CgroupOp): string {
  switch (op.op) {
    case 'cgroup.delegate':
      return `start systemd unit ${op.unit} in ${op.slice} for ${op.path}`;
    case 'cgroup.create':
      return `create cgroup ${op.path}`;
    case 'cgroup.share':
      return `create shared cgroup ${op.path}`;
    case 'cgroup.write':
      return `write ${op.value === '' ? "the parent's value" : op.value} to ${op.path}`;
    case 'cgroup.own':
      return `give ${op.path} to user ${op.uid}, who may make groups below it`;
    case 'cgroup.devices':
      return `allow ${op.allow.join(', ')} and no other device in ${op.path}`;
    case 'cgroup.devices-change':
      return `${changedDevices(op)} in ${op.path}`;
    case 'cgroup.enable':
      return `hand ${[...op.required, ...op.wanted].join(', ')} down to ${op.paths.at(-1) ?? ''}`;
    case 'cgroup.sum':
      return `make ${op.path}/${op.file} the sum of the groups below`;
  }
}

function changedDevices({ before, after }: CgroupDevicesChangeOp): string {
  const { deny, allow } = changedRules(before.map(parseRule), after.map(parseRule));
  const parts = [
    ...(deny.length === 0 ? [] : [`refuse ${deny.map(formatRule).join(', ')}`]),
    ...(allow.length === 0 ? [] : [`allow ${allow.map(formatRule).join(', ')}`]),
  ];
  return parts.length === 0 ? 'write the list of devices anew' : parts.join(' and ');
}

function write(op: CgroupWriteOp, value: string): void {
  try {
    writeControl(op.path, value === '' ? inherited(op.path) : value);
  } catch (error) {
    if (errnoName(error) !== 'ENOENT') throw stepError('cgroup.write', op.path, error, op.purpose);
    throw zoneError(
      'CGROUP_CONTROLLER_MISSING',
      `a ${op.purpose} needs "${basename(op.path)}" of the cgroup controller "${op.controller}"`,
      {
        hint: `See whether the kernel has it: "ls ${dirname(op.path)}"; a container has only what its host hands down.`,
        context: { controller: op.controller, step: 'cgroup.write', errno: 'ENOENT', path: op.path },
        cause: error,
      },
    );
  }
}

/** Of the controllers' files none: they hold the zone's own limits (cgroups(7), "Cgroups v2 delegation"). */
function own({ path, uid, gid, files }: CgroupOwnOp): void {
  try {
    chownSync(path, uid, gid);
    for (const file of files) if (existsSync(`${path}/${file}`)) chownSync(`${path}/${file}`, uid, gid);
  } catch (error) {
    throw stepError('cgroup.own', path, error);
  }
}

/** An empty cpu list is "as the parent", but neither version takes it where processes are (ENOSPC): the parent's is copied. */
function inherited(path: string): string {
  const above = `${dirname(dirname(path))}/${basename(path)}`;
  return readControl(`${above}.effective`) ?? readControl(above) ?? '';
}

function sum({ path, file }: CgroupSumOp): void {
  const [own, ...below] = groupTree(path).reverse();
  const children = below.filter((group) => dirname(group) === own);
  const values = children.map((group) => readControl(`${group}/${file}`) ?? '0');
  const total = values.includes('max') ? 'max' : String(values.reduce((sum, value) => sum + Number(value), 0));
  try {
    if (own !== undefined) writeControl(`${path}/${file}`, total);
  } catch (error) {
    throw stepError('cgroup.sum', `${path}/${file}`, error, 'memory guarantee');
  }
}
