/** Records of zones for the tests of this directory. */
import { mkdir } from 'node:fs/promises';
import { parseZoneOptions } from '../../../src/spec/index.js';
import { type Roots, type ZoneRecord, zonePaths } from '../../../src/state/index.js';

/** Its directory is made, too. */
export async function aRecord(roots: Roots, name: string): Promise<ZoneRecord> {
  await mkdir(zonePaths(roots, name).directory, { recursive: true });
  return {
    version: 1,
    spec: parseZoneOptions({ name, image: 'busybox' }),
    image: { name: 'busybox', kind: 'layers', layers: ['sha256:1'], arch: 'amd64', config: {} },
    ids: { base: 0x1000_0000, count: 65_536 },
    machineId: '0'.repeat(32),
    createdAtMs: 0,
    stoppedByUser: false,
    restarts: 0,
  };
}
