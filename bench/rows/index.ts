import { execRow } from './exec.js';
import type { Row } from './row.js';
import { runRow } from './run.js';

/** In the order in which they run. */
export const rows: readonly Row[] = [runRow, execRow];
