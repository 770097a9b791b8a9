/** cpuset: `cpuset.cpus` on v1 and v2. An empty value stands for the parent's, which is copied. */
import type { ControllerRules } from './controller.js';

export const cpusetRules: ControllerRules = {
  controller: 'cpuset',
  purpose: 'cpu list',
  isAsked: ({ cpuset }) => (cpuset ?? '') !== '',
  v1: ({ cpuset }) => [{ file: 'cpuset.cpus', value: cpuset ?? '' }],
  v2: ({ cpuset }) => [{ file: 'cpuset.cpus', value: cpuset ?? '' }],
};

/** v1: a task cannot join a group in which one of these is empty (ENOSPC), and new groups have them empty. */
export const cpusetFillFiles = ['cpuset.cpus', 'cpuset.mems'] as const;
