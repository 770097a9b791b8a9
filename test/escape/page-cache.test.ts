/** A file that a zone may only read is the host's own, down to the pages in memory (what CVE-2022-0847 broke). */
import { readFile, stat } from 'node:fs/promises';
import { expect } from 'chai';
import { type Alter, startAltered, withoutWord } from '../helpers/altered-zone.js';
import { attackMount } from '../helpers/attack-programs.js';
import { givenHost } from '../helpers/given.js';
import { sh } from '../helpers/temp-host.js';

describe('CVE-2022-0847: the pages of a file that is mounted read-only are written', () => {
  const given = givenHost({ images: ['busybox'], needs: ['gcc'] });
  async function attack(enter?: Alter): Promise<{ said: string; isChanged: boolean; isShared: boolean }> {
    const path = await given.host.file('fixed', 'stays as it is\n');
    const mount = [await attackMount('dirty'), `${path}:/fixed:ro`];
    const spec = { name: 'writes', image: 'busybox', mount, capAdd: ['ALL' as const] };
    await using zone = await startAltered(given.host, spec, enter === undefined ? {} : { enter });
    const inode = await sh(zone, 'stat -c %i /fixed');
    const said = await sh(zone, '/attack/dirty /fixed');
    const isChanged = (await readFile(path, 'utf8')) !== 'stays as it is\n';
    return { said, isChanged, isShared: inode === String((await stat(path)).ino) };
  }

  it('no way leads to them, although they are the same', async () => {
    expect(await attack()).to.deep.equal({ said: 'done', isChanged: false, isShared: true });
  });

  it('gets through without "readonly" in tree.open', async () => {
    const { said, isChanged } = await attack(withoutWord('tree.open', 'flags', 'readonly'));
    expect(said)
      .to.match(/^wrote by open$/m)
      .and.match(/^wrote by truncate$/m);
    expect(isChanged).to.equal(true);
  });
});
