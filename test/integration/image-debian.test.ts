import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { helperPath } from '../../src/helper/index.js';
import { ensureImage } from '../../src/operations/ensure-image.js';
import { openHostContext } from '../../src/operations/host-context.js';
import { imageInspect } from '../../src/operations/image-inspect.js';
import { outputOf } from '../helpers/cli.js';
import { imageStore, needsImage } from '../helpers/images.js';
import { patience } from '../helpers/patience.js';
import { requires } from '../helpers/requires.js';
import { describeTree } from '../helpers/trees.js';

describe('the debian image', () => {
  let base = '';
  let layer: string;

  before('root, and the image', async function () {
    requires('root', 'mmdebstrap').call(this);
    // Others want the same, and a mirror is out of step with itself now and then.
    await needsImage('debian').call(this);
    base = mkdtempSync(join(tmpdir(), 'tszone-debian-'));
    mkdirSync(join(base, 'root'));
    symlinkSync(await imageStore(), join(base, 'root/images'));
    const host = await openHostContext({ root: join(base, 'root'), runRoot: join(base, 'run') });
    const image = await ensureImage(host, 'debian:bookworm', { pull: 'missing' });
    expect(image).to.include({ name: 'debian', kind: 'layers' });
    layer = (await imageInspect(host, 'debian')).directories[0] ?? '';
  });
  after(() => base !== '' && rmSync(base, { recursive: true, force: true }));

  const inside = (script: string) => outputOf('chroot', [layer, '/bin/sh', '-c', script]);

  it('is Debian bookworm with apt and the tools of the template', async () => {
    expect(await inside('. /etc/os-release; echo $ID $VERSION_CODENAME')).to.equal('debian bookworm\n');
    for (const program of ['apt-get', 'ip', 'ping', 'ps', 'useradd', 'su']) {
      expect(await inside(`command -v ${program}`), program).to.match(/^\//);
    }
  });

  it('has nothing in it that tells machines apart, and no caches', () => {
    expect(
      existsSync(join(layer, 'etc/machine-id')) && readFileSync(join(layer, 'etc/machine-id'), 'utf8'),
    ).to.be.oneOf([false, '']);
    expect(existsSync(join(layer, 'etc/ssh/ssh_host_rsa_key'))).to.equal(false);
    expect(readdirSync(join(layer, 'var/lib/apt/lists')).filter((name) => name.includes('Packages'))).to.deep.equal([]);
    expect(readdirSync(join(layer, 'var/cache/apt/archives')).filter((name) => name.endsWith('.deb'))).to.deep.equal(
      [],
    );
  });

  it('gets its packages, updates and security fixes from the mirror', () => {
    const sources = readFileSync(join(layer, 'etc/apt/sources.list'), 'utf8');
    expect(sources).to.match(/^deb \S+ bookworm main$/m);
    expect(sources).to.match(/^deb \S+ bookworm-security main$/m);
  });

  it('is unpacked as GNU tar does it: modes, owners, times, links, content', async function () {
    this.timeout(patience(120_000));
    for (const name of ['tar', 'ours']) mkdirSync(join(base, name));
    const archive = join(base, 'debian.tar');
    await outputOf('tar', ['-c', '--format=gnu', '--numeric-owner', '-C', layer, '-f', archive, '.']);
    const options = [
      '-x',
      '-p',
      '--numeric-owner',
      '--xattrs',
      '--xattrs-include=*',
      '-C',
      join(base, 'tar'),
      '-f',
      archive,
    ];
    await outputOf('tar', options);
    await outputOf('sh', ['-c', `exec ${helperPath()} unpack --root ${join(base, 'ours')} <${archive}`]);
    expect(await describeTree(join(base, 'ours'))).to.deep.equal(await describeTree(join(base, 'tar')));
  });

  it('comes through pack as it is, times to the nanosecond', async function () {
    this.timeout(patience(120_000));
    mkdirSync(join(base, 'packed'));
    const helper = helperPath();
    await outputOf('sh', [
      '-c',
      `${helper} pack --root ${layer} . 2>/dev/null | ${helper} unpack --root ${join(base, 'packed')}`,
    ]);
    expect(await describeTree(join(base, 'packed'))).to.deep.equal(await describeTree(layer));
  });
});
