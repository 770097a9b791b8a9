/** No byte is free below the root: what gives space back still works. */
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { hasCode } from '../../src/errors/index.js';
import { createZone } from '../../src/operations/create-zone.js';
import { deleteZone } from '../../src/operations/delete-zone.js';
import { openHostContext } from '../../src/operations/host-context.js';
import { listZones } from '../../src/operations/list-zones.js';
import { dropJournal, type Journal, openRoots, releaseReserve, writeJournal } from '../../src/state/index.js';
import { runProgram } from '../helpers/cli.js';
import { noteHost } from '../helpers/leaks.js';
import { requires } from '../helpers/requires.js';
import { fillDisk } from '../helpers/small-disk.js';
import { tempHost } from '../helpers/temp-host.js';

const journal: Journal = {
  version: 1,
  operation: 'delete',
  zone: 'web',
  recovery: 'forward',
  completeIfRunning: false,
  place: 'disk',
  ops: [],
};

describe('a full disk', () => {
  let directory: string;
  const empty = () => rm(join(directory, 'filler'), { recursive: true, force: true });
  let paths: { root: string; runRoot: string };
  let parent: Awaited<ReturnType<typeof tempHost>>;
  before(async function make(this: Mocha.Context) {
    requires('root').call(this);
    parent = await tempHost();
    directory = join(parent.directory, 'small');
    await mkdir(directory);
    await runProgram('mount', ['-t', 'tmpfs', '-o', 'size=16m,mode=700', 'none', directory]);
    paths = { root: join(directory, 'root'), runRoot: join(directory, 'run') };
    noteHost({ instance: (await openRoots(paths)).instance, directory });
  });
  after(async () => {
    const host = await openHostContext(paths);
    for (const { name } of await listZones(host)) await deleteZone(host, name);
    await runProgram('umount', [directory]);
    await parent[Symbol.asyncDispose]();
  });
  afterEach(empty);

  it('has room for a journal once the reserve is given up, and a reserve again when there is room', async () => {
    const roots = await openRoots(paths);
    fillDisk(join(directory, 'filler'));
    for (const place of ['disk', 'run'] as const) {
      const refused = await writeJournal(roots, { ...journal, place }).catch((error: unknown) => error);
      expect(hasCode(refused, 'RESOURCE_DISK_FULL'), String(refused)).to.equal(true);
    }
    expect(await releaseReserve(roots)).to.equal(true);
    for (const place of ['disk', 'run'] as const) {
      await writeJournal(roots, { ...journal, place });
      await dropJournal(roots, { ...journal, place });
    }
    expect(await releaseReserve(roots)).to.equal(false);
    await openRoots(paths);
    expect(await readdir(roots.root)).to.not.include('reserve');
    expect((await readdir(roots.root)).filter((name) => name.endsWith('.tmp'))).to.deep.equal([]);
    await empty();
    await openRoots(paths);
    expect(await readdir(roots.root)).to.include('reserve');
  });

  it('lets zones be deleted', async () => {
    const host = await openHostContext(paths);
    for (const name of ['one', 'two']) await createZone(host, { name, image: 'sparse' });
    for (const name of ['one', 'two']) {
      fillDisk(join(directory, 'filler'));
      expect(await deleteZone(await openHostContext(paths), name)).to.deep.equal({ name, deleted: true });
    }
    expect(await listZones(host)).to.deep.equal([]);
    expect(await readdir(join(paths.root, 'journal'))).to.deep.equal([]);
  });
});
