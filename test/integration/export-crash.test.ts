/** kill -9 and a full disk at any step of export, import and publish: nothing is lost, nothing is left. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { openHostContext } from '../../src/operations/host-context.js';
import { imageDelete } from '../../src/operations/image-delete.js';
import { emptyLayer } from '../../src/storage/index.js';
import { isAlive } from '../helpers/alive.js';
import { type Crasher, makeCrasher } from '../helpers/crash.js';
import { givenHost } from '../helpers/given.js';
import { namesBelow } from '../helpers/names-below.js';
import { eventually, patience } from '../helpers/patience.js';
import { mountSmallDisk } from '../helpers/small-disk.js';
import { expectNothingLeftNow, isThere, type Snapshot } from '../helpers/snapshot.js';
import { sh } from '../helpers/temp-host.js';

describe('export, import and publish, ended in the midst', function () {
  this.timeout(patience(180_000));
  let crasher: Crasher;
  let file: string;
  let before: Snapshot;
  let names: readonly string[];
  const given = givenHost({ ownImages: true }, async (host) => {
    crasher = await makeCrasher();
    file = `${host.root}.export`;
    const zone = await host.run({ name: 'web', image: 'busybox' });
    await sh(zone, 'dd if=/dev/urandom of=/root/big bs=1M count=24 2>/dev/null; echo mine > /root/mine');
    await zone.stop();
    before = await host.snapshot();
    names = await readdir(host.directory);
  });
  after(async () => crasher?.[Symbol.asyncDispose]());
  const order = (name: string) => ({ zone: { name, image: 'busybox' } });
  const layers = async () =>
    (await readdir(join(given.host.root, 'images/layers'))).filter((name) => name !== emptyLayer.replace(':', '-'));
  /** What the next command finds, whichever it is. */
  const next = () => given.host.ok(['list']);

  it('killed at any step, an export leaves no file, or all of it', async () => {
    const steps = await crasher.boundaries(given.host, { operation: 'export', ...order('web') });
    expect(steps).to.deep.equal(['export: packed', 'export: done']);
    for (const at of steps.keys()) {
      await rm(file);
      expect(await crasher.killAt(given.host, { operation: 'export', ...order('web'), at })).to.equal(true);
      const left = (await readdir(given.host.directory)).filter((name) => !names.includes(name));
      expect(left, steps[at]).to.deep.equal(at === 0 ? [] : ['root.export']);
      if (at === 0) await given.host.ok(['export', 'web', file]);
    }
  });

  it('killed at any step, an import leaves no zone, or all of it', async () => {
    const steps = await crasher.boundaries(given.host, { operation: 'import', ...order('new') });
    expect(steps).to.include.members([
      'import: journal',
      'import: unpacked',
      'import: apply state.zone-write',
      'import: done',
    ]);
    await given.host.ok(['delete', 'new']);
    const ends = new Set<string>();
    for (const [at, step] of steps.entries()) {
      expect(await crasher.killAt(given.host, { operation: 'import', ...order('new'), at }), step).to.equal(true);
      const isWhole = (await next()).includes('new ');
      ends.add(isWhole ? 'whole' : 'gone');
      if (isWhole) {
        await given.host.ok(['start', 'new']);
        expect(await given.host.ok(['exec', 'new', 'cat', '/root/mine'])).to.equal('mine\n');
        await given.host.ok(['delete', '-f', 'new']);
      }
      await expectNothingLeftNow(before, given.host.snapshotOptions).catch((error: unknown) => {
        throw new Error(`killed at ${step}: ${String(error)}`);
      });
    }
    expect([...ends]).to.have.members(['whole', 'gone']);
  });

  it('killed at any step, a publish leaves the images as they were, or with the new one', async () => {
    const steps = await crasher.boundaries(given.host, { operation: 'publish', ...order('web') });
    expect(steps).to.deep.equal(['publish: unpacked', 'publish: layer', 'publish: done']);
    const host = await openHostContext(given.host);
    await imageDelete(host, 'published');
    const was = await layers();
    for (const [at, step] of steps.entries()) {
      expect(await crasher.killAt(given.host, { operation: 'publish', ...order('web'), at }), step).to.equal(true);
      expect(await imageDelete(host, 'published'), step).to.equal(step === 'publish: done');
      // What is unpacked or named already is found by the next one that makes an image.
      await given.host.ok(['publish', 'web', 'published']);
      await imageDelete(host, 'published');
      expect(await layers(), step).to.have.members(was);
    }
  });

  it('killed while it waits for its stream, an import takes its helpers along and leaves nothing', async () => {
    const bytes = await readFile(file);
    const child = spawn(process.execPath, ['bin/tszone.js', 'import', '-', 'new'], {
      env: { ...process.env, ...given.host.env },
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    child.stdin.on('error', () => undefined);
    child.stdin.write(bytes.subarray(0, Math.floor(bytes.length / 2)));
    const upper = join(given.host.root, 'zones/new/rootfs/upper/root');
    await eventually('it has begun', () => isThere(upper));
    const helpers = await childrenOf(child.pid ?? 0);
    expect(helpers.length).to.be.at.least(3);
    child.kill('SIGKILL');
    await once(child, 'exit');
    // Dead is enough: whoever has them now may reap them when he likes.
    for (const pid of helpers) await eventually(`${pid} is dead`, () => !isAlive(pid));
    await next();
    await expectNothingLeftNow(before, given.host.snapshotOptions);
  });

  it('interrupted, it takes back what it has begun', async () => {
    const bytes = await readFile(file);
    const child = spawn(process.execPath, ['bin/tszone.js', 'import', '-', 'new'], {
      env: { ...process.env, ...given.host.env },
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    child.stdin.on('error', () => undefined);
    child.stdin.write(bytes.subarray(0, Math.floor(bytes.length / 2)));
    await eventually('it has begun', () => isThere(join(given.host.root, 'zones/new/rootfs/upper/root')));
    child.kill('SIGINT');
    expect((await once(child, 'exit'))[0]).to.equal(130);
    await expectNothingLeftNow(before, given.host.snapshotOptions);
  });

  it('on a full disk, an export says so and leaves no file', async () => {
    const directory = await given.host.file('small-out');
    const disk = await mountSmallDisk(directory, 8);
    try {
      const { stderr } = await given.host.cli(['-o', 'json', 'export', 'web', join(directory, 'web.tar.zst')]);
      expect(JSON.parse(stderr).error.code).to.equal('RESOURCE_DISK_FULL');
      expect((await readdir(directory)).filter((name) => name !== 'lost+found')).to.deep.equal([]);
    } finally {
      await disk.unmount();
    }
  });

  it('on a full disk, an import and a publish say so and leave nothing', async () => {
    const directory = await given.host.file('small-root');
    const disk = await mountSmallDisk(directory, 64);
    const own = { TSZONE_ROOT: join(directory, 'root'), TSZONE_RUN_ROOT: join(given.host.directory, 'run2') };
    const there = (...args: string[]) => given.host.cli(['-o', 'json', ...args], { env: own });
    const codeOf = ({ stderr }: { readonly stderr: string }) =>
      JSON.parse(stderr.trim().split('\n').at(-1) ?? '{}').error?.code;
    try {
      const first = await there('import', file, 'one');
      expect(first.status, first.stderr).to.equal(0);
      const tree = async () =>
        (await namesBelow(directory)).filter((name) => !/reserve|lost\+found|networks|instance/.test(name));
      await writeFile(join(directory, 'filler'), Buffer.alloc(20 << 20, 1));
      const was = await tree();
      const expectSame = async () => {
        const now = await tree();
        const added = now.filter((name) => !was.includes(name));
        expect({ added, removed: was.filter((name) => !now.includes(name)) }).to.deep.equal({ added: [], removed: [] });
      };
      expect(codeOf(await there('import', file, 'two'))).to.equal('RESOURCE_DISK_FULL');
      await expectSame();
      expect(codeOf(await there('publish', 'one', 'image'))).to.equal('RESOURCE_DISK_FULL');
      await expectSame();
      expect((await there('list')).stdout).to.not.include('two');
      expect((await there('delete', 'one')).status).to.equal(0);
    } finally {
      for (const name of ['one', 'two']) await there('delete', '--force', name);
      await disk.unmount();
    }
  });
});

/** The unpacker, who watches over zstd, and zstd. */
async function childrenOf(pid: number): Promise<number[]> {
  // One that has done its work may go meanwhile.
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '');
  const own = text.trim().split(' ').filter(Boolean).map(Number);
  return [...own, ...(await Promise.all(own.map(childrenOf))).flat()];
}
