/** Steering what runs in a zone: its processes, frozen or thawed, and the end of all of them. */
import { setTimeout as sleep } from 'node:timers/promises';
import { zoneError } from '../errors/index.js';
import { isFreezeRequested, isFrozen, requestFrozen, thawFile } from './freezer.js';
import { groupOf, mainGroup, type ZoneGroup, type ZoneRef, zoneGroups } from './groups.js';
import { errnoName, readControl, stepError, writeControl } from './kernel-file.js';
import type { CgroupWriteOp } from './ops.js';
import { groupTree } from './remove.js';

export interface WaitOptions {
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal | undefined;
}

const defaultTimeoutMs = 10_000;
const firstPauseMs = 1;
const longestPauseMs = 50;

/** Host pids of all processes in the zone's group and below it; empty if there is no group. */
export function zonePids(ref: ZoneRef): number[] {
  const group = mainGroup(zoneGroups(ref));
  return group === undefined ? [] : pidsBelow(group.path);
}

/** cgroup.procs of each group of the tree. A 0 is a process of another pid namespace, which cannot be named here. */
export function pidsBelow(path: string): number[] {
  const texts = groupTree(path).map((group) => readControl(`${group}/cgroup.procs`) ?? '');
  return [...new Set(texts.flatMap((text) => text.split('\n')).map(Number))].filter((pid) => pid > 0);
}

/** Returns when every process stands still. @throws WAIT_TIMEOUT, then thawed again; CGROUP_CONTROLLER_MISSING. */
export async function freezeZone(ref: ZoneRef, options: WaitOptions = {}): Promise<void> {
  const group = freezerGroup(ref);
  request(group, true);
  try {
    await until(() => isFrozen(group), { ...options, what: `zone "${ref.zone}" to freeze` });
  } catch (error) {
    request(group, false);
    throw error;
  }
}

/** Nothing if it is not frozen. @throws WAIT_TIMEOUT, CGROUP_CONTROLLER_MISSING. */
export async function thawZone(ref: ZoneRef, options: WaitOptions = {}): Promise<void> {
  const group = freezerGroup(ref);
  request(group, false);
  await until(() => !isFrozen(group), { ...options, what: `zone "${ref.zone}" to thaw` });
}

/** For a journal: whoever finds it lets the zone run on. @throws CGROUP_CONTROLLER_MISSING */
export function planThaw(ref: ZoneRef): CgroupWriteOp {
  const { path, value } = thawFile(freezerGroup(ref));
  return { op: 'cgroup.write', path, value, previous: value, purpose: 'thaw', controller: 'freezer' };
}

/** False also if the zone has no group, or the host no freezer. */
export function isZoneFrozen(ref: ZoneRef): boolean {
  const group = groupOf(zoneGroups(ref), 'freezer');
  return group !== undefined && isFrozen(group);
}

/**
 * Kills every process of the zone and returns when none is left. Frozen ones are thawed: on v1 they do not die otherwise.
 *
 * @throws WAIT_TIMEOUT
 */
export async function killZone(ref: ZoneRef, options: WaitOptions = {}): Promise<void> {
  const main = mainGroup(zoneGroups(ref));
  if (main === undefined) return;
  const freezer = groupOf(zoneGroups(ref), 'freezer');
  if (freezer !== undefined && isFreezeRequested(freezer)) request(freezer, false);
  const isEmpty = () => pidsBelow(main.path).length === 0;
  if (isEmpty()) return;
  killAll(main);
  await until(
    () => {
      if (isEmpty()) return true;
      // v1: what was forked while we read the list.
      if (main.version === 1) killAll(main);
      return false;
    },
    { ...options, what: `the processes of zone "${ref.zone}" to end` },
  );
}

/** v2: cgroup.kill (5.14) takes also what forks meanwhile. */
function killAll({ version, path }: ZoneGroup): void {
  if (version === 2 && killTree(path)) return;
  for (const pid of pidsBelow(path)) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch (error) {
      if (errnoName(error) !== 'ESRCH') throw stepError('cgroup.kill', path, error);
    }
  }
}

/** False if the kernel has no cgroup.kill. */
function killTree(path: string): boolean {
  try {
    writeControl(`${path}/cgroup.kill`, '1');
    return true;
  } catch (error) {
    if (errnoName(error) === 'ENOENT') return false;
    throw stepError('cgroup.kill', path, error);
  }
}

function freezerGroup(ref: ZoneRef): ZoneGroup {
  const group = groupOf(zoneGroups(ref), 'freezer');
  if (group !== undefined) return group;
  throw zoneError(
    'CGROUP_CONTROLLER_MISSING',
    `zone "${ref.zone}" cannot be frozen: the host has no cgroup controller "freezer"`,
    {
      hint:
        ref.layout.devicesAbove === true
          ? 'A zone on cgroup v1 is given no freezer: on the host, pause the zone around it.'
          : 'Run "mkdir -p /sys/fs/cgroup/freezer && mount -t cgroup -o freezer cgroup /sys/fs/cgroup/freezer".',
      context: { controller: 'freezer' },
    },
  );
}

function request(group: ZoneGroup, frozen: boolean): void {
  try {
    requestFrozen(group, frozen);
  } catch (error) {
    if (!frozen && errnoName(error) === 'ENOENT') return;
    throw stepError(frozen ? 'cgroup.freeze' : 'cgroup.thaw', group.path, error);
  }
}

async function until(
  isDone: () => boolean,
  { timeoutMs = defaultTimeoutMs, signal, what }: WaitOptions & { readonly what: string },
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  for (let pauseMs = firstPauseMs; !isDone(); pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
    if (performance.now() >= deadline) {
      throw zoneError('WAIT_TIMEOUT', `waited ${timeoutMs} ms for ${what}`, {
        hint: 'Pass a longer --timeout, or look for processes in uninterruptible sleep with "tszone ps".',
        context: { timeoutMs },
      });
    }
    await sleep(pauseMs, undefined, signal === undefined ? {} : { signal });
  }
}
