/** Removing groups: deepest first, and only ever empty ones. */
import { closeSync, constants, existsSync, openSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { zoneError } from '../errors/index.js';
import type { CgroupLayout } from '../host/facts.js';
import { hierarchies } from './groups.js';
import { errnoName, readControl, removeGroup, stepError } from './kernel-file.js';
import { withUnified } from './own.js';

/**
 * A group can be busy for a moment after its last process is gone from the list (v1: its zombie is not yet reaped), and so it is by those that
 * are killed and on their way out, for which a machine that is busy takes its time. Others stay: after some looks one need not wait.
 */
const busyRetries = 500;
const busyPauseMs = 10;
const livingRetries = 5;

/** The group and all below it, deepest first; nothing if it is not there. */
export function groupTree(path: string): string[] {
  if (!existsSync(path)) return [];
  let entries: { readonly name: string; isDirectory(): boolean }[];
  try {
    entries = readdirSync(path, { withFileTypes: true });
  } catch (error) {
    if (errnoName(error) === 'ENOENT') return [];
    throw error;
  }
  return [
    ...entries.filter((entry) => entry.isDirectory()).flatMap((entry) => groupTree(`${path}/${entry.name}`)),
    path,
  ];
}

/** True if there is a process in it or below it. */
export function hasProcesses(path: string): boolean {
  return groupTree(path).some((group) => (readControl(`${group}/cgroup.procs`) ?? '') !== '');
}

/** True if there is one in it or below it that is not dying. */
function hasLiving(path: string): boolean {
  const pids = groupTree(path).flatMap((group) => (readControl(`${group}/cgroup.procs`) ?? '').split('\n'));
  // 0: of another pid namespace.
  return pids.some((pid) => pid !== '' && (pid === '0' || !isDying(pid)));
}

/** SIGKILL is on its way to it, or it is past that: proc_pid_stat(5), `flags` with PF_EXITING. */
function isDying(pid: string): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const [state = '', , , , , , flags] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (/[ZX]/.test(state) || (Number(flags) & 4) !== 0) return true;
    const pending = readFileSync(`/proc/${pid}/status`, 'utf8').matchAll(/^(?:SigPnd|ShdPnd):\s*([0-9a-f]+)$/gm);
    return [...pending].some(([, bits = '0']) => (BigInt(`0x${bits}`) & 0x100n) !== 0n);
  } catch {
    // Gone meanwhile.
    return true;
  }
}

/** Already gone is success. @throws KERNEL_STEP_FAILED (EBUSY) while it has processes that live. */
export async function removeTree(path: string): Promise<void> {
  try {
    try {
      removeEmpty(path);
    } catch (error) {
      // Somebody else removes them, too.
      if (errnoName(error) !== 'ENOENT') throw error;
    }
    for (const group of groupTree(path)) await removeOne(group);
  } catch (error) {
    throw stepError('cgroup.remove', path, error);
  }
}

/**
 * All that is empty. A zone that may make groups can make them so deep that no path leads there: each is named from the one above. What
 * processes keep stays, and what is above it.
 */
function removeEmpty(path: string): void {
  if (!existsSync(path)) return;
  let at = openSync(path, directoryFlags);
  try {
    for (let depth = 0; ; ) {
      const here = `/proc/self/fd/${at}`;
      const stuck = groupsIn(here).filter((name) => !removeGroup(`${here}/${name}`));
      if (stuck.length === 0 && depth === 0) return;
      const next = stuck.length === 0 ? '..' : stuck.find((name) => groupsIn(`${here}/${name}`).length > 0);
      if (next === undefined) return;
      const fd = openSync(`${here}/${next}`, directoryFlags);
      closeSync(at);
      at = fd;
      depth += next === '..' ? -1 : 1;
    }
  } finally {
    closeSync(at);
  }
}

const directoryFlags = constants.O_RDONLY | constants.O_DIRECTORY;

function groupsIn(path: string): string[] {
  return readdirSync(path, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name);
}

async function removeOne(group: string): Promise<void> {
  for (let attempt = 0; !removeGroup(group); attempt++) {
    if (attempt < busyRetries && (attempt < livingRetries || !hasLiving(group))) {
      await sleep(busyPauseMs);
      continue;
    }
    throw zoneError('KERNEL_STEP_FAILED', `the cgroup "${group}" cannot be removed: it has processes`, {
      hint: `See them with "cat ${group}/cgroup.procs"; "tszone stop --force" ends a zone's.`,
      context: { step: 'cgroup.remove', syscall: 'rmdir', errno: 'EBUSY', path: group },
    });
  }
}

/** Groups that would have been removed because they were empty: once an engine has said that it will want them again. */
let kept: Set<string> | undefined;

/** From now on the groups that zones share stay when the last zone of a root ends: the next one need not make them again. */
export function keepSharedGroups(): void {
  kept ??= new Set();
}

/** Removes those that were kept and are still empty. */
export function dropKeptGroups(): void {
  const paths = [...(kept ?? [])].toSorted((a, b) => b.length - a.length);
  kept = undefined;
  removeIfEmpty(paths);
}

/** Empty groups of these, innermost first; those in use stay. */
export function removeIfEmpty(paths: readonly string[]): void {
  if (kept !== undefined) {
    for (const path of paths) kept.add(path);
    return;
  }
  for (const path of paths) {
    // A link for each group below: what is not there or in use is seen without an error, which costs more than the call.
    const links = statSync(path, { throwIfNoEntry: false })?.nlink;
    if (links === undefined || links > 2) continue;
    try {
      removeGroup(path);
    } catch (error) {
      if (errnoName(error) === undefined) throw error;
    }
  }
}

/**
 * With the last zone of a root: the groups that its zones shared. Best effort; a start that runs at the same time makes them
 * again; while the root has zones, the first hierarchy says so for all. `tszone/monitors` stays: a helper that is about to move into it could not make it again.
 */
export function removeSharedGroups(layout: CgroupLayout, instance: string): void {
  for (const { top } of hierarchies(withUnified(layout))) {
    const shared = `${top}/tszone/${instance}`;
    if (kept !== undefined) {
      kept.add(shared);
      continue;
    }
    if (existsSync(shared) && !removeGroup(shared)) return;
    if (!existsSync(`${top}/tszone/monitors`)) removeIfEmpty([`${top}/tszone`]);
  }
}
