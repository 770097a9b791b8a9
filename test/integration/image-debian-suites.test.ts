/** The template `debian` for what the machine is not: another suite, another architecture. */
import { expect } from 'chai';
import type { ImageManifest } from '../../src/images/index.js';
import { givenHost } from '../helpers/given.js';
import { patience } from '../helpers/patience.js';
import { sh, type TempHost } from '../helpers/temp-host.js';

/** Without updates: those change within a day, the suite with a point release only. */
async function build(host: TempHost, name: string): Promise<string> {
  await host.ok(['image', 'build', '--no-updates', name]);
  return layerOf(host, name);
}

async function layerOf(host: TempHost, name: string): Promise<string> {
  const { layers } = await host.json<ImageManifest>(['image', 'inspect', name]);
  expect(layers).to.have.length(1);
  return layers[0] ?? '';
}

describe('debian trixie', function () {
  this.timeout(patience(600_000));
  const given = givenHost({ images: ['debian:trixie'], needs: ['mmdebstrap', 'x86_64'] });

  it('is that, of the machine’s own architecture, and has apt', async () => {
    await using zone = await given.host.run({ image: 'debian:trixie', net: 'none', memory: '256M' });
    const script =
      '. /etc/os-release; echo $VERSION_CODENAME; dpkg --print-architecture; uname -m; apt-get --version | head -1';
    const said = (await sh(zone, script)).split('\n');
    expect(said.slice(0, 3)).to.deep.equal(['trixie', 'amd64', 'x86_64']);
    expect(said[3]).to.match(/^apt [3-9]/);
  });
});

describe('debian trixie of 32 bits', function () {
  this.timeout(patience(900_000));
  const name = 'debian:trixie-i386';
  const given = givenHost({ images: [name], needs: ['mmdebstrap', 'x86_64'] });

  it('runs its programs under the default filter: i686 with the personality, else what the kernel is', async () => {
    // Perl's own number of the architecture's calls, a socket by socketcall's successor, a thread.
    const script = `. /etc/os-release; echo $VERSION_CODENAME; dpkg --print-architecture; getconf LONG_BIT; uname -m
      od -An -tx1 -j4 -N1 /usr/bin/dpkg; grep Seccomp: /proc/self/status; perl -MSocket -e 'socket(my $s, PF_INET, SOCK_STREAM, 0) or die $!; print "socket\\n"'`;
    await using plain = await given.host.run({ image: name, net: 'none' });
    const of64 = ['trixie', 'i386', '32', 'x86_64', ' 01', 'Seccomp:\t2', 'socket'];
    expect((await sh(plain, script)).split('\n')).to.deep.equal(of64);
    await using zone = await given.host.run({ image: name, net: 'none', personality: 'linux32' });
    expect((await sh(zone, script)).split('\n')).to.deep.equal(of64.with(3, 'i686'));
    expect(await sh(zone, 'unshare -U true 2>&1; echo $?')).to.match(/Operation not permitted\n1$/);
  });

  it('is the same layer when it is built twice', async () => {
    const before = await layerOf(given.host, name);
    const first = await build(given.host, name);
    // Else that of an earlier run of a mirror that has changed since.
    if (first !== before) expect(await build(given.host, name)).to.equal(first);
  });
});
