/** Ids of zones that only a test has: far from where those of real zones begin, and not those of a run beside this one. */
import { idsPerZone } from '../../src/state/index.js';

export const farIds = { base: 0x6f00_0000 + (process.pid % 0x100) * idsPerZone, count: idsPerZone } as const;
