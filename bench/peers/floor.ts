/** floor.c: the same path through the kernel with nothing decided; and nsenter, the least that a command in a zone costs. */
import type { Command } from '../command.js';
import type { Place } from '../place.js';
import { memoryLimit, pidsLimit } from './peer.js';

function groupsOf({ groups: { directories, joinFile } }: Place, name: string): string[] {
  const limits = directories.flatMap((directory) => {
    const isV2 = joinFile === 'cgroup.procs';
    const memory = isV2 ? 'memory.max' : 'memory.limit_in_bytes';
    return [
      ...(isV2 || directory.includes('/memory/') ? [`${directory}/${name}/${memory}=${memoryLimit}`] : []),
      ...(isV2 || directory.includes('/pids/') ? [`${directory}/${name}/pids.max=${pidsLimit}`] : []),
    ];
  });
  const made = directories.map((directory) => `+${directory}/${name}`);
  return [...made, ...limits, ...directories.map((directory) => `@${directory}/${name}/${joinFile}`)];
}

export function floorRun(place: Place, network: boolean): Command {
  const { programs, rootfs, bridge } = place;
  const state = place.make('floor');
  const index = network ? String(bridge.index) : '0';
  return { argv: [programs.floor, 'run', rootfs, state, index, ...groupsOf(place, 'floor'), '--', '/bin/true'] };
}

/** Joins the bench's own groups, one a hierarchy, as `tszone exec` joins the zone's. */
export function floorExec({ programs, groups: { directories, joinFile } }: Place, pid: number): Command {
  const joins = directories.map((directory) => `@${directory}/exec/${joinFile}`);
  return { argv: [programs.floor, 'exec', String(pid), ...joins, '--', '/bin/true'] };
}

export const nsenter = (pid: number): Command => ({ argv: ['nsenter', '--all', '--target', String(pid), '/bin/true'] });
