/** A zone goes out as one stream and comes back the same, file by file. */
import { lstat, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Zone } from '../../src/index.js';
import type { ExportManifest } from '../../src/operations/export-manifest.js';
import { outputOf, runProgram } from '../helpers/cli.js';
import { givenHost } from '../helpers/given.js';
import { isThere } from '../helpers/snapshot.js';
import { sh } from '../helpers/temp-host.js';
import { describeZone, makeUgly, uglyProgram } from '../helpers/ugly-tree.js';

/** The lines that differ, and no others, in the message. */
function expectSame(is: readonly string[], was: readonly string[]): void {
  const only = (some: readonly string[], others: readonly string[]) => some.filter((line) => !others.includes(line));
  expect([only(was, is), only(is, was)], 'lost and new').to.deep.equal([[], []]);
  expect(is).to.have.lengthOf(was.length);
}

/** Made anew. */
const keys = ['/etc/ssh', '/etc/ssh/ssh_host_rsa_key', '/etc/ssh/ssh_host_rsa_key.pub'];

describe('export and import', () => {
  let zone: Zone;
  let before: readonly string[];
  let file: string;
  const given = givenHost({ ownImages: true, needs: ['gcc', 'busybox'] }, async (host) => {
    file = join(host.directory, 'web.tar.zst');
    zone = await host.run({
      name: 'web',
      image: 'busybox',
      memory: '64M',
      env: { COLOUR: 'red' },
      label: { team: 'a' },
      hostname: 'shop.example',
      ulimit: ['nofile=100:200'],
      tmpfs: ['/scratch:1M'],
      command: ['sleep', '100000'],
    });
    await makeUgly(zone, await uglyProgram(host));
    await sh(
      zone,
      'rm -r /etc/passwd /home; echo own > /etc/issue; echo gone > /scratch/lost; mkdir -p /etc/ssh; echo s > /etc/ssh/ssh_host_rsa_key',
    );
    before = await describeZone(zone, keys);
  });
  const back = async (name: string, ...flags: string[]): Promise<Zone> => {
    await given.host.ok(['import', file, name, ...flags]);
    const made = await (await given.host.open()).zone(name);
    await made.start();
    return made;
  };

  it('the tree is as ugly as it should be', () => {
    const text = before.join('\n');
    for (const part of [
      'system.posix_acl_access',
      'system.posix_acl_default',
      'security.capability',
      'user.binary',
      ' 140777 ',
    ])
      expect(text).to.include(part);
    expect(before.filter((line) => line.includes('=/data/another-hard'))).to.have.lengthOf(3);
    expect(before.find((line) => line.startsWith('/data/sparse '))?.match(/ \d+-\d+/g)).to.have.lengthOf(40);
    expect(before.find((line) => line.startsWith('/data/only-hole '))).to.not.match(/ \d+-\d+/);
    expect(before.find((line) => line.startsWith('/data/no-hole-of-zeros '))).to.include(' 0-262144 ');
  });

  for (const state of ['running', 'paused', 'stopped'] as const) {
    it(`a ${state} zone comes back the same, file by file`, async () => {
      if (state === 'paused') await zone.pause();
      if (state === 'stopped') await zone.stop();
      try {
        await given.host.ok(['export', 'web', file, '--force']);
      } finally {
        if (state === 'paused') await zone.resume();
        if (state === 'stopped') await zone.start();
      }
      const made = await back(`from-${state}`);
      expectSame(await describeZone(made, keys), before);
      expect(await sh(made, 'ls /etc/passwd 2>/dev/null || echo none')).to.equal('none');
      await made.delete({ force: true });
    });
  }

  it('through a pipe, and back through a pipe', async () => {
    const [out, at] = [
      `${process.execPath} bin/tszone.js export web -`,
      `${process.execPath} bin/tszone.js import - piped`,
    ];
    const { status, stderr } = await runProgram('sh', ['-c', `${out} | ${at}`], { env: given.host.env });
    expect(status, stderr).to.equal(0);
    const made = await (await given.host.open()).zone('piped');
    await made.start();
    expectSame(await describeZone(made, keys), before);
    await made.delete({ force: true });
  });

  it('what the zone is comes with it: limits, command, environment; who it is does not', async () => {
    const made = await back('other');
    const [was, is] = [await zone.inspect(), await made.inspect()];
    const { name: _a, hostname, ...same } = was.spec;
    const { name: _b, hostname: ownName, ...spec } = is.spec;
    expect(spec).to.deep.equal(same);
    expect([hostname, ownName]).to.deep.equal(['shop.example', undefined]);
    expect(await sh(made, 'hostname; echo $COLOUR; ulimit -n')).to.equal('other\nred\n100');
    expect(await sh(made, 'ls /etc/ssh; head -1 /etc/ssh/ssh_host_rsa_key')).to.equal(
      'ssh_host_rsa_key\nssh_host_rsa_key.pub\n-----BEGIN RSA PRIVATE KEY-----',
    );
    expect(await sh(made, 'cat /etc/machine-id')).to.not.equal(await sh(zone, 'cat /etc/machine-id'));
    expect(is.addresses).to.not.deep.equal(was.addresses);
    expect(is.ids.base).to.not.equal(was.ids.base);
    await made.delete({ force: true });
  });

  it('with --keep-identity, who it was comes, too; while that one lives, its addresses are taken', async () => {
    const [id, addresses, mac] = [
      await sh(zone, 'cat /etc/machine-id'),
      (await zone.inspect()).addresses,
      await sh(zone, 'cat /sys/class/net/eth0/address'),
    ];
    await given.host.ok(['export', 'web', file, '--force']);
    const taken = await given.host.cli(['-o', 'json', 'import', file, 'twin', '--keep-identity']);
    expect(JSON.parse(taken.stderr).error.code).to.equal('NETWORK_ADDRESS_IN_USE');
    await zone.delete({ force: true });
    zone = await back('web', '--keep-identity');
    expect(
      await sh(zone, 'cat /etc/machine-id; hostname; cat /etc/ssh/ssh_host_rsa_key; cat /sys/class/net/eth0/address'),
    ).to.equal(`${id}\nshop.example\ns\n${mac}`);
    expect((await zone.inspect()).addresses).to.deep.equal(addresses);
  });

  it('what a user wrote into the files that tszone keeps true stays his', async () => {
    await sh(zone, 'echo 10.1.2.3 mine > /etc/hosts; echo nameserver 10.9.8.7 > /etc/resolv.conf');
    await given.host.ok(['export', 'web', file, '--force']);
    const made = await back('kept');
    expect(await sh(made, 'cat /etc/hosts /etc/resolv.conf')).to.equal('10.1.2.3 mine\nnameserver 10.9.8.7');
    await made.delete({ force: true });
  });

  it('GNU tar lists and unpacks it', async () => {
    const manifest = JSON.parse(
      await outputOf('tar', ['--zstd', '-xOf', file, 'tszone-export.json']),
    ) as ExportManifest;
    expect(manifest.spec.name).to.equal('web');
    const out = await given.host.file('by-tar');
    await outputOf('tar', [
      '--zstd',
      '--numeric-owner',
      '-C',
      out,
      '-xpf',
      file,
      'rootfs/data/sparse',
      'rootfs/data/another-hard',
    ]);
    const [sparse, plain] = [
      await lstat(join(out, 'rootfs/data/sparse')),
      await lstat(join(out, 'rootfs/data/another-hard'), { bigint: true }),
    ];
    expect([sparse.size, sparse.blocks < 1000]).to.deep.equal([2 ** 34, true]);
    expect([plain.uid, plain.gid, plain.mode & 0o7777n, plain.mtimeNs]).to.deep.equal([
      1234n,
      5678n,
      0o6755n,
      1_999_999_999n,
    ]);
  });

  it('a file that is there is replaced only with --force, and then at once', async () => {
    await writeFile(file, 'precious');
    const refused = await given.host.cli(['-o', 'json', 'export', 'web', file]);
    expect([refused.status, JSON.parse(refused.stderr).error.code]).to.deep.equal([4, 'PATH_EXISTS']);
    expect(await readFile(file, 'utf8')).to.equal('precious');
    await given.host.ok(['export', 'web', file, '--force']);
    expect((await lstat(file)).mode & 0o777).to.equal(0o600);
    await rm(file);
    await given.host.ok(['export', 'web', file]);
    expect((await lstat(file)).size).to.be.greaterThan(1000);
  });

  it('refuses by name what it cannot do', async () => {
    const cases = [
      [['export', 'none', file, '-f'], 'ZONE_NOT_FOUND'],
      [['export', 'web', '/nowhere/at/all'], 'PATH_NOT_FOUND'],
      [['export', 'web', given.host.directory], 'PATH_EXISTS'],
      [['export', 'web@before', file, '-f'], 'SNAPSHOT_NOT_FOUND'],
      [['export', 'web', file, '-f', '--level', '99'], 'USAGE_BAD_ARGUMENT'],
      [['import', '/nowhere/at/all'], 'PATH_NOT_FOUND'],
      [['import', file], 'ZONE_EXISTS'],
      [['import', file, 'Bad Name'], 'SPEC_INVALID'],
    ] as const;
    for (const [args, code] of cases) {
      const { stderr } = await given.host.cli(['-o', 'json', ...args]);
      expect(JSON.parse(stderr).error.code, args.join(' ')).to.equal(code);
      expect(JSON.parse(stderr).error.hint, args.join(' ')).to.be.a('string');
    }
    expect(await isThere(file)).to.equal(true);
  });
});

describe('export and import of a sparse zone', () => {
  const given = givenHost({ ownImages: true });

  it('takes what is its own, /usr/local too, and shows the /usr of the host that it comes to', async () => {
    const zone = await given.host.run({ name: 'thin', image: 'sparse', net: 'none' });
    await sh(zone, 'echo mine > /usr/local/mine; ln /usr/local/mine /usr/local/again; echo home > /root/home');
    const file = join(given.host.directory, 'thin.tar.zst');
    await given.host.ok(['export', 'thin', file]);
    const names = (await outputOf('tar', ['--zstd', '-tf', file])).split('\n');
    expect(names).to.include.members(['local/mine', 'local/again', 'rootfs/root/home']);
    expect(names.filter((name) => /^rootfs\/usr\/./.test(name))).to.deep.equal([]);
    await given.host.ok(['import', file, 'back']);
    const made = await (await given.host.open()).zone('back');
    await made.start();
    expect(await sh(made, 'cat /usr/local/mine /root/home; stat -c %h /usr/local/again; ls -d /usr/bin')).to.equal(
      'mine\nhome\n2\n/usr/bin',
    );
  });

  it('becomes an image whose zones have its /usr/local, above the /usr of the host', async () => {
    const { host } = given;
    const zone = await host.run({ name: 'tools', image: 'sparse', net: 'none' });
    const ran = (image: string, command: string) =>
      host.ok(['run', '--rm', '--net', 'none', image, '--', 'sh', '-c', command]);
    await sh(
      zone,
      'echo echo mine >/usr/local/bin-mine; chmod 755 /usr/local/bin-mine; chown 3:4 /usr/local; echo x >/root/x',
    );
    await host.ok(['publish', 'tools', 'tools:1']);
    const look = 'sh /usr/local/bin-mine; stat -c %u:%g /usr/local; cat /root/x; ls /usr/local; ls -d /usr/bin';
    expect(await ran('tools:1', look)).to.equal('mine\n3:4\nx\nbin-mine\n/usr/bin\n');
    // What one zone writes there is its own; the next image has the directory as it is then, not as it was.
    const other = await host.run({ name: 'more', image: 'tools:1', net: 'none' });
    await sh(other, 'rm /usr/local/bin-mine; mkdir /usr/local/lib; echo y >/usr/local/lib/y');
    await host.ok(['snapshot', 'create', 'more@s']);
    await host.ok(['publish', 'more@s', 'tools:2']);
    expect(await ran('tools:1', 'ls /usr/local')).to.equal('bin-mine\n');
    expect(await ran('tools:2', 'ls /usr/local; cat /usr/local/lib/y /root/x')).to.equal('lib\ny\nx\n');
    const empty = await host.run({ name: 'empty', image: 'tools:2', net: 'none' });
    await sh(empty, 'rm -r /usr/local/lib');
    await host.ok(['publish', 'empty', 'tools:3']);
    expect(await ran('tools:3', 'ls /usr/local; cat /root/x')).to.equal('x\n');
    await host.ok(['export', 'more', join(host.directory, 'more.tar.zst')]);
    await host.ok(['import', join(host.directory, 'more.tar.zst'), 'came']);
    const came = await (await host.open()).zone('came');
    await came.start();
    expect(await sh(came, 'ls /usr/local')).to.equal('lib');
    await host.ok(['image', 'verify', 'tools:2']);
  });
});
