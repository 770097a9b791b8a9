/** pids: `pids.max` on v1 and v2. Processes and threads alike; a fork beyond it fails with EAGAIN. */
import type { ControllerRules } from './controller.js';
import { isSet, numberOr } from './limits.js';

export const pidsRules: ControllerRules = {
  controller: 'pids',
  purpose: 'pids limit',
  isAsked: ({ pids }) => isSet(pids),
  v1: ({ pids }) => [{ file: 'pids.max', value: numberOr(pids, 'max') }],
  v2: ({ pids }) => [{ file: 'pids.max', value: numberOr(pids, 'max') }],
};
