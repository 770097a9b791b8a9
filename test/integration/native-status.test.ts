/** `status` by the native entry: the lines that node shows, and what it leaves to node. */
import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { type EnterOp, encodePlan } from '../../src/helper/index.js';
import { formatSize } from '../../src/spec/index.js';
import { readProcess } from '../../src/state/index.js';
import { Handing, statusBothWays } from '../helpers/both-ways.js';
import { nativeEntry, runProgram } from '../helpers/cli.js';
import { givenHost } from '../helpers/given.js';
import { takePort, takeRange } from '../helpers/ports.js';

describe('status by the native entry', () => {
  let handing: Handing;
  const given = givenHost({ images: ['busybox'] }, async (host) => {
    handing = await Handing.in(host);
    await host.ok(['network', 'create', 'default', '--ip4', await takeRange()]);
    const ports = ['-p', `${await takePort()}:80`, '-p', `${await takePort()}:53/udp`];
    const options = ['--memory', '64M', '--pids', '50', ...ports];
    await host.ok(['run', '-d', '--name', 'web', ...options, 'busybox', '--', 'sleep', '100000']);
    await host.ok(['run', '-d', '--name', 'plain', '--net', 'none', 'busybox', '--', 'sleep', '100000']);
  });

  const same = (zone: string) => statusBothWays(given.host, zone);
  const status = (...args: string[]) => handing.run(given.host, ['status', ...args]);
  const isNodes = async (...args: string[]) =>
    expect((await status(...args)).stdout).to.equal(handing.expected(['status', ...args]));

  it('shows what node shows, without node', async () => {
    const { stdout } = await same('web');
    expect(stdout.match(/^[a-z ]+(?=:)/gm)).to.deep.equal(
      'zone status image pid addresses ports lsm started memory processes cpu time'.split(/ (?!time)/),
    );
    expect(stdout)
      .to.match(/^memory: .* of 64M$/m)
      .and.match(/^processes: +2 of 50$/m);
    expect((await status('web')).stdout).to.match(/^zone: +web$/m);
  });

  it('leaves out what there is not', async () => {
    expect((await same('plain')).stdout).to.not.match(/addresses|ports| of /);
    expect((await status('plain')).stdout).to.match(/^status: +running$/m);
  });

  it('says that it is paused, and whom the memory limit has killed', async () => {
    await given.host.ok(['pause', 'web']);
    expect((await same('web')).stdout).to.match(/^status: +paused$/m);
    await given.host.ok(['resume', 'web']);
    for (const text of [/memory limit killed 1 process$/m, /memory limit killed 2 processes$/m]) {
      await given.host.cli(['exec', 'web', '--', 'tail', '/dev/zero']);
      expect((await same('web')).stdout).to.match(text);
    }
    expect((await status('web')).stdout).to.match(/memory limit killed 2 processes$/m);
  });

  it('leaves other forms to node', async () => {
    await isNodes('-q', 'web');
    await isNodes('-o', 'json', 'web');
    await isNodes('web', '--timeout', '5s');
    await isNodes('no-such-zone');
    await isNodes();
  });

  it('leaves to node a zone whose record has been changed since, one that is prepared, and one that has ended', async () => {
    const { host } = given;
    await host.ok(['run', '-d', '--name', 'other', '--net', 'none', 'busybox', '--', 'sleep', '100000']);
    expect((await status('other')).stdout).to.match(/^zone: +other$/m);
    await host.ok(['set', 'other', '--memory', '48M']);
    await isNodes('other');
    expect((await same('other')).stdout).to.match(/ of 48M$/m);
    await host.ok(['restart', 'other']);
    expect((await status('other')).stdout).to.match(/ of 48M$/m);
    await host.ok(['stop', 'other', '--force']);
    await isNodes('other');
    await host.ok(['prepare', 'other']);
    await isNodes('other');
    await host.ok(['start', 'other']);
    expect((await same('other')).stdout).to.match(/^status: +running$/m);
    await host.ok(['delete', '--force', 'other']);
    await isNodes('other');
  });

  it('writes numbers as node does, whatever they are', async () => {
    const root = join(given.host.directory, 'numbers');
    const places = { record: join(root, 'zones/n'), run: join(root, 'run/zones/n') };
    for (const path of Object.values(places)) mkdirSync(path, { recursive: true });
    writeFileSync(join(places.record, 'zone.json'), '{}');
    const { ino, size, mtimeNs } = statSync(join(places.record, 'zone.json'), { bigint: true });
    const { startTime = '' } = (await readProcess(process.pid)) ?? {};
    const lines = async (values: readonly { how: 'size' | 'cpu' | 'started'; value: number }[]) => {
      const each = values.map(({ how, value }, at): EnterOp => {
        const file = join(root, `value-${at}`);
        writeFileSync(file, `${value}\n`);
        const argument = how === 'size' ? [file, file] : [file];
        return { op: 'status.line', label: `${how}-${at}`, how, argument };
      });
      const ops: EnterOp[] = [
        { op: 'entry.root', path: root },
        { op: 'entry.group', path: '/' },
        { op: 'entry.user', spec: '0' },
        { op: 'entry.workdir', path: '/' },
        { op: 'ns.flags', flags: 'user,pid' },
        ...each,
        { op: 'status.of', file: `${ino}.${size}.${mtimeNs}` },
        { op: 'status.since', ms: String(values.find(({ how }) => how === 'started')?.value ?? 0) },
        { op: 'target', pid: String(process.pid), startTime },
      ];
      writeFileSync(join(places.run, 'enter'), encodePlan(ops));
      const env = { TSZONE_ROOT: root, TSZONE_RUN_ROOT: join(root, 'run'), TSZONE_ENGINE: 'off' };
      const { stdout } = await runProgram(nativeEntry, ['status', 'n'], { env });
      return stdout
        .trimEnd()
        .split('\n')
        .map((line) => line.replace(/^[^:]*: +/, ''));
    };
    const expected = {
      size: (value: number) => `${formatSize(value)} of ${formatSize(value)}`,
      cpu: (value: number) => `${(Math.round(value / 1000) / 1e6).toFixed(1)} s`,
      started: (value: number) => new Date(value).toISOString(),
    };
    const near = fc.tuple(fc.constantFrom(10, 20, 30, 40), fc.nat(300_000), fc.integer({ min: -1, max: 1 }));
    const sizes = fc.oneof(
      fc.maxSafeNat(),
      fc.nat(4096),
      near
        .map(([shift, twentieths, off]) => Math.max(0, (2 ** shift * twentieths) / 20 + off))
        .map((bytes) => Math.min(Math.floor(bytes), Number.MAX_SAFE_INTEGER)),
    );
    const cpus = fc.oneof(
      fc.nat(2 ** 31),
      fc.nat(10_000).map((n) => n * 50_000_000),
      fc.nat(10_000).map((n) => n * 250_000_000),
    );
    const value = fc.oneof(
      fc.record({ how: fc.constant('size' as const), value: sizes }),
      fc.record({ how: fc.constant('cpu' as const), value: cpus }),
    );
    const started = fc.record({ how: fc.constant('started' as const), value: fc.nat(4_000_000_000_000) });
    await fc.assert(
      fc.asyncProperty(fc.array(value, { minLength: 13, maxLength: 13 }), started, async (values, since) => {
        const all = [...values, since];
        expect(await lines(all)).to.deep.equal(all.map((one) => expected[one.how](one.value)));
      }),
      { numRuns: 60 },
    );
    // v1's word for unlimited.
    expect(
      await lines([
        { how: 'cpu', value: 0 },
        { how: 'size', value: 2 ** 63 - 4096 },
      ]),
    ).to.deep.equal(['0.0 s']);
  });
});
