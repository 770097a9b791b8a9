/** A zone takes all that there is: processes, inodes, memory of its file systems, terminals, the disk of its log. */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { type Alter, type Altered, startAltered, withoutPidsLimit, withoutWord } from '../helpers/altered-zone.js';
import { attackMount } from '../helpers/attack-programs.js';
import { outputOf, runProgram } from '../helpers/cli.js';
import { givenHost } from '../helpers/given.js';
import { eventually } from '../helpers/patience.js';
import { sh } from '../helpers/temp-host.js';

describe('A fork bomb', () => {
  const given = givenHost({ images: ['busybox'], needs: ['gcc'] });
  const bomb = async (options: Altered = {}) => {
    const spec = { name: 'bomb', image: 'busybox', pids: 40, mount: [await attackMount('bomb')] };
    await using zone = await startAltered(given.host, spec, options);
    const made = Number(await sh(zone, '/attack/bomb 400'));
    expect((await runProgram('true', [])).status).to.equal(0);
    return made;
  };

  it('ends at the limit', async () => {
    expect(await bomb())
      .to.be.greaterThan(10)
      .and.lessThan(40);
  });

  it('gets through without cgroup.write of the limit', async () => {
    expect(await bomb({ prepare: withoutPidsLimit })).to.equal(400);
  });
});

describe('A file system in memory that is filled', () => {
  const given = givenHost({ images: ['busybox'] });
  const fill = async (enter?: Alter) => {
    await using zone = await startAltered(
      given.host,
      { name: 'fills', image: 'busybox', memory: 256 * 2 ** 20 },
      enter === undefined ? {} : { enter },
    );
    const script = `cd /dev; mkdir many; i=0; while [ $i -lt 5000 ]; do true > many/$i || break; i=$((i+1)); done 2>/dev/null
      ls many | wc -l; rm -r many; dd if=/dev/zero of=big bs=64k count=64 2>/dev/null; stat -c %s big`;
    const [files = 0, bytes = 0] = (await sh(zone, script)).split('\n').map(Number);
    return { files, bytes };
  };

  it('/dev takes no more than its inodes and its size', async () => {
    const { files, bytes } = await fill();
    expect(files).to.be.greaterThan(1000).and.lessThan(4096);
    expect(bytes).to.be.at.most(2 ** 20);
  });

  it('gets through without "size" and "nr_inodes" in mnt.fs', async () => {
    expect(await fill(withoutWord('mnt.fs', 'options', /^(size|nr_inodes)=/))).to.deep.equal({
      files: 5000,
      bytes: 4 * 2 ** 20,
    });
  });
});

describe('Terminals that are all opened', () => {
  const given = givenHost();
  const open = async (enter?: Alter) => {
    const spec = { name: 'opens', image: 'sparse' };
    await using zone = await startAltered(given.host, spec, enter === undefined ? {} : { enter });
    const program =
      'my @all; while (@all < 1100 and open my $one, "+<", "/dev/ptmx") { push @all, $one } print scalar @all';
    return Number(await sh(zone, `ulimit -n 2000 && perl -e '${program}'`));
  };

  it('are 1024 with the console', async () => {
    expect(await open()).to.equal(1023);
  });

  it('gets through without "max" in mnt.fs', async () => {
    expect(await open(withoutWord('mnt.fs', 'options', /^max=/))).to.equal(1100);
  });
});

describe('A log that is flooded', () => {
  const given = givenHost({ images: ['busybox'] });
  const flooded = 45_000_000;
  const flood = async (enter?: Alter) => {
    const line = 'x'.repeat(4000);
    const command = ['sh', '-c', `yes ${line} | head -c ${flooded}; echo; echo the end; sleep 1000`];
    await using _zone = await startAltered(
      given.host,
      { name: 'floods', image: 'busybox', command },
      enter === undefined ? {} : { enter },
    );
    const directory = join(given.host.root, 'zones/floods');
    const end = () => outputOf('tail', ['-c', '100', join(directory, 'log')]);
    await eventually('all is in the log', async () => (await end()).includes('the end'), 90_000);
    const names = (await readdir(directory)).filter((name) => name.startsWith('log'));
    const sizes = await Promise.all(names.map(async (name) => (await stat(join(directory, name))).size));
    return sizes.reduce((sum, size) => sum + size, 0);
  };

  it('takes three files of ten megabytes', async () => {
    expect(await flood())
      .to.be.greaterThan(10_000_000)
      .and.at.most(30_000_000 + 65_536);
  });

  it('gets through without maxBytes in monitor.log', async () => {
    const enter: Alter = (ops) => ops.map((op) => (op.op === 'monitor.log' ? { ...op, maxBytes: '0' } : op));
    expect(await flood(enter)).to.be.at.least(flooded);
  });
});
