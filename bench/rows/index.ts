import { attachRow } from './attach.js';
import { execRow } from './exec.js';
import { lifeRow } from './life.js';
import { memoryRow } from './memory.js';
import type { Row } from './row.js';
import { runRow } from './run.js';

/** In the order in which they run. */
export const rows: readonly Row[] = [runRow, lifeRow, execRow, attachRow, memoryRow];
