/** Does and undoes state ops. */
import { mkdir, rm } from 'node:fs/promises';
import type { HostOpHandler } from '../spec/index.js';
import { leaseIds, releaseIds } from './id-register.js';
import { diskFull } from './json-file.js';
import type { StateOp } from './ops.js';
import { zonePaths } from './zone-paths.js';
import { writeZone } from './zones.js';

type Step<Op extends StateOp['op']> = (op: Extract<StateOp, { op: Op }>) => Promise<void>;
type Steps = { readonly [Op in StateOp['op']]: Step<Op> };

const nothing = async () => {};

const applySteps: Steps = {
  'state.mkdir': async ({ path, mode }) => {
    await mkdir(path, { recursive: true, mode }).catch((error: unknown) => {
      throw diskFull(error, path);
    });
  },
  'state.remove': ({ path }) => removeTree(path),
  'state.ids-lease': async ({ roots, zone }) => {
    await leaseIds(roots, zone);
  },
  'state.ids-release': ({ roots, zone }) => releaseIds(roots, zone),
  'state.zone-write': async ({ roots, record }) => {
    await writeZone(roots, { ...record, ids: await leaseIds(roots, record.spec.name) });
  },
};

const undoSteps: Steps = {
  'state.mkdir': ({ path }) => removeTree(path),
  'state.remove': nothing,
  'state.ids-lease': ({ roots, zone }) => releaseIds(roots, zone),
  'state.ids-release': nothing,
  'state.zone-write': ({ roots, record }) => removeTree(zonePaths(roots, record.spec.name).record),
};

async function removeTree(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true, maxRetries: 3 });
}

const descriptions: { readonly [Op in StateOp['op']]: (op: Extract<StateOp, { op: Op }>) => string } = {
  'state.mkdir': ({ path }) => `make directory ${path}`,
  'state.remove': ({ path }) => `remove ${path}`,
  'state.ids-lease': ({ zone }) => `lease a range of user ids for zone ${zone}`,
  'state.ids-release': ({ zone }) => `release the user ids of zone ${zone}`,
  'state.zone-write': ({ record }) => `record zone ${record.spec.name}`,
};

export const stateHandlers: HostOpHandler<StateOp> = {
  apply: (op) => (applySteps[op.op] as Step<StateOp['op']>)(op),
  undo: (op) => (undoSteps[op.op] as Step<StateOp['op']>)(op),
  describe: (op) => (descriptions[op.op] as (op: StateOp) => string)(op),
};
