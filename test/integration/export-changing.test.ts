/** What is read while it changes is whole, or is not told to be. */
import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { helperPath } from '../../src/helper/index.js';
import type { Zone } from '../../src/index.js';
import { type Boundary, observeBoundaries } from '../../src/operations/boundaries.js';
import { cleanEnv, program, runProgram } from '../helpers/cli.js';
import { givenHost } from '../helpers/given.js';
import { eventually, patience } from '../helpers/patience.js';
import { sh, type TempHost } from '../helpers/temp-host.js';

/** Of /root/m, which cannot be compressed: more than zstd has in its hands while nobody reads, 2 MB for each processor. */
const megabytesOfM = 64 + 4 * cpus().length;
const sizeOfM = megabytesOfM << 20;

/** An export whose reader has read some of it, and no more until it is told to: the packer is in /root/m then. */
async function heldExport(host: TempHost, args: readonly string[], ahead = 8 << 20) {
  const [first, ...words] = program;
  const child = spawn(first, [...words, '-o', 'json', 'export', ...args, '-'], {
    env: cleanEnv(host.env),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const chunks: Buffer[] = [];
  let [size, isHeld, stderr] = [0, true, ''];
  child.stderr.on('data', (chunk) => {
    stderr += String(chunk);
  });
  child.stdout.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    size += chunk.length;
    if (isHeld && size > ahead) child.stdout.pause();
  });
  const closed = once(child, 'close') as Promise<[number | null]>;
  await eventually('the export is under way', () => size > ahead);
  return {
    async rest(): Promise<{ status: number | null; stderr: string; archive: Buffer }> {
      isHeld = false;
      child.stdout.resume();
      const [status] = await closed;
      return { status, stderr, archive: Buffer.concat(chunks) };
    },
  };
}

describe('an export of what changes meanwhile', function () {
  this.timeout(patience(120_000));
  let zone: Zone;
  const given = givenHost({ images: ['busybox'], needs: ['gcc', 'busybox', 'restic'] }, async (host) => {
    zone = await host.run({ name: 'web', image: 'busybox', net: 'none', command: ['sleep', '100000'] });
    await sh(zone, `mkdir /root/zz; dd if=/dev/urandom of=/root/m bs=1M count=${megabytesOfM} 2>/dev/null`);
    await sh(zone, 'for i in $(seq 60); do echo aaaa > /root/a$i; ln /root/a$i /root/b$i; done; echo z > /root/zz/z');
  });
  const codeOf = (stderr: string) => JSON.parse(stderr.slice(stderr.indexOf('{'))).error.code as string;
  const copyOfZone = async (name: string) => {
    await given.host.ok(['snapshot', 'create', 'web@copy']);
    await given.host.ok(['clone', 'web@copy', name]);
    await given.host.ok(['snapshot', 'delete', 'web@copy']);
  };

  it('a stopped zone is neither deleted nor started before all of it is read', async () => {
    await copyOfZone('stopped');
    const held = await heldExport(given.host, ['stopped']);
    for (const verb of ['delete', 'start']) {
      const { stderr } = await given.host.cli(['-o', 'json', '--timeout', '1s', verb, 'stopped']);
      expect(codeOf(stderr), verb).to.match(/^(LOCK_BUSY|WAIT_TIMEOUT)$/);
    }
    const { status, stderr, archive } = await held.rest();
    expect(status, stderr).to.equal(0);
    await writeFile(join(given.host.directory, 'whole.tar.zst'), archive);
    await given.host.ok(['import', join(given.host.directory, 'whole.tar.zst'), 'whole']);
    await given.host.ok(['delete', 'whole', 'stopped', '--force']);
  });

  for (const [what, ...args] of [
    ['deleted', 'delete', 'doomed', '--force'],
    ['brought back', 'snapshot', 'restore', 'doomed@then', '--force'],
  ] as const) {
    it(`of a zone that was ${what} meanwhile, what was read is no export`, async () => {
      await copyOfZone('doomed');
      await given.host.ok(['snapshot', 'create', 'doomed@then']);
      await given.host.ok(['start', 'doomed']);
      await (await (await given.host.open()).zone('doomed')).exec(['sh', '-c', 'echo new > /root/zz/new']);
      const held = await heldExport(given.host, ['doomed']);
      await given.host.ok([...args]);
      const { status, stderr } = await held.rest();
      expect(status, stderr).to.equal(4);
      expect(codeOf(stderr)).to.equal('ZONE_STATE');
      await given.host.ok(['delete', 'doomed', '--force']);
    });
  }

  it('a backup whose snapshot was deleted meanwhile is not stored', async () => {
    const password = await given.host.file('password', 'correct horse\n', 0o600);
    const repository = join(given.host.directory, 'backups');
    const [first, ...words] = program;
    const env = cleanEnv(given.host.env);
    const before = observeBoundaries(({ operation, step }: Boundary) => {
      if (operation !== 'backup' || step !== 'packed') return;
      execFileSync(first, [...words, 'snapshot', 'delete', 'web@backup-in-progress'], { env });
    });
    try {
      const failure = await zone.backup({ repository, passwordFile: password }).then(
        () => undefined,
        (error: unknown) => error,
      );
      expect(failure).to.have.property('code', 'ZONE_STATE');
    } finally {
      observeBoundaries(before);
    }
    const listed = await given.host.json<unknown[]>(['backup', 'list', repository, '--password-file', password]);
    expect(listed).to.deep.equal([]);
  });

  it('a file that has got the inode of one that went is not told to be a link to it', async () => {
    await given.host.ok(['snapshot', 'create', 'web@some']);
    // The snapshot's own /root/m goes first.
    const held = await heldExport(given.host, ['web', '--snapshots'], sizeOfM + (8 << 20));
    // Where those lay: a directory's new files get the first numbers that are free in its part of the disk (ext4).
    await sh(zone, 'cd /root; rm a* b*; for i in $(seq 60); do echo zzzz > c$i; ln c$i d$i; done; mv c* d* zz');
    const { status, stderr, archive } = await held.rest();
    expect(status, stderr).to.equal(0);
    await writeFile(join(given.host.directory, 'links.tar.zst'), archive);
    const out = join(given.host.directory, 'links');
    await mkdir(out);
    await runProgram('sh', ['-c', `zstd -dc ${given.host.directory}/links.tar.zst | tar -xf - -C ${out} rootfs/root`]);
    const names = await readdir(join(out, 'rootfs/root/zz'));
    expect(names).to.include.members(['c1', 'd8', 'z']);
    for (const name of names.filter((one) => one !== 'z'))
      expect(await readFile(join(out, 'rootfs/root/zz', name), 'utf8'), name).to.equal('zzzz\n');
    await given.host.ok(['snapshot', 'delete', 'web@some']);
  });

  it('names that go, come and change their type while they are read end no packer and no list', async () => {
    const { directory } = given.host;
    const [churn, tree, empty] = ['churn', 'tree', 'empty'].map((name) => join(directory, name)) as [
      string,
      string,
      string,
    ];
    const source = fileURLToPath(new URL('../fixtures/churn.c', import.meta.url));
    await promisify(execFile)('gcc', ['-D_GNU_SOURCE', '-O1', '-o', churn, source]);
    await mkdir(tree);
    await mkdir(empty);
    const writer = spawn(churn, [tree], { stdio: 'ignore' });
    const ended = once(writer, 'exit');
    try {
      await eventually('it writes', async () => (await readdir(tree)).length > 0);
      for (let turn = 0; turn < 120; turn++)
        for (const args of [
          ['pack', '--part', 'x', '--dir', tree],
          ['pack', '--part', 'x', '--dir', tree, '--dir', empty],
          ['list', '--root', tree],
        ]) {
          const { status, stderr } = await runProgram(helperPath(), args);
          expect(status, stderr).to.equal(0);
        }
      expect(writer.exitCode).to.equal(null);
    } finally {
      writer.kill('SIGKILL');
      await ended;
    }
  });
});
