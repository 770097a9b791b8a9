/** One zone's record that cannot be read: what it is about is refused, everything else goes on. */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { expect } from 'chai';
import { bootZones } from '../../src/operations/boot-zones.js';
import { deleteZone } from '../../src/operations/delete-zone.js';
import type { HostContext } from '../../src/operations/host-context.js';
import { imageDelete, imagePrune } from '../../src/operations/image-delete.js';
import { imageImport } from '../../src/operations/image-import.js';
import { imageInspect } from '../../src/operations/image-inspect.js';
import { imageList } from '../../src/operations/image-list.js';
import { listZones } from '../../src/operations/list-zones.js';
import { listPorts } from '../../src/operations/port-list.js';
import { zonePaths } from '../../src/state/index.js';
import { listLayers } from '../../src/storage/index.js';
import { givenHost } from '../helpers/given.js';
import { patience } from '../helpers/patience.js';
import { takePort } from '../helpers/ports.js';
import { rawTar } from '../helpers/tar.js';

const contents = { 'no JSON': '{"version": 1, "spec"', 'nothing in it': '', 'no spec': '{"version":1}' };

describe('a zone whose record cannot be read', function () {
  this.timeout(patience(120_000));
  let whole = '';
  const recordPath = () => join(given.host.root, 'zones', 'broken', 'zone.json');
  // Before the host's own end, which reads every record.
  after(async () => {
    if ((await readdir(join(given.host.root, 'zones'))).includes('broken')) await writeFile(recordPath(), whole);
  });
  const given = givenHost({ ownImages: true }, async (host) => {
    const open = await host.open();
    await importImage(open.context, 'mine');
    await open.create({ name: 'good', image: 'mine', port: [`${await takePort()}:80`] });
    await open.create({ name: 'broken', image: 'mine' });
    await open.create({ name: 'wanted', image: 'sparse', autostart: 'yes', command: ['/bin/sleep', '60'] });
    whole = await readFile(zonePaths(open.context.roots, 'broken').record, 'utf8');
  });

  const importImage = (context: HostContext, name: string) =>
    imageImport(context, { name, source: Readable.from([rawTar({ name: 'etc/name', content: name })]) });

  const codeOf = (promise: Promise<unknown>) =>
    promise.then(
      (value) => `done: ${JSON.stringify(value)}`,
      (error: { code?: string; hint?: string }) => `${error.code}: ${error.hint}`,
    );

  for (const [what, text] of Object.entries(contents)) {
    it(`is listed as corrupt: ${what}`, async () => {
      const { context } = await given.host.open();
      await writeFile(recordPath(), text);
      const zones = await listZones(context);
      expect(zones.map(({ name, status }) => `${name} ${status}`)).to.deep.equal([
        'broken corrupt',
        'good stopped',
        'wanted stopped',
      ]);
      expect(zones[0]?.error?.code).to.equal('STATE_CORRUPT');
    });
  }

  it('keeps no image and no port from being shown', async () => {
    const { context } = await given.host.open();
    expect((await imageList(context)).map(({ zones }) => zones)).to.deep.equal([['good'], ['wanted']]);
    expect((await imageInspect(context, 'mine')).zones).to.deep.equal(['good']);
    expect((await listPorts(context)).map(({ zone }) => zone)).to.deep.equal(['good']);
  });

  it('keeps images and layers, since nobody knows which it needs', async () => {
    const { context } = await given.host.open();
    const layers = await listLayers(context.roots);
    for (const refused of [() => imagePrune(context), () => imageDelete(context, 'mine')]) {
      expect(await codeOf(refused())).to.match(/^STATE_CORRUPT: .*tszone delete --force broken/);
    }
    await importImage(context, 'other');
    expect(await listLayers(context.roots)).to.include.members(layers);
    expect((await imageList(context)).map(({ name }) => name)).to.include.members(['mine', 'other']);
  });

  it('keeps no other zone from starting with the machine, and is named', async () => {
    const { context } = await given.host.open();
    const results = await bootZones(context);
    expect(results.map(({ name, started, error }) => [name, started, error?.code])).to.deep.equal([
      ['broken', false, 'STATE_CORRUPT'],
      ['wanted', true, undefined],
    ]);
  });

  it('keeps no other zone from being deleted, and is deleted with --force', async () => {
    const host = await given.host.open();
    await (await host.zone('good')).delete();
    await (await host.zone('wanted')).delete({ force: true });
    await deleteZone(host.context, 'broken', { force: true });
    expect(await host.list()).to.deep.equal([]);
    expect(await codeOf(imagePrune(host.context))).to.match(/^done/);
  });
});
