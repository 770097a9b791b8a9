/** `image pull`, from a registry in this process that behaves, or does not. */
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import { ensureImage } from '../../src/operations/ensure-image.js';
import { imageDelete, imagePrune } from '../../src/operations/image-delete.js';
import { imageInspect } from '../../src/operations/image-inspect.js';
import { imageList } from '../../src/operations/image-list.js';
import { imagePull } from '../../src/operations/image-pull.js';
import { outputOf } from '../helpers/cli.js';
import { type FakeRegistry, fakeRegistry, sha256, types } from '../helpers/fake-registry.js';
import { failsWith, type ImageHost, imageHost } from '../helpers/image-host.js';
import { patience } from '../helpers/patience.js';
import { requires } from '../helpers/requires.js';
import { rawTar } from '../helpers/tar.js';

describe('image pull', function () {
  this.timeout(patience(60_000));
  let registry: FakeRegistry;
  let host: ImageHost;
  const lower = gzipSync(
    rawTar({ name: 'etc/', type: '5' }, { name: 'etc/a', content: 'a' }, { name: 'gone', content: 'g' }),
  );
  const noise = randomBytes(3_000_000);
  const large = gzipSync(rawTar({ name: 'large', content: noise }, { name: '.wh.gone', content: '' }), { level: 1 });

  before('root', requires('root'));
  beforeEach(async () => {
    registry = await fakeRegistry();
    host = await imageHost();
  });
  afterEach(async () => {
    await registry[Symbol.asyncDispose]();
    host[Symbol.dispose]();
  });

  const ref = (rest: string) => `${registry.host}/${rest}`;
  const pull = (rest: string, options: Parameters<typeof imagePull>[2] = {}) =>
    imagePull(host.context, ref(rest), options);

  /** Only the index is there; nobody has an image, nor a part of one. */
  async function expectNothing(): Promise<void> {
    expect(host.files()).to.deep.equal([]);
    expect(await imageList(host.context)).to.deep.equal([]);
  }

  it('unpacks each layer once, and turns whiteouts into what overlay understands', async () => {
    registry.image('1', [lower, large], { config: { Cmd: ['sh'], Env: ['A=b=c', 'D='], StopSignal: 'SIGQUIT' } });
    const image = await pull('team/app:1');
    expect(image.name).to.equal(ref('team/app:1'));
    expect(image.config).to.deep.equal({ cmd: ['sh'], env: { A: 'b=c', D: '' }, stopSignal: 3 });
    const { directories } = await imageInspect(host.context, image.name);
    const [top = '', bottom = ''] = directories;
    expect(readFileSync(join(bottom, 'etc/a'), 'utf8')).to.equal('a');
    expect(readFileSync(join(top, 'large')).equals(noise)).to.equal(true);
    const hidden = lstatSync(join(top, 'gone'));
    expect([hidden.isCharacterDevice(), hidden.rdev]).to.deep.equal([true, 0]);
    // Another image of the same layer, and the same one again: nothing is fetched twice.
    registry.requests.length = 0;
    registry.image('2', [lower]);
    await pull('team/app:2');
    await pull('team/app:1');
    expect(registry.fetched.filter((digest) => digest === sha256(lower) || digest === sha256(large))).to.deep.equal([]);
    expect(host.files().filter((name) => !/^(layers|outlines)\//.test(name))).to.deep.equal([]);
    await imageDelete(host.context, ref('team/app:1'));
    await imageDelete(host.context, ref('team/app:2'));
    await expectNothing();
  });

  it('takes zstd and plain layers, and the same layer twice', async () => {
    const plain = rawTar({ name: 'p', content: 'p' });
    writeFileSync(join(host.directory, 'z'), rawTar({ name: 'z', content: 'z' }));
    await outputOf('zstd', ['-q', join(host.directory, 'z')]);
    const zstd = readFileSync(join(host.directory, 'z.zst'));
    const diffs = [plain, readFileSync(join(host.directory, 'z')), plain].map(sha256);
    registry.image('1', [plain, zstd, plain], { rootfs: { type: 'layers', diff_ids: diffs } });
    const { layers } = await pull('app:1');
    expect(layers).to.deep.equal([diffs[0], diffs[1]]);
  });

  it('chooses the architecture in an index, which may lie in another', async () => {
    const entry = (architecture: string, variant?: string) => ({
      ...registry.image(undefined, [lower], { architecture, variant }),
      platform: { os: 'linux', architecture, variant },
    });
    const noise = { ...registry.image(undefined, [large]), platform: { os: 'unknown', architecture: 'unknown' } };
    const manifests = [noise, entry('arm64', 'v8'), entry('386'), entry('amd64')];
    const inner = registry.document(undefined, { schemaVersion: 2, manifests }, types.index);
    registry.document('latest', { schemaVersion: 2, manifests: [inner] }, types.index);
    expect((await pull('app')).arch).to.equal('amd64');
    expect((await pull('app', { arch: 'arm64' })).arch).to.equal('arm64');
    expect((await pull('app', { arch: '386' })).arch).to.equal('i386');
    const error = await failsWith('IMAGE_PLATFORM_MISSING', pull('app', { arch: 's390x' }));
    expect(error.context.arch).to.equal('s390x');
  });

  it('takes a digest at its word, and nothing else for it', async () => {
    const { digest } = registry.image('1', [lower]);
    const image = await pull(`app@${digest}`);
    expect(image.name).to.equal(ref(`app@${digest}`));
    const other = sha256('other');
    registry.manifests.set(other, registry.manifests.get('1') ?? { content: Buffer.alloc(0), type: '' });
    await failsWith('IMAGE_DIGEST_MISMATCH', pull(`app@${other}`));
  });

  it('is what create and run do with an image of a registry that is missing, and --pull says when', async () => {
    registry.image('1', [lower]);
    await failsWith('IMAGE_NOT_FOUND', ensureImage(host.context, ref('app:1'), { pull: 'never' }));
    const first = await ensureImage(host.context, ref('app:1'), { pull: 'missing' });
    registry.image('1', [large]);
    expect(await ensureImage(host.context, ref('app:1'), { pull: 'missing' })).to.deep.equal(first);
    const renewed = await ensureImage(host.context, ref('app:1'), { pull: 'always' });
    expect(renewed.layers).to.not.deep.equal(first.layers);
    expect((await imageList(host.context)).length).to.equal(1);
    await failsWith('IMAGE_NOT_FOUND', ensureImage(host.context, ref('nothing'), { pull: 'missing' }));
    expect((await failsWith('IMAGE_NOT_FOUND', ensureImage(host.context, 'nosuch', { pull: 'missing' }))).hint).to.be.a(
      'string',
    );
    const short = await failsWith('USAGE_BAD_ARGUMENT', imagePull(host.context, 'alpine'));
    expect(short.hint).to.contain('docker.io/alpine');
  });

  describe('logs in', () => {
    const basic = (name: string, password: string) => `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`;

    function config(content: object): void {
      process.env.DOCKER_CONFIG = join(host.directory, 'docker');
      mkdirSync(process.env.DOCKER_CONFIG, { recursive: true });
      writeFileSync(join(process.env.DOCKER_CONFIG, 'config.json'), JSON.stringify(content));
    }
    /** With a token that only its realm gives out, to who may pull that repository. */
    function requireToken(): void {
      const realm = () => `http://${registry.host}/token`;
      const asked = '/token?service=r&scope=repository%3Aapp%3Apull';
      registry.intercept = ({ url, headers, method }, response) => {
        if (headers.authorization === 'Bearer abc') return false;
        const isLogin = url === asked && headers.authorization === basic('me', 'secret');
        if (isLogin || (url === '/token' && method === 'POST')) {
          response.writeHead(200).end(JSON.stringify({ token: 'abc' }));
          return true;
        }
        const challenge = `Bearer realm="${realm()}",service="r",scope="repository:app:pull"`;
        response.writeHead(401, { 'www-authenticate': challenge }).end();
        return true;
      };
    }
    afterEach(() => {
      delete process.env.DOCKER_CONFIG;
    });

    it('with a token, for the password of docker login', async () => {
      registry.image('1', [lower]);
      requireToken();
      config({ auths: {} });
      const error = await failsWith('REGISTRY_AUTH_FAILED', pull('app:1'));
      expect(error.exitStatus).to.equal(9);
      await expectNothing();
      config({ auths: { [registry.host]: { auth: Buffer.from('me:secret').toString('base64') } } });
      expect((await pull('app:1')).layers.length).to.equal(1);
      const tokens = registry.requests.filter(({ url }) => url.startsWith('/token'));
      expect(tokens.length, 'one token serves all').to.equal(2);
    });

    it('with an identity token, which is not sent to the registry', async () => {
      registry.image('1', [lower]);
      requireToken();
      config({ auths: { [registry.host]: { identitytoken: 'long-lived' } } });
      await pull('app:1');
      expect(JSON.stringify(registry.requests)).to.not.contain('long-lived');
    });

    it('with what a credential helper says', async () => {
      registry.image('1', [lower]);
      requireToken();
      config({ credHelpers: { [registry.host]: 'tszone-test' } });
      await failsWith('HOST_TOOL_MISSING', pull('app:1'));
      const bin = join(host.directory, 'bin');
      mkdirSync(bin);
      const script = `#!/bin/sh\nread host\n[ "$1 $host" = "get ${registry.host}" ] && echo '{"Username":"me","Secret":"secret"}'\n`;
      writeFileSync(join(bin, 'docker-credential-tszone-test'), script);
      chmodSync(join(bin, 'docker-credential-tszone-test'), 0o755);
      const path = process.env.PATH;
      process.env.PATH = `${bin}:${path}`;
      try {
        await pull('app:1');
      } finally {
        process.env.PATH = path;
      }
    });

    it('nowhere else: what a redirect leads to gets neither password nor token', async () => {
      await using store = await fakeRegistry();
      registry.image('1', [lower]);
      for (const [digest, content] of registry.blobs) store.blobs.set(digest, content);
      config({ auths: { [registry.host]: { auth: Buffer.from('me:secret').toString('base64') } } });
      registry.intercept = ({ url = '', headers }, response) => {
        if (headers.authorization === undefined) {
          response.writeHead(401, { 'www-authenticate': 'Basic realm="r"' }).end();
          return true;
        }
        if (!url.includes('/blobs/')) return false;
        response.writeHead(307, { location: `http://${store.host}${url}` }).end();
        return true;
      };
      await pull('app:1');
      expect(store.requests.length).to.be.greaterThan(1);
      expect(store.requests.filter(({ headers }) => headers.authorization !== undefined)).to.deep.equal([]);
      expect(registry.requests.some(({ headers }) => headers.authorization === basic('me', 'secret'))).to.equal(true);
    });
  });

  it('asks mirrors first, and the registry for what they lack', async () => {
    await using mirror = await fakeRegistry();
    registry.image('1', [lower, large]);
    mirror.image('1', [lower, large]);
    mirror.blobs.delete(sha256(large));
    const mirrors = { [registry.host]: [`http://${mirror.host}`] };
    writeFileSync(join(host.context.roots.root, 'registries.json'), JSON.stringify({ version: 1, mirrors }));
    await pull('app:1');
    expect(registry.fetched).to.deep.equal([sha256(large)]);
    writeFileSync(join(host.context.roots.root, 'registries.json'), '{"version": 1, "mirors": {}}');
    await failsWith('USAGE_BAD_ARGUMENT', pull('app:1'));
  });

  describe('goes on', () => {
    /** Each answer with that blob is cut off after so many bytes, so many times. */
    function cut(digest: string, bytes: number, times: number): void {
      let left = times;
      registry.intercept = ({ url = '', headers }, response) => {
        if (!url.endsWith(digest) || left === 0) return false;
        left -= 1;
        const part = registry.part(registry.blobs.get(digest) ?? Buffer.alloc(0), headers.range);
        response.writeHead(part.status, part.headers);
        response.write(part.content.subarray(0, bytes), () => setTimeout(() => response.destroy(), 50));
        return true;
      };
    }

    it('where a connection broke', async () => {
      registry.image('1', [lower, large]);
      cut(sha256(large), 1_000_000, 2);
      await pull('app:1');
      const ranges = registry.fetched.filter((text) => text.startsWith(sha256(large)));
      const offsets = ranges.map((text) => Number(/bytes=(\d+)-/.exec(text)?.[1] ?? 0));
      expect(offsets.length).to.equal(3);
      expect(offsets[0]).to.equal(0);
      expect(offsets[1]).to.be.within(1, 1_000_000);
      expect(offsets[2]).to.be.within((offsets[1] ?? 0) + 1, 2_000_000);
    });

    it('where an earlier pull had to stop, also one with another name; and prune forgets that', async () => {
      registry.image('1', [lower, large]);
      cut(sha256(large), 500_000, 1);
      const abort = new AbortController();
      const progress = ({ bytes }: { bytes: number }) => bytes > 400_000 && abort.abort(new Error('enough'));
      const error = await pull('app:1', { signal: abort.signal, progress }).catch((reason: unknown) => reason);
      expect(String(error)).to.contain('enough');
      const blob = `blobs/${sha256(large).replace(':', '-')}`;
      expect(host.files()).to.include(blob);
      expect(host.files().some((name) => name.endsWith('.lock') || name.startsWith('layers/tmp-'))).to.equal(false);
      const { size } = statSync(join(host.context.roots.root, 'images', blob));
      registry.requests.length = 0;
      registry.intercept = () => false;
      registry.image('2', [large]);
      await pull('app:2');
      expect(registry.fetched).to.include(`${sha256(large)} bytes=${size}-`);
      await imagePrune(host.context);
      await imageDelete(host.context, ref('app:2'));
      await expectNothing();
    });

    it('from the start where what was left is damaged, or longer than it may be', async () => {
      registry.image('1', [lower]);
      mkdirSync(join(host.context.roots.root, 'images/blobs'), { recursive: true });
      const path = join(host.context.roots.root, 'images/blobs', sha256(lower).replace(':', '-'));
      for (const left of [
        Buffer.alloc(20, 'x'),
        Buffer.alloc(lower.length, 'x'),
        Buffer.alloc(lower.length + 9, 'x'),
      ]) {
        writeFileSync(path, left);
        await pull('app:1');
        await imageDelete(host.context, ref('app:1'));
      }
      await expectNothing();
    });

    it('from the start with a server that knows no ranges', async () => {
      registry.image('1', [large]);
      const digest = sha256(large);
      cut(digest, 1_000_000, 1);
      const { intercept } = registry;
      registry.intercept = (request, response) => {
        delete request.headers.range;
        return intercept(request, response);
      };
      await pull('app:1');
      expect(registry.fetched).to.deep.include.members([digest]);
    });

    it('after a server said that it has too much to do', async () => {
      registry.image('1', [lower]);
      let count = 0;
      registry.intercept = (_, response) => {
        count += 1;
        if (count % 2 === 0) return false;
        response.writeHead(count === 1 ? 429 : 503, { 'retry-after': '0' }).end();
        return true;
      };
      await pull('app:1');
    });
  });

  describe('gives up', () => {
    it('on a server from which nothing comes, and keeps what it has', async () => {
      registry.image('1', [large]);
      registry.intercept = ({ url = '' }, response) => {
        if (!url.endsWith(sha256(large))) return false;
        response.writeHead(206, { 'content-range': 'bytes 0-9/10', 'content-length': large.length });
        response.write(large.subarray(0, 100));
        return true;
      };
      const error = await failsWith('REGISTRY_UNREACHABLE', pull('app:1', { idleTimeoutMs: 100 }));
      expect(error.hint).to.contain('goes on');
      await imagePrune(host.context);
      await expectNothing();
    });

    it('on a name that leads nowhere, at once', async () => {
      const error = await failsWith('REGISTRY_UNREACHABLE', imagePull(host.context, 'localhost:1/app'));
      expect(error.exitStatus).to.equal(5);
      await expectNothing();
    });

    it('on redirects without an end, and on those that are not encrypted', async () => {
      registry.image('1', [lower]);
      registry.intercept = ({ url = '' }, response) => {
        response.writeHead(302, { location: url }).end();
        return true;
      };
      await failsWith('REGISTRY_BAD_ANSWER', pull('app:1'));
      registry.intercept = (_, response) => {
        response.writeHead(302, { location: 'ftp://example.invalid/x' }).end();
        return true;
      };
      await failsWith('REGISTRY_BAD_ANSWER', pull('app:1'));
      await expectNothing();
    });
  });

  it('holds its layers while another image is deleted, and shares them with a pull at the same time', async () => {
    registry.image('1', [lower, large]);
    registry.image('2', [large, lower]);
    await Promise.all([pull('app:1'), pull('app:2'), pull('app:1')]);
    const fetched = registry.fetched.filter((digest) => digest === sha256(large) || digest === sha256(lower));
    expect(fetched.toSorted()).to.deep.equal([sha256(large), sha256(lower)].toSorted());
    await imageDelete(host.context, ref('app:1'));
    const { directories } = await imageInspect(host.context, ref('app:2'));
    expect(directories.every((path) => existsSync(path))).to.equal(true);
    expect(readdirSync(join(host.context.roots.root, 'images/layers')).length).to.equal(2);
  });
});
