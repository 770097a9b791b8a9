import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { cpusIn, probeHost } from '../../../src/host/index.js';

describe('probeHost', () => {
  let prefix: string;
  beforeEach(() => {
    prefix = mkdtempSync(join(tmpdir(), 'tszone-probe-'));
  });
  afterEach(() => rmSync(prefix, { recursive: true }));

  const put = (path: string, text: string) => {
    mkdirSync(dirname(prefix + path), { recursive: true });
    writeFileSync(prefix + path, text);
  };

  it('reads a machine from its files', async () => {
    put('/proc/sys/kernel/osrelease', '6.1.0-56-cloud-amd64\n');
    put('/proc/sys/kernel/random/boot_id', 'b-o-o-t\n');
    put(
      '/proc/self/status',
      'Name:\tnode\nUid:\t1000\t0\t1000\t1000\nCapEff:\t0000000000000003\nCapBnd:\t0000000001000001\n',
    );
    put('/sys/kernel/security/lsm', 'lockdown,capability,apparmor');
    put('/sys/devices/system/cpu/online', '0-2,5\n');
    put('/sys/devices/system/node/online', '0-1\n');
    put('/run/systemd/system/x', '');
    put('/.dockerenv', '');
    mkdirSync(join(prefix, 'usr/bin'), { recursive: true });
    symlinkSync('usr/bin', join(prefix, 'bin'));
    mkdirSync(join(prefix, 'lib64'));
    const facts = await probeHost({ prefix });
    expect(facts.kernel).to.include({ release: '6.1.0-56-cloud-amd64', major: 6, minor: 1, bootId: 'b-o-o-t' });
    expect(facts.isRoot).to.equal(true);
    expect(facts.capabilities.effectiveNames).to.deep.equal(['CHOWN', 'DAC_OVERRIDE']);
    expect(facts.capabilities.boundingNames).to.deep.equal(['CHOWN', 'SYS_RESOURCE']);
    expect(facts.lsms).to.deep.equal(['lockdown', 'capability', 'apparmor']);
    expect(facts.cpus).to.deep.equal({ count: 4, online: '0-2,5' });
    expect(facts).to.include({ memoryNodes: '0-1', systemd: true, container: 'docker' });
    expect(facts.usr).to.deep.equal({ merged: false, links: { '/bin': 'usr/bin' }, dirs: ['/lib64'] });
  });

  it('takes what is missing for a fact, not for an error', async () => {
    const facts = await probeHost({ prefix });
    expect(facts).to.include({ isRoot: false, systemd: false });
    expect(facts.cgroup.controllers).to.deep.equal({});
    expect(facts.capabilities.bounding).to.equal(0n);
    expect(facts).to.not.have.property('container');
  });

  it('agrees with uname and id about this machine', async () => {
    const facts = await probeHost();
    expect(facts.kernel.release).to.equal(execFileSync('uname', ['-r'], { encoding: 'utf8' }).trim());
    expect(facts.kernel.machine).to.equal(execFileSync('uname', ['-m'], { encoding: 'utf8' }).trim());
    expect(facts.isRoot).to.equal(execFileSync('id', ['-u'], { encoding: 'utf8' }).trim() === '0');
  });
});

describe('cpusIn', () => {
  it('expands the kernel’s lists', () => {
    expect(cpusIn('0')).to.deep.equal([0]);
    expect(cpusIn('0-3,5,7-8')).to.deep.equal([0, 1, 2, 3, 5, 7, 8]);
  });
});
