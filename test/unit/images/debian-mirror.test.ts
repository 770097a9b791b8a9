import { expect } from 'chai';
import { planDebian } from '../../../src/images/build-debian.js';
import { chooseMirrors, parseSources } from '../../../src/images/debian-mirror.js';
import { findTemplate } from '../../../src/images/template.js';

const fallback = { mirror: 'http://deb.debian.org/debian', security: 'http://deb.debian.org/debian-security' };
const known = ['bookworm', 'trixie'];

const deb822 = `# a comment
Types: deb
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main
 contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Enabled: no
Types: deb
URIs: http://off.example/debian
Suites: bookworm
Components: main

Types: deb-src
URIs: http://src.example/debian
Suites: bookworm
Components: main

Types: deb
URIs: http://mirror.example/debian-security/
Suites: bookworm-security
Components: main
`;

describe('the Debian mirror', () => {
  it('is the one of the host, in both forms of sources.list', () => {
    const mirrors = { mirror: 'http://mirror.example/debian', security: 'http://mirror.example/debian-security' };
    expect(chooseMirrors(parseSources(deb822, 'sources'), known, fallback)).to.deep.equal(mirrors);
    const lines = `deb [arch=amd64 signed-by=/x] http://mirror.example/debian trixie main non-free # the mirror
deb-src http://src.example/debian trixie main
#deb http://off.example/debian trixie main
deb http://mirror.example/debian-security/ trixie-security main`;
    expect(chooseMirrors(parseSources(lines, 'list'), known, fallback)).to.deep.equal(mirrors);
  });

  it("is the template's when the host is not Debian, or has no mirror on the network", () => {
    const others = [
      'deb http://archive.ubuntu.com/ubuntu jammy main',
      'deb cdrom:[Debian]/debian bookworm main',
      'deb https://packages.example/debian bookworm extras',
      'deb https://deb.nodesource.com/node_20.x nodistro main',
    ];
    expect(chooseMirrors(parseSources(others.join('\n'), 'list'), known, fallback)).to.deep.equal(fallback);
  });

  it('gives the sources of the suite, with updates where there are any', async () => {
    const template = await findTemplate('debian');
    if (template?.kind !== 'debian') throw new Error('debian is missing');
    const plan = planDebian(template, { suite: 'trixie', arch: 'i386', updates: true }, fallback);
    expect(plan.sources).to.deep.equal([
      'deb http://deb.debian.org/debian trixie main',
      'deb http://deb.debian.org/debian trixie-updates main',
      'deb http://deb.debian.org/debian-security trixie-security main',
    ]);
    const plain = planDebian(template, { suite: 'trixie', arch: 'i386', updates: false }, fallback);
    expect([...plain.sources, ...plain.laterSources]).to.deep.equal(plan.sources);
    expect(plain.sources).to.have.length(1);
    expect(planDebian(template, { suite: 'sid', arch: 'amd64', updates: true }, fallback).sources).to.have.length(1);
    expect(() => planDebian(template, { suite: 'woody', arch: 'amd64', updates: true }, fallback)).to.throw('woody');
  });
});
