/** Layers of a zone that have become too many: they are put together behind the answer, and whatever becomes of that, nothing is lost. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { observeBoundaries } from '../../src/operations/boundaries.js';
import { mostLayers, utmostLayers } from '../../src/operations/flatten-layers.js';
import { openHostContext } from '../../src/operations/host-context.js';
import { createSnapshot } from '../../src/operations/snapshot-create.js';
import { mountSnapshot, unmountSnapshot } from '../../src/operations/snapshot-mount.js';
import { pruneSnapshots } from '../../src/operations/snapshot-prune.js';
import { restoreSnapshot } from '../../src/operations/snapshot-restore.js';
import { readSnapshot, readZone, zonePaths } from '../../src/state/index.js';
import { lockLayers } from '../../src/storage/index.js';
import { nativeEntry, startProgram } from '../helpers/cli.js';
import { makeCrasher } from '../helpers/crash.js';
import { startEngine } from '../helpers/engine.js';
import { givenHost } from '../helpers/given.js';
import { eventually, patience } from '../helpers/patience.js';
import { sh } from '../helpers/temp-host.js';

describe('layers that have become too many', function () {
  this.timeout(patience(180_000));
  const given = givenHost({ images: ['busybox'] });
  const context = async () => (await given.host.open()).context;
  const layersOf = async (zone: string) => (await readZone((await context()).roots, zone)).storage?.layers ?? [];

  async function write(zone: string, name: string, text: string): Promise<void> {
    const at = join(zonePaths((await context()).roots, zone).directory, 'rootfs/upper/root');
    mkdirSync(at, { recursive: true });
    writeFileSync(join(at, name), text);
  }

  /** As many as there may be, and something is written on top of them. */
  async function bring(zone: string): Promise<void> {
    await given.host.ok(['create', zone, '--image', 'busybox', '--net', 'none']);
    for (let at = 0; at < mostLayers; at += 1) {
      await write(zone, `f${at % 5}`, `${at}`);
      await write(zone, 'all', `${at}`);
      await createSnapshot(await context(), zone, { name: `s${at}` });
    }
    expect(await layersOf(zone)).to.have.lengthOf(mostLayers);
    await write(zone, 'all', 'last');
  }

  async function look(zone: string): Promise<string> {
    const one = await (await given.host.open()).zone(zone);
    await one.start();
    const text = await sh(one, 'cd /root; grep . *; stat -c "%n %a %u/%g %Y" *');
    await one.stop({ force: true });
    return text;
  }

  const contentsOf = (looked: string) => looked.split('\n').filter((line) => line.includes(':'));
  const remove = (zone: string) => given.host.ok(['delete', '--force', zone]);

  it('become one behind the snapshot by which they do, which then shows the same', async () => {
    const host = await context();
    await bring('a');
    const shown = await look('a');
    expect(shown).to.match(/^all:last\nf0:15\nf1:11\n/);
    const seen: string[] = [];
    observeBoundaries(({ operation, step }) => seen.push(`${operation}: ${step}`));
    const left: Promise<string | undefined>[] = [];
    try {
      await createSnapshot(host, 'a', { name: 'last' }, { behind: (rest) => left.push(rest) });
      expect(seen).to.include('snapshot: record').and.include('flatten: left').and.not.include('flatten: journal');
      expect(await layersOf('a')).to.have.lengthOf(mostLayers + 1);
      expect(await Promise.all(left)).to.deep.equal([undefined]);
      expect(seen).to.include('flatten: merged');
    } finally {
      observeBoundaries(undefined);
    }
    const layers = await layersOf('a');
    expect(layers).to.have.lengthOf(1);
    expect((await readSnapshot(host.roots, 'a', 'last')).layers).to.deep.equal(layers);
    expect(await look('a')).to.equal(shown);
    for (const [name, all] of [
      ['last', 'last'],
      ['s3', '3'],
    ] as const) {
      await restoreSnapshot(host, { zone: 'a', snapshot: name });
      expect(await look('a')).to.match(new RegExp(`^all:${all}\n`));
    }
    await remove('a');
    expect(await pruneSnapshots(host)).to.deep.equal({ snapshots: [], layers: [] });
  });

  it('become one behind a clone, and an engine’s client does not wait for it', async () => {
    const { host } = given;
    const { roots } = await context();
    await bring('a');
    await using _engine = await startEngine(host);
    const journal = join(roots.root, 'journal/a.json');
    {
      // What it replaces is looked for under this lock.
      await using _layers = await lockLayers(roots);
      const snapshot = await startProgram(nativeEntry, ['snapshot', 'create', 'a@last'], { env: host.env }).ended;
      expect(snapshot).to.include({ status: 0, stdout: 'snapshot "a@last" is made\n' });
      expect(await layersOf('a').then(({ length }) => length)).to.be.oneOf([1, mostLayers + 1]);
      await eventually('the merge has come to its end', async () => (await layersOf('a')).length === 1);
      expect(existsSync(journal)).to.equal(true);
    }
    await eventually('what it replaces is gone', () => !existsSync(journal));
    await remove('a');
    await bring('a');
    const clone = await startProgram(nativeEntry, ['clone', 'a', 'b'], { env: host.env }).ended;
    expect(clone.status).to.equal(0);
    await eventually('the layers of the source are one', async () => (await layersOf('a')).length === 1);
    expect(await look('b')).to.equal(await look('a'));
    for (const zone of ['a', 'b']) await remove(zone);
    expect(await pruneSnapshots(await context())).to.deep.equal({ snapshots: [], layers: [] });
  });

  it('stay what they are if that is killed, and the next snapshot does it', async () => {
    const host = await context();
    await using crasher = await makeCrasher();
    const order = { operation: 'snapshot create', zone: { name: 'v', image: 'busybox' } } as const;
    await bring('v');
    const steps = await crasher.boundaries(given.host, order);
    const shown = contentsOf(await look('v'));
    expect(shown).to.include('all:last').and.have.lengthOf(6);
    await remove('v');
    for (const step of ['flatten: journal', 'flatten: apply storage.layer', 'flatten: merged']) {
      await bring('v');
      expect(await crasher.killAt(given.host, { ...order, at: steps.indexOf(step) }), step).to.equal(true);
      await openHostContext(given.host);
      expect(await layersOf('v'), step).to.have.lengthOf(mostLayers + 1);
      expect(await pruneSnapshots(host)).to.deep.equal({ snapshots: [], layers: [] });
      const { notes } = await createSnapshot(host, 'v', { name: 'next' });
      expect(notes.join()).to.match(/^the layers of zone "v" could not be put together yet/);
      expect(await layersOf('v'), step).to.have.lengthOf(1);
      expect(contentsOf(await look('v')), step).to.deep.equal(shown);
      await remove('v');
    }
    expect(await pruneSnapshots(host)).to.deep.equal({ snapshots: [], layers: [] });
  });

  it('are put together before the answer where that has failed all too often; a snapshot that somebody looks at keeps its own', async () => {
    const host = await context();
    await bring('a');
    const seen: string[] = [];
    let isBroken = true;
    observeBoundaries(({ operation, step }) => {
      seen.push(`${operation}: ${step}`);
      if (isBroken && operation === 'flatten' && step === 'merged') throw new Error('broken');
    });
    try {
      while ((await layersOf('a')).length < utmostLayers) {
        await write('a', 'all', 'again');
        const { notes } = await createSnapshot(host, 'a');
        expect(notes.at(-1)).to.match(/could not be put together, the next snapshot or clone tries again: broken$/);
      }
      await write('a', 'all', 'last');
      isBroken = false;
      seen.length = 0;
      await createSnapshot(host, 'a', { name: 'last' });
      expect(seen.indexOf('flatten: done')).to.be.within(0, seen.indexOf('snapshot: record'));
    } finally {
      observeBoundaries(undefined);
    }
    expect(await layersOf('a')).to.have.lengthOf(1);
    expect(await look('a')).to.match(/^all:last\n/);
    await remove('a');
    await bring('a');
    observeBoundaries(({ step }) => {
      if (step === 'merged') throw new Error('broken');
    });
    await createSnapshot(host, 'a', { name: 'seen' });
    observeBoundaries(undefined);
    const { path } = await mountSnapshot(host, { zone: 'a', snapshot: 'seen' }, undefined);
    await createSnapshot(host, 'a', { name: 'next' });
    expect(await layersOf('a')).to.have.lengthOf(1);
    expect((await readSnapshot(host.roots, 'a', 'seen')).layers).to.have.lengthOf(mostLayers + 1);
    expect(existsSync(join(path, 'root/all'))).to.equal(true);
    await unmountSnapshot(host, { zone: 'a', snapshot: 'seen' });
    await remove('a');
    expect(await pruneSnapshots(host)).to.deep.equal({ snapshots: [], layers: [] });
  });
});
