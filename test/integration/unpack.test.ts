import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect } from 'chai';
import { helperPath } from '../../src/helper/index.js';
import { eventually } from '../helpers/patience.js';
import { requires } from '../helpers/requires.js';
import { pax, rawEntry, rawTar } from '../helpers/tar.js';

interface Result {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function start(args: readonly string[]) {
  const child = spawn(helperPath(), args, { stdio: ['pipe', 'pipe', 'pipe'] });
  child.stdin.on('error', () => undefined);
  return child;
}

async function run(args: readonly string[], input: Buffer = Buffer.alloc(0)): Promise<Result> {
  const child = start(args);
  child.stdin.end(input);
  const [stdout, stderr, [status]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  return { status: status as number | null, stdout, stderr };
}

describe('the unpacker', () => {
  before(requires('root'));

  let base: string;
  let root: string;
  let outside: string;
  let secret: string;

  beforeEach(() => {
    base = mkdtempSync(join(tmpdir(), 'tszone-unpack-'));
    root = join(base, 'root');
    outside = join(base, 'outside');
    secret = join(outside, 'secret');
    mkdirSync(root);
    mkdirSync(outside, { mode: 0o711 });
    writeFileSync(secret, 'keep', { mode: 0o600 });
  });

  afterEach('nothing outside the root has changed', () => {
    try {
      expectOutsideUntouched();
    } finally {
      rmSync(base, { recursive: true, force: true });
    }
  });

  let mode: readonly string[] = [];
  const unpack = (archive: Buffer, ...options: string[]) =>
    run(['unpack', '--root', root, ...mode, ...options], archive);

  async function refused(
    archive: Buffer,
    ...options: string[]
  ): Promise<{ error: string; entry: string; errno: number }> {
    const result = await unpack(archive, ...options);
    expect(result.status, result.stderr).to.equal(1);
    expect(result.stderr.trim().split('\n')).to.have.length(1);
    return JSON.parse(result.stderr);
  }

  async function accepted(archive: Buffer, ...options: string[]): Promise<Record<string, number>> {
    const result = await unpack(archive, ...options);
    expect(result.status, result.stderr).to.equal(0);
    return JSON.parse(result.stdout);
  }

  function expectOutsideUntouched(): void {
    expect(readdirSync(base).sort()).to.deep.equal(['outside', 'root']);
    expect(readdirSync(outside)).to.deep.equal(['secret']);
    expect(readFileSync(secret, 'utf8')).to.equal('keep');
    const stat = statSync(secret);
    expect([stat.mode & 0o7777, stat.nlink, stat.uid]).to.deep.equal([0o600, 1, 0]);
    expect(statSync(outside).mode & 0o7777).to.equal(0o711);
  }

  // Each wall has to hold alone: as the payload of a zone there is no pivot_root, only the way of looking names up.
  for (const [where, options] of [
    ['on the host', []],
    ['--here', ['--here']],
  ] as const) {
    describe(`names that lead out (${where})`, () => {
      before(() => {
        mode = options;
      });
      after(() => {
        mode = [];
      });

      for (const name of ['../evil', 'a/../../outside/evil', '..', './../outside/secret']) {
        it(`refuses "${name}"`, async () => {
          expect((await refused(rawTar({ name, content: 'x' }))).error).to.contain('..');
          expectOutsideUntouched();
        });
      }

      it('takes an absolute name as one below the root', async () => {
        await accepted(rawTar({ name: `${outside}/evil`, content: 'x' }));
        expect(readFileSync(join(root, outside, 'evil'), 'utf8')).to.equal('x');
        expectOutsideUntouched();
      });

      it('refuses ".." in the target of a hard link and in a PAX path', async () => {
        await refused(rawTar({ name: 'h', type: '1', link: '../outside/secret' }));
        await refused(rawTar(pax({ path: '../outside/evil' }), { name: 'x', content: 'x' }));
        expectOutsideUntouched();
      });
    });

    describe(`links that lead out (${where})`, () => {
      before(() => {
        mode = options;
      });
      after(() => {
        mode = [];
      });

      const through = (link: string) =>
        rawTar({ name: 'l', type: '2', link }, { name: 'l/evil', content: 'x' }, { name: 'l/secret', content: 'evil' });

      it('does not write through an absolute symbolic link', async () => {
        await unpack(through(outside));
        expectOutsideUntouched();
        expect(readlinkSync(join(root, 'l'))).to.equal(outside);
      });

      it('does not write through a relative one', async () => {
        await unpack(through('../outside'));
        expectOutsideUntouched();
      });

      it('does not go through a link to a file descriptor of /proc', async () => {
        await unpack(through('/proc/self/cwd/../outside'));
        await unpack(through('/proc/1/root/tmp'));
        expectOutsideUntouched();
      });

      it('writes through a link that stays inside, as "bin -> usr/bin" needs', async () => {
        await accepted(
          rawTar(
            { name: 'usr/bin/', type: '5' },
            { name: 'bin', type: '2', link: '/usr/bin' },
            { name: 'bin/x', content: 'x' },
          ),
        );
        expect(readFileSync(join(root, 'usr/bin/x'), 'utf8')).to.equal('x');
      });

      it('is not fooled by a directory that becomes a link after it was used', async () => {
        await unpack(
          rawTar(
            { name: 'd/', type: '5' },
            { name: 'd/e/', type: '5' },
            { name: 'd/e', type: '2', link: outside },
            { name: 'd/e/evil', content: 'x' },
          ),
        );
        expectOutsideUntouched();
        await unpack(
          rawTar({ name: 'p/', type: '5' }, { name: 'p', type: '2', link: outside }, { name: 'p/evil', content: 'x' }),
        );
        expectOutsideUntouched();
      });

      it('is not fooled by a link that is reached through itself and then replaced', async () => {
        await accepted(
          rawTar(
            { name: 'sub/', type: '5' },
            { name: 'l', type: '2', link: '.' },
            { name: 'l/a', content: 'x' },
            { name: 'l/l', type: '2', link: 'sub' },
            { name: 'l/b', content: 'x' },
          ),
        );
        expect(existsSync(join(root, 'sub/b'))).to.equal(true);
        expect(existsSync(join(root, 'b'))).to.equal(false);
      });

      it('replaces a link by a file of the same name instead of writing to its target', async () => {
        await accepted(rawTar({ name: 'f', type: '2', link: secret }, { name: 'f', content: 'new' }));
        expect(lstatSync(join(root, 'f')).isFile()).to.equal(true);
        expectOutsideUntouched();
      });

      it('does not change the mode or owner of a link target', async () => {
        await accepted(rawTar({ name: 'f', type: '2', link: secret, mode: 0o777, uid: 1000 }));
        await accepted(
          rawTar({ name: 'd', type: '2', link: outside }, { name: 'd/', type: '5', mode: 0o777, uid: 1000 }),
        );
        expect(lstatSync(join(root, 'd')).isDirectory()).to.equal(true);
        expectOutsideUntouched();
      });

      it('makes no hard link to what lies outside', async () => {
        await refused(rawTar({ name: 'h', type: '1', link: secret }));
        await refused(rawTar({ name: 'l', type: '2', link: outside }, { name: 'h', type: '1', link: 'l/secret' }));
        expectOutsideUntouched();
      });

      it('does not write into the file behind a hard link that it replaces', async () => {
        await accepted(
          rawTar({ name: 'a', content: 'one' }, { name: 'b', type: '1', link: 'a' }, { name: 'b', content: 'two' }),
        );
        expect(readFileSync(join(root, 'a'), 'utf8')).to.equal('one');
      });
    });
  }

  describe('archives that lie about themselves', () => {
    const cut = (archive: Buffer, length: number) => archive.subarray(0, length);

    it('refuses one that ends in the middle, or without its end mark', async () => {
      const archive = rawTar({ name: 'f', content: 'x'.repeat(5000) });
      for (const length of [0, 100, 512, 700, 512 + 5000, archive.length - 1024]) {
        expect((await refused(cut(archive, length))).error, String(length)).to.contain('truncated');
      }
    });

    it('refuses a wrong checksum', async () => {
      expect((await refused(rawTar({ name: 'f', checksum: '0000000\0' }))).error).to.contain('checksum');
    });

    it('refuses a negative and a huge size', async () => {
      const negative = Buffer.alloc(12, 0xff);
      const huge = Buffer.from('800000007fffffffffffffff', 'hex');
      expect((await refused(rawTar({ name: 'f', size: negative }))).error).to.contain('out of range');
      expect((await refused(rawTar({ name: 'f', size: huge }))).error).to.contain('truncated');
      expect((await refused(rawTar({ name: 'f', size: Buffer.alloc(12, 0x9f) }))).error).to.contain('out of range');
      expect((await refused(rawTar(pax({ size: '99999999999999999999' }), { name: 'f' }))).error).to.contain('range');
    });

    it('refuses malformed PAX headers', async () => {
      for (const content of [
        'x',
        '99999 path=a\n',
        '5 a=b',
        '0 path=a\n',
        '10 path\n',
        '-1 path=a\n',
        '12 path=a\0b\n',
      ]) {
        await refused(rawTar({ name: 'p', type: 'x', content }, { name: 'f' }));
      }
      await refused(rawTar(pax({ path: 'a' }), pax({ path: 'b' }), { name: 'f' }));
      await refused(rawTar(pax({ uid: '4294967295' }), { name: 'f' }));
    });

    it('refuses maps of sparse files that overlap, overflow or do not add up', async () => {
      const sparse = (map: string, size: string) =>
        rawTar(pax({ 'GNU.sparse.map': map, 'GNU.sparse.size': size }), { name: 's', content: 'xxxx' });
      for (const [map, size] of [
        ['0,2,1,2', '10'],
        ['8,4', '10'],
        ['0,3', '10'],
        ['9223372036854775807,4', '10'],
        ['0', '4'],
        ['0,4,', '2'],
      ] as const) {
        await refused(sparse(map, size));
      }
      await accepted(sparse('1,2,8,2', '20'));
      expect(readFileSync(join(root, 's')).toString('latin1')).to.equal('\0xx\0\0\0\0\0xx'.padEnd(20, '\0'));
    });

    it('refuses names that the kernel would not take', async () => {
      await refused(rawTar(pax({ path: 'x'.repeat(300) }), { name: 'f' }));
      await refused(rawTar(pax({ path: 'a/'.repeat(3000) }), { name: 'f' }));
      await refused(rawTar({ name: '././@LongLink', type: 'L', size: '77777777777' }));
    });

    it('refuses types that it does not know', async () => {
      expect((await refused(rawTar({ name: 'm', type: 'M' }))).entry).to.equal('m');
    });

    it('refuses more entries or bytes than it is told to take', async () => {
      const archive = rawTar({ name: 'a', content: 'x' }, { name: 'b', content: 'x' }, { name: 'c', content: 'x' });
      await refused(archive, '--max-entries', '2');
      await refused(archive, '--max-bytes', '2000');
      await accepted(archive, '--max-entries', '3', '--max-bytes', String(archive.length));
    });

    it('says which entry it was, whatever is in the name', async () => {
      const { entry } = await refused(rawTar({ name: 'a"b\n\u001b', type: '1', link: 'nowhere' }));
      expect(entry).to.equal('a"b\n\u001b');
    });
  });

  describe('what it writes', () => {
    it('leaves device nodes out and counts them', async () => {
      const device = { name: 'sda', type: '4', device: [8, 0] } as const;
      const counts = await accepted(
        rawTar(device, { name: 'null', type: '3', device: [1, 3] }, { name: 'f', content: 'x' }),
      );
      expect(counts).to.include({ entries: 1, skippedDevices: 2 });
      expect(readdirSync(root)).to.deep.equal(['f']);
    });

    it('makes them when told to', async () => {
      await accepted(rawTar({ name: 'null', type: '3', device: [1, 3], mode: 0o666 }), '--devices');
      expect(lstatSync(join(root, 'null')).isCharacterDevice()).to.equal(true);
    });

    it('keeps owners and set-id bits, or drops both', async () => {
      const archive = rawTar({ name: 'su', content: 'x', mode: 0o6755, uid: 1234, gid: 4321 });
      await accepted(archive);
      expect(statSync(join(root, 'su'))).to.include({ uid: 1234, gid: 4321, mode: 0o106755 });
      await accepted(archive, '--no-owner');
      expect(statSync(join(root, 'su'))).to.include({ uid: 0, gid: 0, mode: 0o100755 });
      await accepted(archive, '--owner', '7:8');
      expect(statSync(join(root, 'su'))).to.include({ uid: 7, gid: 8, mode: 0o100755 });
    });

    it('takes the last one of two entries of the same name', async () => {
      await accepted(rawTar({ name: 'f', content: 'one' }, { name: 'f/', type: '5' }, { name: 'f/g', content: 'two' }));
      expect(readFileSync(join(root, 'f/g'), 'utf8')).to.equal('two');
      expect((await refused(rawTar({ name: 'd/x', content: 'x' }, { name: 'd', content: 'y' }))).error).to.contain(
        'directory',
      );
    });

    it('does not take overlay attributes, which would steer lookups in every zone', async () => {
      const records = { 'SCHILY.xattr.user.overlay.redirect': '/etc', 'SCHILY.xattr.trusted.overlay.opaque': 'y' };
      const counts = await accepted(
        rawTar(pax({ ...records, 'SCHILY.xattr.user.mine': 'v' }), { name: 'd/', type: '5' }),
      );
      expect(counts.skippedXattrs).to.be.oneOf([2, 3]);
    });

    it('has a thousand extended attributes, which come back from pack, too', async function () {
      requires('tmpfs-xattrs').call(this);
      const directory = mkdtempSync('/dev/shm/tszone-unpack-');
      try {
        const numbers = Array.from({ length: 1000 }, (_, index) => index);
        const records = numbers.map((n) => [`SCHILY.xattr.user.n${n}`, `v${n}`] as const);
        const archive = rawTar(pax(Object.fromEntries(records)), { name: 'f', content: 'x' });
        expect((await run(['unpack', '--root', directory], archive)).status).to.equal(0);
        const { status, stdout } = await run(['pack', '--root', directory, 'f']);
        expect(status).to.equal(0);
        expect(records.filter(([key, value]) => !stdout.includes(` ${key}=${value}\n`))).to.deep.equal([]);
      } finally {
        rmSync(directory, { recursive: true });
      }
    });

    it('leaves out what matches --exclude, and takes components off the front', async () => {
      const archive = rawTar(
        { name: 'top/a', content: 'x' },
        { name: 'top/var/cache/b', content: 'x' },
        { name: 'top/l', type: '1', link: 'top/a' },
      );
      await accepted(archive, '--strip', '1', '--exclude', 'var/*');
      expect(readdirSync(root).sort()).to.deep.equal(['a', 'l']);
    });

    it('scrubs what tells machines apart', async () => {
      await accepted(
        rawTar(
          { name: 'etc/machine-id', content: '0123' },
          { name: 'etc/ssh/ssh_host_rsa_key', content: 'private' },
          { name: 'etc/ssh/ssh_host_rsa_key.pub', content: 'public' },
          { name: 'etc/ssh/sshd_config', content: 'x' },
        ),
        '--scrub',
      );
      expect(readFileSync(join(root, 'etc/machine-id'), 'utf8')).to.equal('');
      expect(readdirSync(join(root, 'etc/ssh'))).to.deep.equal(['sshd_config']);
    });

    it('scrubs nothing outside when etc is a link', async () => {
      mkdirSync(join(outside, 'ssh'));
      writeFileSync(join(outside, 'ssh/ssh_host_rsa_key'), 'host');
      writeFileSync(join(outside, 'machine-id'), 'host');
      await accepted(rawTar({ name: 'etc', type: '2', link: outside }), '--scrub');
      expect(readFileSync(join(outside, 'ssh/ssh_host_rsa_key'), 'utf8')).to.equal('host');
      expect(readFileSync(join(outside, 'machine-id'), 'utf8')).to.equal('host');
      rmSync(join(outside, 'ssh'), { recursive: true });
      rmSync(join(outside, 'machine-id'));
    });

    it('follows a link to a directory only with --keep-directory-symlink', async () => {
      const archive = rawTar(
        { name: 'real/', type: '5' },
        { name: 'l', type: '2', link: 'real' },
        { name: 'l/', type: '5' },
        { name: 'l/f', content: 'x' },
      );
      await accepted(archive, '--keep-directory-symlink');
      expect(readFileSync(join(root, 'real/f'), 'utf8')).to.equal('x');
      expect(lstatSync(join(root, 'l')).isSymbolicLink()).to.equal(true);
    });
  });

  it('runs with nothing but the directory, few capabilities and no open descriptors', async () => {
    const child = start(['unpack', '--root', root]);
    child.stdin.write(rawEntry({ name: 'f', content: 'x' }));
    await eventually('the first entry is there', () => existsSync(join(root, 'f')));
    const proc = `/proc/${child.pid}`;
    const status = readFileSync(`${proc}/status`, 'utf8');
    // CHOWN, DAC_OVERRIDE, FOWNER, FSETID, SETFCAP.
    for (const set of ['CapPrm', 'CapEff', 'CapBnd'])
      expect(status).to.match(new RegExp(`^${set}:\\s0000000080000 01b$`.replace(' ', ''), 'm'));
    expect(status).to.match(/^NoNewPrivs:\s1$/m);
    expect(readdirSync(`${proc}/root/`)).to.deep.equal(['f']);
    expect(readFileSync(`${proc}/mountinfo`, 'utf8').trim().split('\n')).to.have.length(1);
    for (const kind of ['mnt', 'net', 'ipc'])
      expect(readlinkSync(`${proc}/ns/${kind}`)).to.not.equal(readlinkSync(`/proc/self/ns/${kind}`));
    expect(readdirSync(`${proc}/fd`).length).to.be.at.most(6);
    child.kill('SIGKILL');
    await once(child, 'close');
  });
});
