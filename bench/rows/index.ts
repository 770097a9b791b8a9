import { attachRow } from './attach.js';
import { backupRow } from './backup.js';
import { claimRow } from './claim.js';
import { execRow } from './exec.js';
import { exportRow } from './export.js';
import { floorsRow } from './floors.js';
import { lifeRow } from './life.js';
import { manyOfOneRow } from './many-of-one.js';
import { memoryRow } from './memory.js';
import { bootRow, parallelRow } from './parallel.js';
import type { Row } from './row.js';
import { runRow } from './run.js';
import { scaleRow } from './scale.js';
import { snapshotsRow } from './snapshots.js';
import { unpackRow } from './unpack.js';

/** In the order in which they run. */
export const rows: readonly Row[] = [
  floorsRow,
  runRow,
  lifeRow,
  execRow,
  claimRow,
  attachRow,
  memoryRow,
  parallelRow,
  bootRow,
  exportRow,
  backupRow,
  scaleRow,
  unpackRow,
  snapshotsRow,
  manyOfOneRow,
];
