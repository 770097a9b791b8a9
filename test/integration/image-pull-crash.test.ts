/** kill -9 and a full disk at every step of a pull: what is there is whole, what is not is taken up or gone, and the next pull finishes. */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import { type HostContext, openHostContext } from '../../src/operations/host-context.js';
import { imageDelete, imagePrune } from '../../src/operations/image-delete.js';
import { imageInspect } from '../../src/operations/image-inspect.js';
import { imageList } from '../../src/operations/image-list.js';
import { imagePull } from '../../src/operations/image-pull.js';
import { imageVerify } from '../../src/operations/image-verify.js';
import { type Crasher, makeCrasher } from '../helpers/crash.js';
import { type FakeRegistry, fakeRegistry, sha256 } from '../helpers/fake-registry.js';
import { failsWith, type ImageHost, imageHost } from '../helpers/image-host.js';
import { namesBelow } from '../helpers/names-below.js';
import { patience } from '../helpers/patience.js';
import { requires } from '../helpers/requires.js';
import { mountSmallDisk } from '../helpers/small-disk.js';
import { rawTar } from '../helpers/tar.js';

describe('a pull that ends in the middle', function () {
  this.timeout(patience(300_000));
  let registry: FakeRegistry;
  let host: ImageHost;
  const contents = [0, 1, 2].map(() => randomBytes(400_000));
  const archives = contents.map((content, index) => gzipSync(rawTar({ name: `f${index}`, content }), { level: 1 }));

  before('root', requires('root'));
  beforeEach(async () => {
    registry = await fakeRegistry();
    registry.image('1', archives);
    host = await imageHost();
  });
  afterEach(async () => {
    await registry[Symbol.asyncDispose]();
    host[Symbol.dispose]();
  });

  const name = () => `${registry.host}/app:1`;

  function hasLayerOf(index: number): boolean {
    const digest = sha256(rawTar({ name: `f${index}`, content: contents[index] ?? '' }));
    return existsSync(join(host.context.roots.root, 'images/layers', digest.replace(':', '-')));
  }

  async function expectWhole(context: HostContext): Promise<void> {
    const { directories } = await imageInspect(context, name());
    const found = directories.map((path, index) => readFileSync(join(path, `f${2 - index}`)));
    expect(found.every((content, index) => content.equals(contents[2 - index] ?? Buffer.alloc(0)))).to.equal(true);
    const verdicts = await imageVerify(context, [name()]);
    expect(verdicts.map(({ verdict }) => verdict)).to.deep.equal(['ok', 'ok', 'ok']);
  }

  describe('killed at any of its steps', () => {
    let crasher: Crasher;
    before(async () => {
      crasher = await makeCrasher();
    });
    after(async () => crasher?.[Symbol.asyncDispose]());

    it('leaves an image that is whole or not there; the next pull finishes, and fetches nothing twice that was whole', async () => {
      const roots = host.context.roots as never;
      const order = () => ({ operation: 'pull', zone: { name: 'x', image: name() } }) as const;
      const steps = await crasher.boundaries(roots, order());
      expect(steps.length).to.equal(3 + 4 * 3);
      await imageDelete(host.context, name());
      expect(host.files()).to.deep.equal([]);
      for (const [at, step] of steps.entries()) {
        expect(await crasher.killAt(roots, { ...order(), at }), step).to.equal(true);
        if ((await imageList(host.context)).length > 0) await expectWhole(host.context);
        const whole = archives.filter((_, index) => hasLayerOf(index));
        registry.requests.length = 0;
        await imagePull(host.context, name());
        await expectWhole(host.context);
        expect(
          registry.fetched.filter((digest) => whole.some((archive) => digest.startsWith(sha256(archive)))),
          `killed at ${step}`,
        ).to.deep.equal([]);
        await imagePrune(host.context);
        await imageDelete(host.context, name());
        expect(host.files(), `killed at ${step}`).to.deep.equal([]);
      }
    });

    it('leaves what image prune takes away', async () => {
      const order = { operation: 'pull', zone: { name: 'x', image: name() } } as const;
      await crasher.killAt(host.context.roots as never, { ...order, at: 8 });
      expect(host.files()).to.not.deep.equal([]);
      await imagePrune(host.context);
      expect(host.files()).to.deep.equal([]);
    });
  });

  it('on a disk that is full leaves nothing, however much there was; with room it finishes', async () => {
    const directory = join(host.directory, 'small');
    mkdirSync(directory);
    let finished = 0;
    // 3.6 MB are needed at most: blobs, layers and what is known of them.
    for (let kilobytes = 600; kilobytes <= 6000 && finished < 2; kilobytes += 300) {
      const disk = await mountSmallDisk(directory, kilobytes / 1024);
      try {
        const context = await openHostContext({ root: directory, runRoot: join(host.directory, 'run') });
        const error = await imagePull(context, name()).catch((reason: unknown) => reason);
        const images = join(directory, 'images');
        if (error instanceof Error) {
          await failsWith('RESOURCE_DISK_FULL', Promise.reject(error));
          expect(await imageList(context)).to.deep.equal([]);
          const left = existsSync(images) ? await namesBelow(images) : [];
          const files = left.filter(
            (file) => !['lock', 'index.json', 'layers', 'blobs', 'building', 'pulls', 'outlines'].includes(file),
          );
          expect(files, `with ${kilobytes} kB`).to.deep.equal([]);
        } else {
          finished += 1;
          await expectWhole(context);
        }
      } finally {
        await disk.unmount();
      }
    }
    expect(finished).to.equal(2);
  });
});
