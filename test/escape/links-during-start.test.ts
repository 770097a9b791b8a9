/** Links in a zone's root, and links that are swapped while it starts (CVE-2021-30465). */
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { EnterOp } from '../../src/helper/index.js';
import { type Altered, inFrontOf, startAltered } from '../helpers/altered-zone.js';
import { attackMount } from '../helpers/attack-programs.js';
import { givenHost } from '../helpers/given.js';

const note: EnterOp = { op: 'file.write', path: '/into/note', mode: '0644', marker: '', content: 'written\n' };
const withNote = inFrontOf('root.pivot', note);

describe('CVE-2021-30465: links in a root lead out while the zone starts', () => {
  let outside: string;
  let shared: string;
  const given = givenHost({ images: ['busybox'], needs: ['gcc', 'x86_64'] }, async (host) => {
    shared = await host.file('shared');
    // Closed to nobody: what keeps a zone out is how its paths are looked up.
    outside = await mkdtemp(join(tmpdir(), 'tszone-outside-'));
    await chmod(outside, 0o777);
  });
  after(() => rm(outside, { recursive: true, force: true }));
  afterEach(() => rm(join(outside, 'note'), { force: true }));

  /** Starts a zone in whose own files /into is a link. */
  async function startWithLink(target: string, options: Altered = {}): Promise<void> {
    const files = (upper: string) => symlink(target, join(upper, 'into'));
    const spec = { name: 'links', image: 'busybox' };
    const started = startAltered(given.host, spec, { ...options, enter: withNote, files });
    await using _zone = await started.catch(() => ({ [Symbol.asyncDispose]: async () => {} }));
  }

  it('what is written for the zone stays in its root', async () => {
    for (const target of [outside, `../../../../../../../..${outside}`, `/proc/self/root${outside}`, '/proc/1/cwd']) {
      await startWithLink(target);
      expect(await readdir(outside), target).to.deep.equal([]);
    }
  });

  it('gets through without RESOLVE_IN_ROOT in file.write', async () => {
    await startWithLink(outside, { tamper: ['naive', '/into'] });
    expect(await readFile(join(outside, 'note'), 'utf8')).to.equal('written\n');
  });

  /**
   * Starts zones with a mount below a directory in which another one swaps a directory and a link, at least so often, and until one is where
   * it is looked for: which of both a start meets is chance.
   *
   * @returns where the mounts are
   */
  async function race(sought: string, options: Altered = {}): Promise<string[]> {
    for (const name of ['sub', 'link']) await rm(join(shared, name), { recursive: true, force: true });
    await mkdir(join(shared, 'sub'));
    await symlink(outside, join(shared, 'link'));
    const programs = await attackMount('flip');
    const { host } = given;
    await using swapper = await host.run({
      name: 'swaps',
      image: 'busybox',
      net: 'none',
      mount: [programs, `${shared}:/shared`],
    });
    const swapping = swapper.exec(['/attack/flip', '/shared/sub', '/shared/link', '600']);
    swapping.then(
      () => {},
      () => {},
    );
    const places: string[] = [];
    const mount = [`${shared}:/shared`, `${await host.file('source')}:/shared/sub`];
    for (let n = 0; n < 8 || (n < 80 && !places.includes(sought)); n += 1) {
      const spec = { name: 'mounts', image: 'busybox', mount };
      await using zone = await startAltered(host, spec, options).catch(() => undefined);
      if (zone === undefined) continue;
      const { pid } = await zone.inspect();
      const info = await readFile(`/proc/${pid}/mountinfo`, 'utf8');
      places.push(
        info
          .split('\n')
          .find((line) => line.includes('/source '))
          ?.split(' ')[4] ?? 'elsewhere',
      );
    }
    return places;
  }

  it('a mount lands in the root, whatever its place is swapped with meanwhile', async () => {
    const places = await race('/shared/sub');
    expect(places, 'both were met').to.include('/shared/sub');
    for (const place of places) expect(['/shared/sub', '/shared/link', outside]).to.include(place);
    expect(await readdir(outside)).to.deep.equal([]);
  });

  it('gets through without RESOLVE_IN_ROOT in mnt.tree', async () => {
    const places = await race('elsewhere', { tamper: ['naive', '/shared/sub'] });
    expect(places).to.include('elsewhere');
  });
});
