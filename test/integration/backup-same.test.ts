/** A zone that has not changed is not read again for a backup; whatever a zone does to its files is a change. */
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { expect } from 'chai';
import { runTool } from '../../src/helper/index.js';
import type { Zone } from '../../src/index.js';
import type { Backup } from '../../src/operations/backup-list.js';
import { lookAtState } from '../../src/operations/backup-state.js';
import { outputOf } from '../helpers/cli.js';
import { type Crasher, makeCrasher } from '../helpers/crash.js';
import { givenHost } from '../helpers/given.js';
import { patience } from '../helpers/patience.js';
import { sh } from '../helpers/temp-host.js';
import { describeZone, makeUgly, uglyProgram } from '../helpers/ugly-tree.js';

interface Made {
  readonly id: string;
  readonly sameAs?: string;
}

/** Writes a byte to a file that is mapped already, so that no system call says so. */
const mapper = `
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>
int main(void) {
  int fd = open("/root/mapped", O_RDWR);
  char *at = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  at[0] = 'a';
  puts("mapped");
  fflush(stdout);
  while (access("/dev/shm/go", F_OK) != 0) usleep(1000);
  at[0] = 'b';
  return 0;
}`;

describe('backup of a zone that has not changed', function () {
  this.timeout(patience(120_000));
  let zone: Zone;
  let repository: string;
  let flags: string[];
  let crasher: Crasher;
  const given = givenHost({ images: ['busybox'], needs: ['gcc', 'busybox', 'restic'] }, async (host) => {
    crasher = await makeCrasher();
    repository = `${host.root}.backups`;
    flags = ['--password-file', `${host.root}.password`];
    await outputOf('sh', ['-c', `echo correct horse > ${host.root}.password`]);
    zone = await host.run({ name: 'web', image: 'busybox', net: 'none', command: ['sleep', '100000'] });
    await makeUgly(zone, await uglyProgram(host));
    const source = await host.file('mapper.c', mapper);
    await outputOf('gcc', ['-static', '-o', join(host.directory, 'mapper'), source]);
    await host.ok(['cp', join(host.directory, 'mapper'), 'web:/root/mapper']);
    await sh(zone, 'mkdir -p /root/d; for i in 1 2 3 4; do echo $i > /root/d/$i; done; echo xxxxxxxx > /root/mapped');
  });
  after(async () => crasher?.[Symbol.asyncDispose]());
  const create = (...more: string[]) =>
    given.host.json<Made>(['backup', 'create', 'web', '--to', repository, ...flags, ...more]);
  const listed = () => given.host.json<Backup[]>(['backup', 'list', repository, ...flags]);
  const failure = async (...args: string[]) => {
    const { stderr } = await given.host.cli(['-o', 'json', ...args]);
    return JSON.parse(stderr.slice(stderr.indexOf('{'))).error as { code: string };
  };
  /** Kept by a later backup only if it is older than the kernel's clock can tell. */
  const settle = () => new Promise((resolve) => setTimeout(resolve, 30));

  it('says which backup has all of it, also while it runs, and comes back from it the same', async () => {
    await settle();
    const first = await create();
    expect(first.sameAs).to.equal(undefined);
    const before = await describeZone(zone);
    const second = await create('--comment', 'nothing new');
    expect(second.sameAs).to.equal(first.id);
    expect((await create()).sameAs).to.equal(first.id);
    expect(await listed()).to.have.lengthOf(3);
    expect((await listed())[1]).to.include({ id: second.id, sameAs: first.id, comment: 'nothing new', zone: 'web' });
    await given.host.ok(['backup', 'restore', repository, second.id, 'back', ...flags]);
    const back = await (await given.host.open()).zone('back');
    await back.start();
    const withoutAtime = (lines: readonly string[]) => lines.map((line) => line.replace(/ a\d+\.\d{9}/, ''));
    expect(withoutAtime(await describeZone(back))).to.deep.equal(withoutAtime(before));
    await back.delete({ force: true });
  });

  it('notices whatever a zone does to its files, whatever times it gives them', async () => {
    const { context } = await given.host.open();
    const look = async () => {
      const state = await lookAtState(context, 'web', { willBeKnown: true }, {});
      expect(state?.own.entries).to.be.greaterThan(5);
      return state;
    };
    const mapped = zone.exec(['/root/mapper']);
    await sh(zone, 'until grep -q a /root/mapped; do sleep 0.01; done');
    const same =
      'touch -r /root/d/1 /root/stamp; printf 9 > /root/d/1; printf "\\n" >> /root/d/1; touch -r /root/stamp /root/d/1';
    const changes = [
      'echo more >> /root/d/1',
      same,
      'chmod 600 /root/d/2',
      'chown 5:5 /root/d/2',
      'mv /root/d/3 /root/d/5',
      'ln /root/d/4 /root/d/6',
      'rm /root/d/6',
      'mv /root/d/4 /root/d/x; mv /root/d/5 /root/d/4; mv /root/d/x /root/d/5',
      'ln -sf /a /root/d/l',
      'rm /etc/passwd',
      'chmod 700 /',
      'touch /dev/shm/go; until grep -q b /root/mapped; do sleep 0.01; done; sleep 0.1',
    ];
    for (const change of changes) {
      await settle();
      const was = await look();
      expect((await look())?.key, `before ${change}`).to.equal(was?.key);
      expect(was?.own.settled, change).to.equal(true);
      await sh(zone, change);
      expect((await look())?.key, change).to.not.equal(was?.key);
    }
    await mapped;
    const was = await look();
    await zone.set({ memory: '64M' });
    expect((await look())?.key, 'a setting').to.not.equal(was?.key);
  });

  it('is never known on a file system that does not mark changes of what is mapped', async () => {
    const place = await mkdtemp('/dev/shm/tszone-test-');
    try {
      const tool = runTool('list', ['--root', place, '--changes', '--sync'], { stderr: 'pipe' });
      const [said, status] = await Promise.all([text(tool.stderr as Readable), tool.exited]);
      expect([status, JSON.parse(said)]).to.deep.equal([0, { entries: 1, settled: false }]);
    } finally {
      await rm(place, { recursive: true });
    }
  });

  it('changed, is stored as a whole; stopped, is the same again without being read', async () => {
    const running = await create();
    expect(running.sameAs).to.equal(undefined);
    await zone.stop({ force: true });
    const stopped = await create();
    expect((await create()).sameAs).to.equal(stopped.sameAs ?? stopped.id);
    await zone.start();
    await sh(zone, 'echo again > /root/d/2');
    await zone.stop({ force: true });
    expect((await create()).sameAs).to.equal(undefined);
    await zone.start();
  });

  it('keeps what it is the same as, when the rest is pruned', async () => {
    await settle();
    const base = await create();
    const same = await create();
    expect(same.sameAs).to.equal(base.sameAs ?? base.id);
    await given.host.ok(['backup', 'prune', repository, '--keep', '1d', ...flags]);
    const kept = await listed();
    expect(kept.map(({ id }) => id)).to.have.members([same.id, same.sameAs]);
    expect(await given.host.ok(['backup', 'verify', repository, '--read-data', ...flags])).to.include('2 backups');
    await given.host.ok(['backup', 'restore', repository, 'web', 'back', ...flags]);
    await given.host.ok(['delete', 'back']);
  });

  it('killed at any step, is in the repository as a whole, or not at all', async () => {
    const order = { operation: 'backup', zone: { name: 'web', image: 'busybox' } } as const;
    const steps = await crasher.boundaries(given.host, order);
    const at = steps.indexOf('backup: same');
    expect(at, steps.join()).to.be.at.least(0);
    const was = await listed();
    expect(await crasher.killAt(given.host, { ...order, at })).to.equal(true);
    const is = await listed();
    expect(is).to.have.lengthOf(was.length + 1);
    expect(is.at(-1)?.sameAs).to.be.a('string');
    await given.host.ok(['backup', 'verify', repository, ...flags]);
  });

  it('is read again if what it is the same as is gone, which verify and restore tell', async () => {
    const last = (await listed()).at(-1);
    const base = last?.sameAs ?? '';
    const names = await readdir(join(repository, 'snapshots'));
    await rm(join(repository, 'snapshots', names.find((name) => name.startsWith(base)) ?? 'none'));
    expect((await failure('backup', 'verify', repository, ...flags)).code).to.equal('BACKUP_DAMAGED');
    const restoring = ['backup', 'restore', repository, last?.id ?? '', 'back', ...flags];
    expect((await failure(...restoring)).code).to.equal('BACKUP_DAMAGED');
    expect(existsSync(join(given.host.root, 'zones/back'))).to.equal(false);
    expect((await create()).sameAs).to.equal(undefined);
  });
});
