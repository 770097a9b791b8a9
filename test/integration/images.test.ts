import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  createReadStream,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { type ErrorCode, ZoneError } from '../../src/errors/index.js';
import { helperPath } from '../../src/helper/index.js';
import { ensureImage, withImage } from '../../src/operations/ensure-image.js';
import { type HostContext, openHostContext } from '../../src/operations/host-context.js';
import { imageBuild } from '../../src/operations/image-build.js';
import { imageDelete, imagePrune } from '../../src/operations/image-delete.js';
import { imageImport } from '../../src/operations/image-import.js';
import { imageInspect } from '../../src/operations/image-inspect.js';
import { imageList } from '../../src/operations/image-list.js';
import { makeStateDirectory, writeZone, type ZoneRecord, zonePaths } from '../../src/state/index.js';
import { outputOf, runProgram } from '../helpers/cli.js';
import { patience } from '../helpers/patience.js';
import { requires } from '../helpers/requires.js';
import { unmount } from '../helpers/small-disk.js';
import { pax, rawTar } from '../helpers/tar.js';
import { describeTree, makeTree } from '../helpers/trees.js';

const helper = helperPath();
const importChild = fileURLToPath(new URL('../helpers/import-child.ts', import.meta.url));

async function failsWith(code: ErrorCode, promise: Promise<unknown>): Promise<ZoneError> {
  const error = await promise.then(
    (value) => value,
    (reason: unknown) => reason,
  );
  if (!(error instanceof ZoneError)) throw error;
  expect(error.code, error.message).to.equal(code);
  expect(error.hint).to.be.a('string');
  return error;
}

describe('images', () => {
  let base: string;
  let host: HostContext;
  let archive: string;
  const layers = () => join(base, 'root/images/layers');
  const namesOfLayers = () => (existsSync(layers()) ? readdirSync(layers()) : []);

  before('root, and an archive', function () {
    requires('root').call(this);
    // A root of about 4 MB, in pieces large and small.
    const files = Array.from({ length: 200 }, (_, index) => ({
      name: `usr/share/${index}`,
      content: Buffer.alloc(index * 200, `${index} `),
    }));
    const directory = mkdtempSync(join(tmpdir(), 'tszone-archive-'));
    archive = join(directory, 'root.tar');
    writeFileSync(
      archive,
      rawTar({ name: './', type: '5', mode: 0o700, uid: 5 }, ...files, { name: 'etc/machine-id', content: 'x' }),
    );
  });
  after(() => rmSync(join(archive, '..'), { recursive: true, force: true }));

  beforeEach(async () => {
    base = mkdtempSync(join(tmpdir(), 'tszone-images-'));
    host = await openHostContext({ root: join(base, 'root'), runRoot: join(base, 'run') });
  });
  afterEach(() => rmSync(base, { recursive: true, force: true }));

  async function expectNoImage(name: string): Promise<void> {
    await failsWith('IMAGE_NOT_FOUND', imageInspect(host, name));
    expect(namesOfLayers()).to.deep.equal([]);
  }

  /** A zone's record, as far as images care. */
  async function recordZone(name: string, image: ZoneRecord['image']): Promise<void> {
    await makeStateDirectory(zonePaths(host.roots, name).directory);
    const ids = { base: 0x1000_0000, count: 65_536 };
    await writeZone(host.roots, { version: 1, spec: { name }, image, ids } as unknown as ZoneRecord);
  }

  describe('import', () => {
    const compressors = { plain: undefined, gzip: 'gzip', xz: 'xz', zstd: 'zstd' } as const;

    for (const [form, program] of Object.entries(compressors)) {
      it(`takes a ${form} archive, and finds the same content`, async () => {
        const path = join(base, `archive.${form}`);
        const content = readFileSync(archive);
        writeFileSync(
          path,
          program === undefined ? content : spawnSync(program, ['-c'], { input: content, maxBuffer: 1 << 26 }).stdout,
        );
        const reports: number[] = [];
        const image = await imageImport(host, {
          name: 'web:v1',
          source: path,
          progress: ({ bytes }) => reports.push(bytes),
        });
        const digest = `sha256:${(await outputOf('sha256sum', [archive])).split(' ')[0]}`;
        expect(image.layers).to.deep.equal([digest]);
        expect(reports.at(-1)).to.equal(statSync(path).size);
        const { directories } = await imageInspect(host, 'web:v1');
        expect(statSync(directories[0] ?? '')).to.include({ mode: 0o40755, uid: 0 });
        expect(statSync(layers()).mode & 0o777).to.equal(0o700);
        expect(readFileSync(join(directories[0] ?? '', 'usr/share/199'))).to.deep.equal(
          Buffer.alloc(199 * 200, '199 '),
        );
        expect(readFileSync(join(directories[0] ?? '', 'etc/machine-id'), 'utf8')).to.equal('');
        expect(namesOfLayers()).to.have.length(1);
      });
    }

    it('takes a stream', async () => {
      await imageImport(host, { name: 'web', source: createReadStream(archive) });
      expect((await imageList(host)).map(({ name }) => name)).to.deep.equal(['web']);
    });

    it('leaves nothing of an archive that is damaged, cut off or none', async () => {
      const content = readFileSync(archive);
      const gz = spawnSync('gzip', ['-c'], { input: content, maxBuffer: 1 << 26 }).stdout;
      const cases = {
        cut: content.subarray(0, 2_000_000),
        junk: Buffer.alloc(10_000, 'junk'),
        empty: Buffer.alloc(0),
        gz: gz.subarray(0, gz.length - 10),
        evil: rawTar({ name: '../x', content: 'x' }),
      };
      for (const [name, bytes] of Object.entries(cases)) {
        await failsWith('IMAGE_ARCHIVE_INVALID', imageImport(host, { name, source: Readable.from([bytes]) }));
        await expectNoImage(name);
      }
    });

    for (const program of ['xz', 'zstd']) {
      it(`leaves nothing of a file of ${program} that is damaged, cut off or too large, nor of one that holds too much`, async () => {
        const [path, zeros] = [join(base, 'bad'), join(base, 'zeros')];
        const input = readFileSync(archive);
        const whole = spawnSync(program, ['-c'], { input, maxBuffer: 1 << 26 }).stdout;
        const damaged = Buffer.from(whole);
        damaged.fill(0xa5, whole.length >> 1, (whole.length >> 1) + 64);
        for (const bytes of [damaged, whole.subarray(0, -10), whole.subarray(0, whole.length >> 1)]) {
          writeFileSync(path, bytes);
          const error = await failsWith('IMAGE_ARCHIVE_INVALID', imageImport(host, { name: 'bad', source: path }));
          if (bytes !== damaged) expect(error.message).to.equal(`the archive is damaged or cut off (${program})`);
          await expectNoImage('bad');
        }
        writeFileSync(path, whole);
        await failsWith('IMAGE_TOO_LARGE', imageImport(host, { name: 'bad', source: path, maxSizeBytes: 1 << 20 }));
        await expectNoImage('bad');
        writeFileSync(zeros, '');
        truncateSync(zeros, 400 << 20);
        const bomb = `tar -C ${base} -c zeros | ${program} -1 > ${path}`;
        expect(spawnSync('sh', ['-c', bomb]).status).to.equal(0);
        await failsWith('IMAGE_TOO_LARGE', imageImport(host, { name: 'bad', source: path }));
        await expectNoImage('bad');
      });
    }

    it('says what is wrong with its arguments', async () => {
      await failsWith('PATH_NOT_FOUND', imageImport(host, { name: 'web', source: '/nonexistent.tar' }));
      await failsWith('IMAGE_ARCHIVE_INVALID', imageImport(host, { name: 'web', source: '/etc' }));
      await failsWith('USAGE_BAD_ARGUMENT', imageImport(host, { name: 'Web', source: archive }));
      const mistyped = { name: 'web', source: archive, progres: () => undefined } as { name: string; source: string };
      expect((await failsWith('USAGE_BAD_ARGUMENT', imageImport(host, mistyped))).hint).to.contain('progress');
    });

    it('does not replace an image unless told to, and then drops what nobody uses', async () => {
      await imageImport(host, { name: 'web', source: archive });
      const other = () => Readable.from([rawTar({ name: 'f', content: 'other' })]);
      await failsWith('IMAGE_EXISTS', imageImport(host, { name: 'web', source: other() }));
      const { layers: now } = await imageImport(host, { name: 'web', source: other(), force: true });
      expect(namesOfLayers()).to.deep.equal(now.map((digest) => digest.replace(':', '-')));
    });

    it('stops when it is aborted, and leaves nothing', async () => {
      const abort = new AbortController();
      async function* endless(): AsyncGenerator<Buffer> {
        yield readFileSync(archive).subarray(0, 1_000_000);
        abort.abort(new Error('enough'));
        await sleep(patience(20_000), undefined, { ref: false });
      }
      const source = Readable.from(endless());
      const error = await imageImport(host, { name: 'web', source, signal: abort.signal }).catch(
        (reason: unknown) => reason,
      );
      expect(String(error)).to.contain('enough');
      await expectNoImage('web');
    });

    it('leaves nothing when the disk is full', async () => {
      mkdirSync(join(base, 'small'));
      await outputOf('mount', ['-t', 'tmpfs', '-o', 'size=2m,mode=0700', 'tszone-test', join(base, 'small')]);
      try {
        const small = await openHostContext({ root: join(base, 'small'), runRoot: join(base, 'run') });
        const error = await failsWith('RESOURCE_DISK_FULL', imageImport(small, { name: 'web', source: archive }));
        expect(error.exitStatus).to.equal(6);
        expect(readdirSync(join(base, 'small/images/layers'))).to.deep.equal([]);
        expect(await imageList(small)).to.deep.equal([]);
      } finally {
        await unmount(join(base, 'small'));
      }
    });

    /** Starts an import, gives it that part of the archive, and kills it some time later. */
    async function killImport(part: number, afterMs: number): Promise<void> {
      const { root, runRoot } = host.roots;
      const args = ['--import', 'tsx', importChild, root, runRoot, 'web'];
      const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
      const closed = once(child, 'close');
      child.stdin.on('error', () => undefined);
      await once(child.stdout, 'data');
      const content = readFileSync(archive);
      child.stdin.write(content.subarray(0, Math.floor(content.length * part)));
      if (part === 1) child.stdin.end();
      await sleep(afterMs);
      child.kill('SIGKILL');
      await closed;
    }

    it('that is killed at any moment leaves an image that is complete or not there', async function () {
      this.timeout(patience(120_000));
      const moments = [0, 0.01, 0.3, 0.7, 0.99, 1, 1, 1, 1];
      let finished = 0;
      for (const [index, part] of moments.entries()) {
        await killImport(part, part === 1 ? (index - 4) * 15 : 30);
        const [image] = await imageList(host);
        if (image !== undefined) {
          finished += 1;
          const { directories } = await imageInspect(host, 'web');
          expect(readdirSync(join(directories[0] ?? '', 'usr/share'))).to.have.length(200);
          await imageDelete(host, 'web');
        }
      }
      expect(finished).to.be.lessThan(moments.length);
      await imageImport(host, { name: 'web', source: archive });
      expect(namesOfLayers()).to.have.length(1);
      expect(namesOfLayers()[0]).to.match(/^sha256-/);
    });
  });

  describe('delete', () => {
    it('removes the image and its layers, and is content if there is none', async () => {
      await imageImport(host, { name: 'web', source: archive });
      expect(await imageDelete(host, 'web')).to.equal(true);
      await expectNoImage('web');
      expect(await imageDelete(host, 'web')).to.equal(false);
    });

    it('keeps layers that another image is made of', async () => {
      await imageImport(host, { name: 'one', source: archive });
      await imageImport(host, { name: 'two', source: archive });
      await imageDelete(host, 'one');
      expect(namesOfLayers()).to.have.length(1);
    });

    it('refuses while zones are made of it, and names them', async () => {
      await imageImport(host, { name: 'web', source: archive });
      await recordZone('shop', await ensureImage(host, 'web', { pull: 'never' }));
      const error = await failsWith('IMAGE_IN_USE', imageDelete(host, 'web'));
      expect(error.context.zones).to.deep.equal(['shop']);
      expect((await imageInspect(host, 'web')).zones).to.deep.equal(['shop']);
    });

    it('never takes layers from a zone, also when its image is replaced', async () => {
      await imageImport(host, { name: 'web', source: archive });
      await recordZone('shop', await ensureImage(host, 'web', { pull: 'never' }));
      await imageImport(host, {
        name: 'web',
        source: Readable.from([rawTar({ name: 'f', content: 'x' })]),
        force: true,
      });
      expect(namesOfLayers()).to.have.length(2);
      expect(await imageDelete(host, 'web')).to.equal(true);
      expect(namesOfLayers()).to.have.length(1);
      rmSync(zonePaths(host.roots, 'shop').directory, { recursive: true });
      expect((await imagePrune(host)).layers).to.have.length(1);
      expect(namesOfLayers()).to.deep.equal([]);
    });

    it('waits while somebody records a user', async () => {
      await imageImport(host, { name: 'web', source: archive });
      let deleting: Promise<unknown> = Promise.resolve();
      await withImage(host, 'web', { pull: 'never' }, async (image) => {
        deleting = imageDelete(host, 'web').catch((error: unknown) => error);
        await sleep(100);
        await recordZone('shop', image);
      });
      expect(await deleting).to.include({ code: 'IMAGE_IN_USE' });
    });
  });

  describe('names', () => {
    it('that are unknown are an error with the nearest one', async () => {
      await imageImport(host, { name: 'web', source: archive });
      expect((await failsWith('IMAGE_NOT_FOUND', ensureImage(host, 'wob', { pull: 'missing' }))).hint).to.contain(
        '"web"',
      );
      expect((await failsWith('IMAGE_NOT_FOUND', ensureImage(host, 'debain', { pull: 'missing' }))).hint).to.contain(
        '"debian"',
      );
      await failsWith('IMAGE_NOT_FOUND', ensureImage(host, 'debian:woody', { pull: 'missing' }));
      expect((await failsWith('IMAGE_NOT_FOUND', imageBuild(host, 'busybux'))).hint).to.contain('busybox');
      await failsWith('USAGE_BAD_ARGUMENT', imageBuild(host, 'debian', { suite: 'trixi' }));
      await failsWith('USAGE_BAD_ARGUMENT', imageBuild(host, 'busybox', { arch: 'sparc' }));
    });

    it('of templates are not built with "never"', async () => {
      await failsWith('IMAGE_NOT_FOUND', ensureImage(host, 'busybox', { pull: 'never' }));
      await expectNoImage('busybox');
    });
  });

  describe('templates', () => {
    it("sparse: has nothing of the host that is closed, and works with the host's /usr", async () => {
      const image = await ensureImage(host, 'sparse', { pull: 'missing' });
      expect(image.kind).to.equal('sparse');
      const { directories, config } = await imageInspect(host, 'sparse');
      const root = directories[0] ?? '';
      expect(config.hostDirs?.[0]).to.deep.equal({ source: '/usr', target: '/usr' });
      expect(readdirSync(join(root, 'usr'))).to.deep.equal([]);
      expect(statSync(join(root, 'etc/shadow')).mode & 0o777).to.equal(0o640);
      for (const name of ['ssh', 'sudoers', 'ssl/private', 'apt', 'hostname', 'resolv.conf'])
        expect(existsSync(join(root, 'etc', name)), name).to.equal(false);
      const script = `mount --bind -o ro /usr ${root}/usr && exec chroot ${root} sh -c 'id -un; awk "BEGIN { print 6 * 7 }"; ls -ld /etc/passwd'`;
      const { status, stdout, stderr } = await runProgram('unshare', ['-m', 'sh', '-c', script]);
      expect(status, stderr).to.equal(0);
      expect(stdout).to.match(/^root\n42\n/);
    });

    it('sparse: is made anew only when the host has changed', async () => {
      const first = await ensureImage(host, 'sparse', { pull: 'missing' });
      const { createdAt } = await imageInspect(host, 'sparse');
      expect(await ensureImage(host, 'sparse', { pull: 'missing' })).to.deep.equal(first);
      expect((await imageInspect(host, 'sparse')).createdAt).to.equal(createdAt);
      const changed = {
        ...host,
        facts: { ...host.facts, usr: { ...host.facts.usr, links: { ...host.facts.usr.links, '/lib9': 'usr/lib9' } } },
      };
      expect((await ensureImage(changed, 'sparse', { pull: 'missing' })).layers).to.not.deep.equal(first.layers);
    });

    it('busybox: runs, under all its names', async () => {
      await ensureImage(host, 'busybox', { pull: 'missing' });
      const { directories, sizeBytes } = await imageInspect(host, 'busybox');
      expect(sizeBytes).to.be.lessThan(10_000_000);
      const script =
        'id -un; ls -l /sbin/init | grep -c busybox; test -x /usr/bin/awk && echo awk; head -c 3 /etc/inittab';
      const { stdout, stderr } = await runProgram('chroot', [directories[0] ?? '', '/bin/sh', '-c', script]);
      expect(stdout, stderr).to.match(/^root\n1\nawk\n::s/);
    });

    it('are built once by those who ask at the same time', async () => {
      const made = await Promise.all(
        Array.from({ length: 4 }, () => ensureImage(host, 'busybox', { pull: 'missing' })),
      );
      expect(new Set(made.flatMap(({ layers: digests }) => digests)).size).to.equal(1);
      expect(namesOfLayers()).to.have.length(1);
    });

    it('always: are built anew', async () => {
      await ensureImage(host, 'sparse', { pull: 'missing' });
      const { createdAt } = await imageInspect(host, 'sparse');
      await ensureImage(host, 'sparse', { pull: 'always' });
      expect((await imageInspect(host, 'sparse')).createdAt).to.not.equal(createdAt);
    });
  });

  describe('pack', () => {
    let tree: string;
    beforeEach(async () => {
      tree = join(base, 'tree');
      await makeTree(tree);
      mkdirSync(join(base, 'copy'));
    });

    const shell = (script: string) => outputOf('bash', ['-ec', `set -o pipefail; cd ${base}; ${script}`]);
    const extract = 'tar -x --numeric-owner -p --xattrs --xattrs-include=* -C copy';

    for (const [what, script] of [
      ['and the unpacker', `${helper} pack --root tree . 2>/dev/null | ${helper} unpack --root copy`],
      [
        'and the unpacker, in a zone',
        `${helper} pack --here --root tree . 2>/dev/null | ${helper} unpack --here --root copy`,
      ],
      ['and GNU tar', `${helper} pack --root tree . 2>/dev/null | ${extract}`],
      ['as GNU tar does, PAX', `tar -c --format=pax --xattrs -C tree . | ${helper} unpack --root copy`],
    ] as const) {
      it(`keeps everything: ${what}`, async () => {
        await shell(script);
        expect(await describeTree(join(base, 'copy'))).to.deep.equal(await describeTree(tree));
        expect(await outputOf('getcap', [join(base, 'copy/large')])).to.contain('cap_net_raw=ep');
      });
    }

    it('reads every form of sparse file that GNU tar writes', async () => {
      await shell(
        'mkdir s; for i in 1 2 3 9 27; do printf data-$i | dd of=s/f bs=1 seek=$((i * 300000)) conv=notrunc status=none; done; truncate -s 20M s/f; truncate -s 5M s/hole; touch -d @1000000000 s/f s/hole s',
      );
      for (const form of [
        '--format=gnu',
        '--format=pax --sparse-version=0.0',
        '--format=pax --sparse-version=0.1',
        '--format=pax --sparse-version=1.0',
      ]) {
        await shell(`rm -rf o; mkdir o; tar -cS ${form} -C s . | ${helper} unpack --root o`);
        expect(await describeTree(join(base, 'o')), form).to.deep.equal(await describeTree(join(base, 's')));
        expect(statSync(join(base, 'o/f')).blocks, form).to.be.lessThan(2000);
      }
    });

    it('gives one name to what it packs, below a root that it does not leave', async () => {
      const list = (args: string) => shell(`${helper} pack --root tree ${args} 2>/dev/null | tar -t`);
      expect(await list('--as new dir/su')).to.equal('new\n');
      expect(await list('dir/sub')).to.equal('sub/\n');
      expect(await list('--as . dir/sub')).to.equal('./\n');
      expect(await list('../../../dir/su')).to.equal('su\n');
      await shell(`ln -s ${base} tree/out; ln -s /dir tree/in`);
      expect(await list('out')).to.equal('out\n');
      expect(await list('in/su')).to.equal('su\n');
      expect(await list('--follow in')).to.match(/^in\/\n/);
      for (const path of ['out/root', 'nothing', '--follow out']) {
        const { status, stderr } = await runProgram(helper, ['pack', '--root', tree, ...path.split(' ')]);
        expect(status, path).to.equal(1);
        expect(JSON.parse(stderr)).to.include({ errno: 2 });
      }
    });

    it('gives the same bytes for the same tree', async () => {
      const sum = () => shell(`${helper} pack --root tree . 2>/dev/null | sha256sum`);
      expect(await sum()).to.equal(await sum());
    });
  });

  it('a PAX header for the whole archive gives owners and times', async () => {
    const global = pax({ uid: '77', mtime: '5.5', comment: 'x' });
    global.write('g', 156);
    global.fill(' ', 148, 156);
    const sum = global.subarray(0, 512).reduce((total, byte) => total + byte, 0);
    global.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
    const child = spawn(helper, ['unpack', '--root', base], { stdio: ['pipe', 'ignore', 'pipe'] });
    child.stdin.end(rawTar(global, { name: 'a', content: 'x' }, pax({ uid: '3' }), { name: 'b', content: 'x' }));
    expect(await text(child.stderr)).to.equal('');
    expect(statSync(join(base, 'a'))).to.include({ uid: 77, mtimeMs: 5500 });
    expect(statSync(join(base, 'b'))).to.include({ uid: 3, mtimeMs: 5500 });
  });
});
