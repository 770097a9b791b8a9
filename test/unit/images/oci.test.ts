import { expect } from 'chai';
import { imageConfigOf, ociConfigOf } from '../../../src/images/oci/config.js';
import { debianArch, parseArch, platformOf } from '../../../src/images/oci/platform.js';
import { argvOf } from '../../../src/plan/image-defaults.js';
import type { ZoneRecord } from '../../../src/state/index.js';

describe('architectures of images', () => {
  it('have two names each', () => {
    for (const arch of ['amd64', 'i386', 'arm64', 'armhf', 'armel', 'riscv64', 'ppc64el', 's390x']) {
      expect(debianArch(platformOf(arch))).to.equal(arch);
    }
    expect(['386', 'linux/arm/v7', 'arm/v6', 'ppc64le', 'i386', 'mips'].map(parseArch)).to.deep.equal([
      'i386',
      'armhf',
      'armel',
      'ppc64el',
      'i386',
      'mips',
    ]);
  });
});

describe('the config of an image', () => {
  const rootfs = { diff_ids: [] };

  it('comes back as it went out', () => {
    const config = {
      env: { A: 'b=c', D: '' },
      entrypoint: ['/e'],
      cmd: ['x', 'y'],
      user: '1:2',
      workdir: '/w',
      volumes: ['/v'],
      ports: ['80/tcp'],
      stopSignal: 3,
      labels: { l: '1' },
    };
    const text = JSON.parse(JSON.stringify({ architecture: 'amd64', rootfs, config: ociConfigOf(config) }));
    expect(imageConfigOf(text)).to.deep.equal(config);
    expect(imageConfigOf({ architecture: 'amd64', rootfs, config: { Env: null, Cmd: null, User: '' } })).to.deep.equal(
      {},
    );
  });
});

describe('what a zone of an image runs', () => {
  const argv = (spec: object, config: object) =>
    argvOf({ spec: { command: [], ...spec }, image: { config } } as unknown as ZoneRecord);

  it("is the image's entrypoint with the user's command, or another entrypoint without the image's", () => {
    const both = { entrypoint: ['/e', '-x'], cmd: ['c'] };
    expect(argv({}, both)).to.deep.equal(['/e', '-x', 'c']);
    expect(argv({ command: ['d'] }, both)).to.deep.equal(['/e', '-x', 'd']);
    expect(argv({ entrypoint: '/o' }, both)).to.deep.equal(['/o']);
    expect(argv({ entrypoint: '/o', command: ['d'] }, both)).to.deep.equal(['/o', 'd']);
    expect(argv({ entrypoint: '', command: ['d'] }, both)).to.deep.equal(['d']);
    expect(argv({}, {})).to.deep.equal([]);
  });
});
