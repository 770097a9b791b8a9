import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import {
  acquireJournalLocks,
  claimIds,
  dropJournal,
  findZone,
  hasJournal,
  type IdRange,
  type Journal,
  journaledZones,
  leaseAddresses,
  leaseIds,
  type NetworkRecord,
  pruneIds,
  type Roots,
  readJournals,
  readNetworks,
  releaseAddresses,
  releaseIds,
  updateNetworks,
  writeJournal,
  writeZone,
  zoneLeases,
  zonePaths,
} from '../../../src/state/index.js';
import { aRecord } from './records.js';

const lab: NetworkRecord = {
  name: 'lab',
  bridge: 'tzabc123b0',
  bridgeMac: '02:00:00:00:00:01',
  mtu: 1500,
  range4: '10.9.0.0/28',
  gateway4: '10.9.0.1',
  createdAtMs: 0,
};
const eth0 = { interfaceName: 'eth0' } as const;

describe('what a throw-away zone has of its own', () => {
  let directory: string;
  let roots: Roots;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'tszone-ephemeral-'));
    roots = { root: join(directory, 'root'), runRoot: join(directory, 'run'), instance: 'abc123' };
  });
  afterEach(() => rm(directory, { recursive: true }));

  const textOf = (path: string) => (existsSync(path) ? readFileSync(path, 'utf8') : '');

  describe('addresses', () => {
    const lasting = () => textOf(join(roots.root, 'leases.jsonl'));
    const runTime = () => join(roots.runRoot, 'leases.jsonl');
    beforeEach(() => updateNetworks(roots, (file) => [{ ...file, networks: [lab] }, undefined]));

    it('are never written to the disk, and known all the same', async () => {
      const before = lasting();
      const lease = await leaseAddresses(roots, 'lab', 'gone', { ...eth0, ephemeral: true });
      expect(lasting()).to.equal(before);
      expect(await zoneLeases(roots, 'gone')).to.deep.equal([lease]);
      expect((await readNetworks(roots)).leases).to.deep.equal([lease]);
    });

    it("are nobody else's, whichever kind of zone comes next", async () => {
      const leases = [
        await leaseAddresses(roots, 'lab', 'one', { ...eth0, ephemeral: true }),
        await leaseAddresses(roots, 'lab', 'two', eth0),
        await leaseAddresses(roots, 'lab', 'three', { ...eth0, ephemeral: true }),
        await leaseAddresses(roots, 'lab', 'four', eth0),
      ];
      expect(new Set(leases.map(({ ipv4 }) => ipv4)).size).to.equal(4);
      expect(new Set(leases.map(({ mac }) => mac)).size).to.equal(4);
    });

    it('leave no file when the last one is given back, and the others where they were', async () => {
      const kept = await leaseAddresses(roots, 'lab', 'kept', eth0);
      for (const zone of ['one', 'two']) await leaseAddresses(roots, 'lab', zone, { ...eth0, ephemeral: true });
      const before = lasting();
      await releaseAddresses(roots, 'one');
      expect(existsSync(runTime())).to.equal(true);
      await releaseAddresses(roots, 'two');
      expect(existsSync(runTime())).to.equal(false);
      expect(lasting()).to.equal(before);
      expect((await readNetworks(roots)).leases).to.deep.equal([kept]);
    });

    it('are gone after a reboot, those of lasting zones are not', async () => {
      const kept = await leaseAddresses(roots, 'lab', 'kept', eth0);
      await leaseAddresses(roots, 'lab', 'gone', { ...eth0, ephemeral: true });
      await rm(roots.runRoot, { recursive: true });
      expect((await readNetworks(roots)).leases).to.deep.equal([kept]);
    });

    it("of another root are another root's", async () => {
      const other = { root: join(directory, 'other'), runRoot: join(directory, 'other-run'), instance: 'def456' };
      await updateNetworks(other, (file) => [{ ...file, networks: [lab] }, undefined]);
      await leaseAddresses(roots, 'lab', 'web', { ...eth0, ephemeral: true });
      await leaseAddresses(other, 'lab', 'web', { ...eth0, ephemeral: true });
      await releaseAddresses(roots, 'web');
      expect((await readNetworks(roots)).leases).to.deep.equal([]);
      expect((await readNetworks(other)).leases).to.have.length(1);
    });
  });

  describe('user ids', () => {
    const register = () => join(directory, 'ids');
    const lasting = () => textOf(join(register(), 'ranges.jsonl'));
    const lease = (zone: string, ephemeral?: true, at = roots) =>
      leaseIds(at, zone, { directory: register(), ephemeral });

    it('are never written to the lasting register', async () => {
      await lease('kept');
      const before = lasting();
      const range = await lease('gone', true);
      expect(lasting()).to.equal(before);
      expect(await lease('gone', true)).to.deep.equal(range);
      await releaseIds(roots, 'gone', register());
      expect(lasting()).to.equal(before);
    });

    it('do not overlap with those of lasting zones, nor of other roots', async () => {
      const other = { ...roots, root: join(directory, 'other') };
      const ranges: IdRange[] = [
        await lease('one', true),
        await lease('one', undefined, other),
        await lease('two'),
        await lease('two', true, other),
      ];
      expect(new Set(ranges.map(({ base }) => base)).size).to.equal(4);
    });

    it('are claimed anew where they were lost, and never those of another', async () => {
      const range = await lease('gone', true);
      await rm(join(register(), 'run'), { recursive: true });
      const options = { directory: register(), ephemeral: true } as const;
      expect(await claimIds(roots, 'gone', range, options)).to.deep.equal(range);
      expect(lasting()).to.equal('');
      await rm(join(register(), 'run'), { recursive: true });
      const taken = await lease('new');
      expect(taken).to.deep.equal(range);
      expect((await claimIds(roots, 'gone', range, options)).base).not.to.equal(taken.base);
    });

    it('are dropped by doctor --fix when the zone is gone', async () => {
      const record = await aRecord(roots, 'there');
      await lease(record.spec.name, true);
      await lease('gone', true);
      const dropped = await pruneIds({ directory: register(), usedIds: async () => [] });
      expect(dropped.map(({ zone }) => zone)).to.deep.equal(['gone']);
      expect(textOf(join(register(), 'run', 'ranges.jsonl'))).to.include('there');
    });
  });

  describe('journals', () => {
    const life: Journal = {
      version: 1,
      operation: 'delete',
      zone: 'web',
      recovery: 'forward',
      completeIfRunning: false,
      keepWhileRunning: true,
      place: 'life',
      ops: [],
    };
    const start: Journal = {
      ...life,
      operation: 'start',
      recovery: 'back',
      completeIfRunning: true,
      keepWhileRunning: false,
      place: 'run',
    };

    it('of its life lie on the run-time side, beside that of a start, which is worked off first', async () => {
      await writeJournal(roots, life);
      await writeJournal(roots, start);
      expect(existsSync(join(roots.root, 'journal'))).to.equal(false);
      expect(await readdir(join(roots.runRoot, 'journal-life'))).to.deep.equal(['web.json']);
      expect((await readJournals(roots, 'web')).map(({ operation }) => operation)).to.deep.equal(['start', 'delete']);
      expect(await journaledZones(roots)).to.deep.equal(['web']);
    });

    it('are dropped each by itself', async () => {
      await writeJournal(roots, life);
      await writeJournal(roots, start);
      await dropJournal(roots, start);
      expect(await hasJournal(roots, 'web', 'life')).to.equal(true);
      expect(await hasJournal(roots, 'web', 'run')).to.equal(false);
      await dropJournal(roots, life);
      expect(await journaledZones(roots)).to.deep.equal([]);
    });

    it('need only the lock of their zone', async () => {
      await writeJournal(roots, life);
      await using locks = await acquireJournalLocks(roots, 'web', {});
      expect(locks.zones).to.deep.equal(['web']);
    });
  });

  describe('the record', () => {
    it('is a link to the run-time side, which a reboot leaves leading nowhere', async () => {
      const record = await aRecord(roots, 'web');
      const ephemeral = { ...record, spec: { ...record.spec, ephemeral: true } };
      await writeZone(roots, ephemeral);
      await writeZone(roots, { ...ephemeral, restarts: 1 });
      expect((await findZone(roots, 'web'))?.restarts).to.equal(1);
      expect(textOf(zonePaths(roots, 'web').runRecord)).to.include('"restarts":1');
      await rm(roots.runRoot, { recursive: true });
      expect(await findZone(roots, 'web')).to.equal(undefined);
    });
  });
});
