import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { isUnconfinedLabel } from '../../../src/host/apparmor.js';
import { probeHost } from '../../../src/host/index.js';

describe('AppArmor on a host', () => {
  let prefix: string;
  beforeEach(async () => {
    prefix = await mkdtemp(join(tmpdir(), 'tszone-apparmor-'));
  });
  afterEach(() => rm(prefix, { recursive: true, force: true }));

  const put = async (path: string, text: string) => {
    await mkdir(join(prefix, dirname(path)), { recursive: true });
    await writeFile(join(prefix, path), text);
  };

  it('is no fact where the kernel has none, or has it off', async () => {
    expect((await probeHost({ prefix })).apparmor).to.equal(undefined);
    await put('/sys/kernel/security/lsm', 'lockdown,yama');
    expect((await probeHost({ prefix })).apparmor).to.equal(undefined);
    await put('/sys/module/apparmor/parameters/enabled', 'N\n');
    expect((await probeHost({ prefix })).apparmor).to.equal(undefined);
  });

  it('is known without securityfs, as in a container; and whether we are under a profile', async () => {
    await put('/sys/module/apparmor/parameters/enabled', 'Y\n');
    await put('/proc/self/attr/apparmor/current', 'docker-default (enforce)\n');
    expect((await probeHost({ prefix })).apparmor).to.deep.equal({ hasInterface: false, isConfined: true });
    await put('/proc/self/attr/apparmor/current', 'unconfined\n');
    await put('/sys/kernel/security/apparmor/.replace', '');
    expect((await probeHost({ prefix })).apparmor).to.deep.equal({ hasInterface: true, isConfined: false });
  });

  it('confines nobody by a profile in the mode that says so', () => {
    const labels = ['unconfined', 'nodejs (unconfined)', 'x (enforce)', 'x (complain)', 'unconfined (enforce)', ''];
    expect(labels.map(isUnconfinedLabel)).to.deep.equal([true, true, false, false, false, false]);
  });
});
