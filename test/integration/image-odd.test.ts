/** Images that are odd, and honest: they are taken, or refused with the reason and what can be done. */
import { lstatSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import { readLayout, verified } from '../../src/images/oci/index.js';
import { observeBoundaries } from '../../src/operations/boundaries.js';
import { imageImport } from '../../src/operations/image-import.js';
import { imageInspect } from '../../src/operations/image-inspect.js';
import { imagePull } from '../../src/operations/image-pull.js';
import { outputOf } from '../helpers/cli.js';
import { type FakeRegistry, fakeRegistry, sha256, types } from '../helpers/fake-registry.js';
import { givenHost } from '../helpers/given.js';
import { failsWith, type ImageHost, imageHost } from '../helpers/image-host.js';
import { writeLayoutOf } from '../helpers/layout.js';
import { patience } from '../helpers/patience.js';
import { requires } from '../helpers/requires.js';
import { rawTar } from '../helpers/tar.js';

const good = gzipSync(rawTar({ name: 'a', content: 'a' }));
const linux = { os: 'linux', architecture: 'amd64' };

describe('an odd image', function () {
  this.timeout(patience(240_000));
  let registry: FakeRegistry;
  let host: ImageHost;

  before('root', requires('root'));
  beforeEach(async () => {
    registry = await fakeRegistry();
    host = await imageHost();
  });
  afterEach(async () => {
    await registry[Symbol.asyncDispose]();
    host[Symbol.dispose]();
  });

  const pull = (rest: string, registryHost = registry.host) => imagePull(host.context, `${registryHost}/${rest}`);

  /** A manifest as `image` makes it, with other fields. */
  function manifest(tag: string | undefined, change: object, type: string = types.manifest) {
    const { digest } = registry.image(undefined, [good]);
    const value = JSON.parse(String(registry.manifests.get(digest)?.content)) as object;
    return registry.document(tag, { ...value, ...change }, type);
  }

  it('has its config in forms that are allowed: they mean the same', async () => {
    const config = {
      User: 'www-data:adm',
      WorkingDir: 'srv/app',
      Env: ['A=b=c', 'TWO=one\ntwo', 'NONE', 'A=last'],
      Entrypoint: ['/bin/sh', '-c', 'exec "$0" "$@"'],
      Cmd: null,
      StopSignal: 'SIGRTMIN+3',
      ExposedPorts: { '80/TCP': {}, '8000-8010/udp': {}, '53': {} },
      Volumes: { data: {}, '/': {} },
      Labels: null,
      // Docker's own.
      Healthcheck: { Test: ['CMD', 'true'] },
      OnBuild: null,
      Shell: ['/bin/bash'],
    };
    registry.image('1', [good], { config });
    expect((await pull('app:1')).config).to.deep.equal({
      user: 'www-data:adm',
      workdir: '/srv/app',
      env: { A: 'last', TWO: 'one\ntwo', NONE: '' },
      entrypoint: ['/bin/sh', '-c', 'exec "$0" "$@"'],
      stopSignal: 37,
      ports: ['53', '80/tcp', '8000-8010/udp'],
      volumes: ['/data'],
    });
  });

  it('has no media type of its own, and a server that has none for it either', async () => {
    for (const type of ['application/json', 'application/octet-stream', 'text/plain; charset=utf-8']) {
      const image = manifest('1', { mediaType: undefined }, type);
      expect((await pull('app:1')).layers, type).to.deep.equal([sha256(rawTar({ name: 'a', content: 'a' }))]);
      registry.document('2', { schemaVersion: 2, manifests: [{ ...image, mediaType: types.manifest }] }, type);
      expect((await pull('app:2')).layers.length, type).to.equal(1);
    }
  });

  it('has attestations beside it in its index, and need not say then what it is for', async () => {
    const noise = { ...registry.image(undefined, [good, good]), platform: { os: 'unknown', architecture: 'unknown' } };
    const annotations = { 'vnd.docker.reference.type': 'attestation-manifest' };
    for (const platform of [linux, undefined]) {
      const manifests = [
        { ...noise, annotations },
        { ...registry.image(undefined, [good]), platform },
      ];
      registry.document('1', { schemaVersion: 2, manifests }, types.index);
      expect((await pull('app:1')).layers.length).to.equal(1);
    }
    registry.document('2', { schemaVersion: 2, manifests: [noise] }, types.index);
    await failsWith('IMAGE_PLATFORM_MISSING', pull('app:2'));
  });

  it('is of a kind that is refused by name: the first version, artifacts, foreign and encrypted layers, no layers', async () => {
    const old = { schemaVersion: 1, fsLayers: [{ blobSum: sha256('x') }], history: [] };
    for (const type of ['application/vnd.docker.distribution.manifest.v1+prettyjws', 'application/json']) {
      registry.document('1', old, type);
      const error = await failsWith('IMAGE_MANIFEST_INVALID', pull('app:1'));
      expect([error.message, error.hint].join()).to.contain('first version').and.contain('skopeo copy');
    }
    const layer = registry.blob('q', 'application/vnd.oci.image.layer.nondistributable.v1.tar+gzip');
    const empty = registry.blob('{}', 'application/vnd.oci.empty.v1+json');
    for (const [change, words] of [
      [{ layers: [layer] }, 'foreign layer'],
      [{ layers: [{ ...layer, mediaType: 'application/vnd.oci.image.layer.v1.tar+encrypted' }] }, '+encrypted'],
      [{ config: empty, layers: [empty] }, 'not that of an image'],
      [{ layers: [] }, 'no layers'],
    ] as const) {
      manifest('1', change);
      expect((await failsWith('IMAGE_MANIFEST_INVALID', pull('app:1'))).message).to.contain(words);
    }
  });

  it('has layers without a file, a file that the same layer hides, and members of gzip', async () => {
    const empty = gzipSync(Buffer.alloc(1024));
    registry.image('1', [good, empty, empty]);
    expect((await pull('app:1')).layers.length).to.equal(2);
    const both = rawTar(
      ...[
        { name: 'd/', type: '5' },
        { name: 'd/x', content: 'x' },
        { name: 'd/.wh.x', content: '' },
      ],
      ...[
        { name: 'e/', type: '5' },
        { name: '.wh.e', content: '' },
      ],
    );
    registry.image('2', [gzipSync(rawTar({ name: 'd/', type: '5' }, { name: 'd/x', content: 'low' })), gzipSync(both)]);
    await pull('app:2');
    const [top = ''] = (await imageInspect(host.context, `${registry.host}/app:2`)).directories;
    // Layers are applied to what is below them: what a layer has itself, it does not hide (layer.md, "Whiteouts").
    expect(lstatSync(join(top, 'd/x')).isFile()).to.equal(true);
    expect(readFileSync(join(top, 'd/x'), 'utf8')).to.equal('x');
    expect(lstatSync(join(top, 'e')).isDirectory()).to.equal(true);
    const archive = rawTar({ name: 'm', content: 'm'.repeat(5000) });
    const members = Buffer.concat([gzipSync(archive.subarray(0, 3000)), gzipSync(archive.subarray(3000))]);
    registry.image('3', [members], { rootfs: { type: 'layers', diff_ids: [sha256(archive)] } });
    expect((await pull('app:3')).layers).to.deep.equal([sha256(archive)]);
  });

  it('has a hard link into a layer below: the hint says what it is', async () => {
    registry.image('1', [good, gzipSync(rawTar({ name: 'b', type: '1', link: 'a' }))]);
    const error = await failsWith('IMAGE_ARCHIVE_INVALID', pull('app:1'));
    expect(error.hint).to.contain('hard link').and.contain('squash');
    expect(host.files()).to.deep.equal([]);
  });

  it('is there by several names that are one', async () => {
    registry.image('1', [good]);
    const directory = writeLayoutOf(registry, '1', join(host.directory, 'layout'), ['a', 'b']);
    await imageImport(host.context, { name: 'one', source: directory });
    const other = registry.image('2', [gzipSync(rawTar({ name: 'z', content: 'z' }))]);
    writeLayoutOf(registry, '2', directory, ['c']);
    const error = await failsWith('USAGE_BAD_ARGUMENT', imageImport(host.context, { name: 'two', source: directory }));
    expect(error.hint).to.contain('a, b, c');
    expect(await imageImport(host.context, { name: 'two', source: directory, ref: 'c' })).to.have.nested.property(
      'source.digest',
      other.digest,
    );
  });

  it('is given up before anything of it was read: that is an error of the command, and no more', async () => {
    registry.image('1', [good]);
    const directory = writeLayoutOf(registry, '1', join(host.directory, 'layout'), ['a']);
    const { content, image } = (await readLayout(directory)) ?? {};
    const [layer] = image?.layers ?? [];
    if (content === undefined || layer === undefined) throw new Error('no layout');
    const { chunks } = await content.openBlob(layer.blob, 0, AbortSignal.abort(new Error('enough')));
    const read = async () => {
      for await (const chunk of verified(layer.blob, chunks)) expect.fail(`read ${String(chunk)}`);
    };
    expect(String(await read().catch((error: unknown) => error))).to.contain('enough');
    const archive = join(host.directory, 'a.tar.gz');
    writeFileSync(archive, good);
    const abort = new AbortController();
    observeBoundaries(({ step }) => step === 'stage' && abort.abort(new Error('enough')));
    try {
      const importing = imageImport(host.context, { name: 'web', source: archive, signal: abort.signal });
      expect(String(await importing.catch((error: unknown) => error))).to.contain('enough');
    } finally {
      observeBoundaries(undefined);
    }
    expect(host.files()).to.deep.equal([]);
  });

  it('has a name that is written otherwise, or is no name: the hint has the right one', async () => {
    const { digest } = registry.image('latest', [good]);
    const port = registry.host.split(':')[1];
    expect((await pull('app', `LOCALHOST:${port}`)).name).to.equal(`localhost:${port}/app`);
    expect((await pull(`app:1@${digest}`)).name).to.equal(`${registry.host}/app@${digest}`);
    for (const [text, words] of [
      [`http://${registry.host}/app`, `image pull ${registry.host}/app`],
      [`https://${registry.host}/Team/App:V1`, `image pull ${registry.host}/team/app:V1`],
      ['localhost/App', 'image pull localhost/app'],
      ['127.0.0.1:99999/app', '65535'],
      ['team/app:1', 'docker.io/team/app:1'],
      [`${registry.host}/app:`, 'HOST[:PORT]/PATH[:TAG]'],
    ] as const) {
      expect((await failsWith('USAGE_BAD_ARGUMENT', imagePull(host.context, text))).hint, text).to.contain(words);
    }
  });

  it('is behind a server that is no registry, which is said of the server and not of the image', async () => {
    registry.intercept = (_, response) => {
      response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end('<html>');
      return true;
    };
    await failsWith('REGISTRY_BAD_ANSWER', pull('app:1'));
  });

  it('has a body that is shorter than its server says, again and again: nothing of it is kept as if it were whole', async () => {
    registry.image('1', [good]);
    registry.intercept = ({ url = '' }, response) => {
      if (!url.includes(sha256(good))) return false;
      response.writeHead(200).end(good.subarray(0, 10));
      return true;
    };
    await failsWith('IMAGE_DIGEST_MISMATCH', pull('app:1'));
    expect(host.files()).to.deep.equal([]);
    registry.intercept = () => false;
    await pull('app:1');
  });
});

describe('what an odd image says a zone runs', function () {
  this.timeout(patience(240_000));
  const given = givenHost({ ownImages: true, needs: ['umoci'] }, async (host) => {
    await host.ok(['image', 'build', 'busybox']);
    await host.ok(['image', 'export', 'busybox', join(host.directory, 'layout')]);
  });

  /** The image with another config. */
  async function image(...words: readonly string[]): Promise<string> {
    const layout = `${join(given.host.directory, 'layout')}:latest`;
    await outputOf('umoci', ['config', '--image', layout, '--clear', 'config.entrypoint', ...words]);
    await given.host.ok(['image', 'import', '--force', 'odd', join(given.host.directory, 'layout')]);
    return 'odd';
  }
  const run = (name: string, ...flags: string[]) => given.host.cli(['run', '--rm', '--net', 'none', ...flags, name]);
  const cmd = (script: string) => ['sh', '-c', script].flatMap((word) => ['--config.cmd', word]);

  it('where its directories are missing: they are made, and of a user never', async () => {
    const script = 'pwd; stat -c "%n %a %u" . /data /srv/v/w; touch /data/x';
    const name = await image(
      '--config.workingdir',
      '/not/there',
      '--config.volume',
      '/data',
      '--config.volume',
      '/srv/v/w',
      ...cmd(script),
    );
    const owned = (mode: string) => ['/not/there', '. 755 0', `/data ${mode} 0`, `/srv/v/w ${mode} 0`, ''].join('\n');
    const plain = await run(name);
    expect(plain, plain.stderr).to.include({ status: 0, stdout: owned('755') });
    expect(await run(name, '--read-only')).to.include({ status: 0, stdout: owned('1777') });
    const own = await run(name, '--workdir', '/nowhere');
    expect([own.status, own.stderr]).to.satisfy(([, text]: [number, string]) => text.includes('--workdir'));
    expect(own.status).to.equal(125);
  });

  it('by a name of its own passwd and group, with an environment of several lines', async () => {
    const name = await image(
      '--config.workingdir',
      '/',
      '--config.user',
      'www-data:adm',
      '--config.env',
      'LINES=one\ntwo=2',
      ...cmd('id -un; id -gn; echo "$LINES"'),
    );
    expect(await run(name)).to.include({ status: 0, stdout: 'www-data\nadm\none\ntwo=2\n' });
    const none = await run(await image('--config.user', 'nosuch', ...cmd('id')));
    expect(none.status).to.equal(125);
    expect(none.stderr).to.contain('/etc/passwd');
  });
});
