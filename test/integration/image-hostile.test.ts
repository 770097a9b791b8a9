/** Images made by an enemy: each is an error with a code and a hint, and nothing of it is left. */
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import type { ErrorCode } from '../../src/errors/index.js';
import { imageImport } from '../../src/operations/image-import.js';
import { imageList } from '../../src/operations/image-list.js';
import { type ImagePullOptions, imagePull } from '../../src/operations/image-pull.js';
import { type FakeRegistry, fakeRegistry, sha256, types } from '../helpers/fake-registry.js';
import { failsWith, type ImageHost, imageHost } from '../helpers/image-host.js';
import { patience } from '../helpers/patience.js';
import { requires } from '../helpers/requires.js';
import { pax, rawEntry, rawTar } from '../helpers/tar.js';

const good = gzipSync(rawTar({ name: 'a', content: 'a' }));

describe('a hostile image', function () {
  this.timeout(patience(240_000));
  let registry: FakeRegistry;
  let host: ImageHost;
  // Of this run alone: another one on this machine removes its own.
  const canary = `/tmp/tszone-canary-${process.pid}`;

  before('root', requires('root'));
  beforeEach(async () => {
    registry = await fakeRegistry();
    host = await imageHost();
    writeFileSync(canary, 'here');
  });
  afterEach(async () => {
    await registry[Symbol.asyncDispose]();
    host[Symbol.dispose]();
    rmSync(canary, { force: true });
  });

  /** Its good layers go, too. */
  async function refused(code: ErrorCode, options: ImagePullOptions = {}): Promise<void> {
    await failsWith(code, imagePull(host.context, `${registry.host}/app:1`, options));
    expect(host.files()).to.deep.equal([]);
    expect(await imageList(host.context)).to.deep.equal([]);
    expect(readFileSync(canary, 'utf8')).to.equal('here');
  }

  const layers: Readonly<Record<string, Buffer>> = {
    'a name with ".."': rawTar({ name: 'x/../../y', content: 'x' }),
    'a whiteout of the directory itself': rawTar({ name: 'd/', type: '5' }, { name: 'd/.wh..', content: '' }),
    'a whiteout of the directory above': rawTar({ name: 'd/', type: '5' }, { name: 'd/.wh...', content: '' }),
    'a whiteout of nothing': rawTar({ name: '.wh.', content: '' }),
    'a name below a whiteout': rawTar({ name: '.wh.d/x', content: '' }),
    'an opaque root': rawTar({ name: '.wh..wh..opq', content: '' }),
    'a hard link to a whiteout': rawTar({ name: '.wh.x', content: '' }, { name: 'y', type: '1', link: '.wh.x' }),
    'a PAX header of 4 GB': rawTar(rawEntry({ name: 'p', type: 'x', size: '37777777777' })),
    'a long name of 4 GB': rawTar(rawEntry({ name: 'p', type: 'L', size: '37777777777' })),
    'an end that is missing': rawTar({ name: 'a', content: Buffer.alloc(4096) }).subarray(0, 2048),
    'no tar': Buffer.alloc(4096, 'x'),
  };
  for (const [what, content] of Object.entries(layers)) {
    it(`with ${what} in a layer`, async () => {
      registry.image('1', [good, gzipSync(content)]);
      await refused('IMAGE_ARCHIVE_INVALID');
    });
  }

  it('whose whiteouts and opaque directories lead through links ends at its own root', async () => {
    mkdirSync(join(host.directory, 'outside'));
    writeFileSync(join(host.directory, 'outside/victim'), 'v');
    const out = join(host.directory, 'outside');
    const evil = rawTar(
      { name: 'l', type: '2', link: out },
      { name: 'l/.wh.victim', content: '' },
      { name: 'l/.wh..wh..opq', content: '' },
      pax({ 'SCHILY.xattr.user.overlay.opaque': 'y', 'SCHILY.xattr.trusted.overlay.redirect': '/etc' }),
      { name: 'd/', type: '5' },
      { name: 'null', type: '3', device: [0, 0] },
      { name: 'mem', type: '3', device: [1, 1] },
    );
    registry.image('1', [gzipSync(evil)]);
    const found = await imagePull(host.context, `${registry.host}/app:1`).catch((error: unknown) => error);
    expect(readFileSync(join(host.directory, 'outside/victim'), 'utf8')).to.equal('v');
    // It may be refused, for the directory that the link names is not there; if it is taken, the nodes are not.
    const tree = join(host.context.roots.root, 'images/layers', sha256(evil).replace(':', '-'));
    if (found instanceof Error) expect(host.files()).to.deep.equal([]);
    else expect(['null', 'mem'].map((name) => existsSync(join(tree, name)))).to.deep.equal([false, false]);
  });

  describe('that is too large', () => {
    it('for --max-size, all layers together', async () => {
      const half = (name: string) => gzipSync(rawTar({ name, content: Buffer.alloc(600_000, name) }));
      registry.image('1', [half('a'), half('b')]);
      await refused('IMAGE_TOO_LARGE', { maxSizeBytes: 1_000_000 });
      await imagePull(host.context, `${registry.host}/app:1`, { maxSizeBytes: 2_000_000 });
    });

    it('as its manifest says, before a byte is fetched', async () => {
      registry.image('1', [gzipSync(rawTar({ name: 'a', content: Buffer.alloc(9000, 'a') }), { level: 0 })]);
      await refused('IMAGE_TOO_LARGE', { maxSizeBytes: 1000 });
      expect(registry.fetched.length, 'the config').to.equal(1);
    });

    it('for what it was compressed to', async () => {
      const bomb = gzipSync(
        rawTar(
          rawEntry({ name: 'zeros', size: (400 << 20).toString(8).padStart(11, '0'), content: '' }),
          Buffer.alloc(400 << 20),
        ),
        { level: 9 },
      );
      expect(bomb.length).to.be.lessThan(1 << 20);
      registry.image('1', [bomb]);
      await refused('IMAGE_TOO_LARGE');
      await imagePull(host.context, `${registry.host}/app:1`, { maxSizeBytes: 1 << 30 });
    });

    it('in files', async () => {
      const files = Array.from({ length: 2000 }, (_, index) => ({ name: `f${index}`, content: '' }));
      registry.image('1', [gzipSync(rawTar(...files))]);
      await refused('IMAGE_TOO_LARGE', { maxEntries: 1999 });
      await imagePull(host.context, `${registry.host}/app:1`, { maxEntries: 2000 });
    });

    it('in a million empty files', async function () {
      this.timeout(patience(400_000));
      function* million(): Generator<Buffer> {
        for (let at = 0; at < 1_000_000; at += 1000) {
          yield Buffer.concat(
            Array.from({ length: 1000 }, (_, index) => rawEntry({ name: `${at}/${index}`, content: '' })),
          );
        }
      }
      await failsWith('IMAGE_TOO_LARGE', imageImport(host.context, { name: 'web', source: Readable.from(million()) }));
      expect(host.files()).to.deep.equal([]);
    });
  });

  describe('that is not what its digests say', () => {
    const spoil = (digest: string, content: Buffer) => registry.blobs.set(digest, content);

    it('in a layer: other bytes, fewer, more', async () => {
      const { length } = good;
      const other = Buffer.from(good);
      other[length - 1] = (other[length - 1] ?? 0) ^ 1;
      for (const content of [other, good.subarray(0, length - 5), Buffer.concat([good, good])]) {
        registry.image('1', [good]);
        spoil(sha256(good), content);
        await refused('IMAGE_DIGEST_MISMATCH');
      }
    });

    it('in a layer that is right, of another archive than the config names', async () => {
      registry.image('1', [good], { rootfs: { type: 'layers', diff_ids: [sha256('other')] } });
      await refused('IMAGE_DIGEST_MISMATCH');
    });

    it('in its config, or in a manifest of an index', async () => {
      const { digest } = registry.image(undefined, [good]);
      const manifest = registry.manifests.get(digest);
      const entry = {
        mediaType: types.manifest,
        digest,
        size: manifest?.content.length,
        platform: { os: 'linux', architecture: 'amd64' },
      };
      registry.document('1', { schemaVersion: 2, manifests: [entry] }, types.index);
      registry.manifests.set(digest, { content: Buffer.from('{}'), type: types.manifest });
      await refused('IMAGE_DIGEST_MISMATCH');
      registry.image('1', [good]);
      for (const [name, content] of registry.blobs)
        if (name !== sha256(good)) spoil(name, Buffer.concat([content, Buffer.from(' ')]));
      await refused('IMAGE_DIGEST_MISMATCH');
    });

    it('by the header of its registry', async () => {
      registry.image('1', [good]);
      registry.intercept = ({ url = '' }, response) => {
        if (url.includes('/manifests/')) response.setHeader('docker-content-digest', sha256('other'));
        return false;
      };
      await refused('IMAGE_DIGEST_MISMATCH');
    });
  });

  describe('whose documents are no such thing', () => {
    const descriptor = { mediaType: types.config, digest: sha256('x'), size: 1 };
    const layer = { ...descriptor, mediaType: types.layer };
    const manifests: Readonly<Record<string, unknown>> = {
      'no JSON': Buffer.from('<html>'),
      'a list': [],
      null: Buffer.from('null'),
      'without a config': { layers: [layer] },
      'layers of the wrong type': { config: descriptor, layers: {} },
      'a digest that leads out': { config: { ...descriptor, digest: 'sha256:../../etc/passwd' }, layers: [layer] },
      'a size below zero': { config: { ...descriptor, size: -1 }, layers: [layer] },
      'a size that is a text': { config: { ...descriptor, size: '1' }, layers: [layer] },
      'no layers': { config: descriptor, layers: [] },
      'more layers than can be mounted': { config: descriptor, layers: Array.from({ length: 128 }, () => layer) },
      'a foreign layer': {
        config: descriptor,
        layers: [{ ...layer, mediaType: 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip' }],
      },
      'a layer of something else': { config: descriptor, layers: [{ ...layer, mediaType: 'application/wasm' }] },
      'a config of something else': {
        config: { ...descriptor, mediaType: 'application/vnd.cncf.helm.config.v1+json' },
        layers: [layer],
      },
      'another kind of document': {
        mediaType: 'application/vnd.docker.distribution.manifest.v1+prettyjws',
        fsLayers: [],
      },
      'a config that is larger than 4 MiB': { config: { ...descriptor, size: 5 << 20 }, layers: [layer] },
    };
    for (const [what, value] of Object.entries(manifests)) {
      it(`a manifest: ${what}`, async () => {
        registry.document('1', value, types.manifest);
        await refused('IMAGE_MANIFEST_INVALID');
      });
    }

    const configs: Readonly<Record<string, object>> = {
      'fewer layers than the manifest': { rootfs: { type: 'layers', diff_ids: [] } },
      'an architecture that is a number': { architecture: 7 },
      'an environment that is a text': { config: { Env: 'A=b' } },
      'a variable without a name': { config: { Env: ['=x'] } },
      'a signal that does not exist': { config: { StopSignal: 'SIGNOTHING' } },
      'a working directory with ".."': { config: { WorkingDir: '/a/../../b' } },
      'a port that is none': { config: { ExposedPorts: { http: {} } } },
      'a command with a NUL': { config: { Cmd: ['a\0b'] } },
    };
    for (const [what, value] of Object.entries(configs)) {
      it(`a config: ${what}`, async () => {
        registry.image('1', [good], value);
        await refused('IMAGE_MANIFEST_INVALID');
      });
    }

    it('a manifest without an end', async () => {
      registry.intercept = ({ url = '' }, response) => {
        if (!url.includes('/manifests/')) return false;
        response.writeHead(200, { 'content-type': types.manifest });
        const pour = () => {
          while (!response.destroyed && response.write(Buffer.alloc(1 << 16, ' ')));
        };
        response.on('drain', pour);
        pour();
        return true;
      };
      await refused('IMAGE_MANIFEST_INVALID');
    });

    it('indexes in indexes in indexes, or in themselves', async () => {
      let entry = { ...registry.image(undefined, [good]), platform: { os: 'linux', architecture: 'amd64' } };
      for (let depth = 0; depth < 6; depth += 1) {
        entry = {
          ...registry.document('1', { schemaVersion: 2, manifests: [entry] }, types.index),
          platform: entry.platform,
        };
      }
      await refused('IMAGE_MANIFEST_INVALID');
      const own = { mediaType: types.index, digest: sha256('own'), size: 2 };
      const { content, type } =
        registry.manifests.get(registry.document('1', { manifests: [own] }, types.index).digest) ?? {};
      if (content === undefined || type === undefined) throw new Error('no document');
      registry.manifests.set(own.digest, { content, type });
      await refused('IMAGE_DIGEST_MISMATCH');
    });
  });

  describe('as a layout', () => {
    const layout = () => join(host.directory, 'layout');
    beforeEach(() => mkdirSync(join(layout(), 'blobs/sha256'), { recursive: true }));

    it('whose files are links that lead out of it', async () => {
      const { digest } = registry.image(undefined, [good]);
      const outside = join(host.directory, 'outside');
      writeFileSync(outside, registry.manifests.get(digest)?.content ?? '');
      writeFileSync(join(layout(), 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
      const manifests = [{ mediaType: types.manifest, digest, size: readFileSync(outside).length }];
      writeFileSync(join(layout(), 'index.json'), JSON.stringify({ schemaVersion: 2, manifests }));
      symlinkSync(outside, join(layout(), 'blobs/sha256', digest.slice(7)));
      for (const [name, content] of registry.blobs)
        writeFileSync(join(layout(), 'blobs/sha256', name.slice(7)), content);
      const attempt = () => imageImport(host.context, { name: 'web', source: layout(), force: true });
      await failsWith('IMAGE_MANIFEST_INVALID', attempt());
      rmSync(join(layout(), 'blobs/sha256', digest.slice(7)));
      writeFileSync(join(layout(), 'blobs/sha256', digest.slice(7)), readFileSync(outside));
      await attempt();
    });

    it('that is cut off, or names what is not there', async () => {
      writeFileSync(join(layout(), 'oci-layout'), '{}');
      await failsWith('IMAGE_MANIFEST_INVALID', imageImport(host.context, { name: 'web', source: layout() }));
      writeFileSync(join(layout(), 'index.json'), '{"manifests":[]}');
      await failsWith('IMAGE_MANIFEST_INVALID', imageImport(host.context, { name: 'web', source: layout() }));
      const saved = rawTar({
        name: 'manifest.json',
        content: JSON.stringify([{ Config: '../../../../etc/passwd', Layers: ['/etc/shadow'] }]),
      });
      await failsWith(
        'IMAGE_MANIFEST_INVALID',
        imageImport(host.context, { name: 'web', source: Readable.from([saved]) }),
      );
      expect(host.files()).to.deep.equal([]);
    });
  });
});
