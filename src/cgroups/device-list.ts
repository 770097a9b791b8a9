/** Writing lists of devices: v1's control files, and v2's program on a group that lives. */
import { type EnterOp, spawnSession } from '../helper/index.js';
import { deviceProgram } from './device-program.js';
import { changedRules, type DeviceRule, formatRule, parseRule } from './device-rule.js';
import { readControl, stepError, writeControl, writeControls } from './kernel-file.js';
import type { CgroupDevicesOp } from './ops.js';
import { groupTree } from './remove.js';

/** `a` empties the list; each write of devices.allow adds one rule, and the kernel reads no further than one. */
export function restrictDevices({ path, allow }: CgroupDevicesOp): void {
  try {
    writeControl(`${path}/devices.deny`, 'a');
    writeControls(`${path}/devices.allow`, allow);
  } catch (error) {
    throw stepError('cgroup.devices', path, error, 'device list');
  }
}

/** At no moment is anything allowed or refused that is neither before nor after. */
export async function changeDevices(path: string, version: 1 | 2, texts: readonly string[]): Promise<void> {
  const rules = texts.map(parseRule);
  if (version === 2) return replaceProgram(path, rules);
  try {
    // Topmost first: a group below can be given only what the one above has. What is taken is taken below, too.
    for (const group of groupTree(path).reverse()) changeList(group, rules);
  } catch (error) {
    throw stepError('cgroup.devices', path, error, 'device list');
  }
}

function changeList(group: string, rules: readonly DeviceRule[]): void {
  const listed = readControl(`${group}/devices.list`)?.split('\n') ?? [];
  const current = listed.filter((line) => line !== '').map(parseRule);
  const { deny, allow } = changedRules(current, rules);
  if (deny.length > 0) writeControls(`${group}/devices.deny`, deny.map(formatRule));
  if (allow.length > 0) writeControls(`${group}/devices.allow`, allow.map(formatRule));
}

async function replaceProgram(path: string, rules: readonly DeviceRule[]): Promise<void> {
  await using session = spawnSession('apply', [programOp(path, rules)]);
  await session.expect('exited');
}

/** For the helper. */
export function programOp(path: string, rules: readonly DeviceRule[]): EnterOp {
  return { op: 'cgroup.program', path, hex: deviceProgram(rules).toString('hex') };
}
