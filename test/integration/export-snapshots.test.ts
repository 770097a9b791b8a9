/** A zone goes out with its snapshots, from a pool of any driver into a pool of any other, and each of them comes back file by file. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Zone } from '../../src/index.js';
import { findPoolOf } from '../../src/operations/zone-storage.js';
import { layerDriverOf } from '../../src/storage/index.js';
import { outputOf } from '../helpers/cli.js';
import { givenHost } from '../helpers/given.js';
import { patience } from '../helpers/patience.js';
import { expectNothingLeftNow, type Snapshot } from '../helpers/snapshot.js';
import { sh } from '../helpers/temp-host.js';
import { describeZone, makeUgly, uglyProgram } from '../helpers/ugly-tree.js';

const drivers = ['overlay', 'btrfs', 'loop'] as const;

/** What a chain of layers has to get right: names that go, come back as something else, and look like marks. */
const changes = [
  'mkdir -p /srv/d/e /opt/x; echo one >/srv/d/e/f; ln /srv/d/e/f /srv/link; echo "not a mark" >/srv/.wh.f; chown 3:4 /',
  'rm /etc/group; rm -r /srv/d; mkdir /srv/d; echo two >/srv/d/g; rm /srv/link; mkdir /srv/link; rm /data/sparse',
  'rm -r /srv/link /opt/x /usr/share 2>/dev/null; echo file >/opt/x; echo three >/etc/group; rm -r /data; chown 0:0 /',
] as const;

/** The lines that differ, and no others, in the message. */
function expectSame(is: readonly string[], was: readonly string[] = [], what = ''): void {
  const now = is.map((line) => withTimeOfRoot(line, was));
  const only = (some: readonly string[], others: readonly string[]) => some.filter((line) => !others.includes(line));
  expect([only(was, now), only(now, was)], `${what}: lost and new`).to.deep.equal([[], []]);
}

const rootLine = /^\/ .* (\d+\.\d+) /;

/** A volume's own root has the times of the layer below it to the microsecond or so (node's utimes): those are taken for the same. */
function withTimeOfRoot(line: string, others: readonly string[]): string {
  const [own, other] = [line, others.find((one) => rootLine.test(one)) ?? ''].map((one) => rootLine.exec(one)?.[1]);
  if (own === undefined || other === undefined || Math.abs(Number(own) - Number(other)) > 10e-6) return line;
  return line.replace(own, other);
}

for (const driver of drivers) {
  describe(`a zone with snapshots in a pool of the driver ${driver}`, function () {
    this.timeout(patience(240_000));
    let file: string;
    let zone: Zone;
    let before: Snapshot;
    const states: (readonly string[])[] = [];
    const given = givenHost({ images: ['busybox'], needs: ['gcc', 'btrfs', 'loop'] }, async (host) => {
      file = join(host.directory, 'web.tar.zst');
      for (const one of drivers)
        await host.ok(['pool', 'create', one, '--driver', one, ...(one === 'btrfs' ? ['--size', '1G'] : [])]);
      // The directories that all zones share are there before.
      await host.ok(['run', '-d', '--name', 'first', '--net', 'none', '--pool', 'loop', 'busybox']);
      await host.ok(['delete', '--force', 'first']);
      await host.ok(['run', '-d', '--name', 'web', '--net', 'none', '--pool', driver, 'busybox', 'sleep', '100000']);
      zone = await (await host.open()).zone('web');
      const steps = [
        async () => host.ok(['snapshot', 'create', 'web@runs', '--comment', 'it ran']),
        async () => {
          await zone.stop({ force: true });
          await host.ok(['snapshot', 'create', 'web@stops', '--keep', '24h']);
          await host.ok(['set', 'web', '--label', 'a=b']);
          await zone.start();
        },
        async () => {},
      ];
      await makeUgly(zone, await uglyProgram(host));
      for (const [index, step] of steps.entries()) {
        await sh(zone, changes[index] ?? '');
        states.push(await describeZone(zone));
        await step();
      }
      await host.ok(['export', 'web', file, '--snapshots']);
      before = await host.snapshot();
    });
    const layersIn = async (name: string) => {
      const { roots } = (await given.host.open()).context;
      const pool = await findPoolOf(roots, name);
      return layerDriverOf(pool).listLayers(pool);
    };
    const listed = async (name: string) =>
      (await given.host.json<Record<string, unknown>[]>(['snapshot', 'list', name])).map(
        ({ zone: _zone, pool: _pool, layers: _layers, ...same }) => same,
      );
    const diff = async (name: string) => (await given.host.ok(['snapshot', 'diff', name])).replaceAll(/^.*@.*$/gm, '');

    afterEach('the copies', () => given.host.ok(['delete', 'copy', 'other', '--force']));

    // Each of them is read once, and written once.
    for (const target of drivers.filter((_, index) => drivers[(index + 2) % 3] === driver)) {
      it(`comes back in a pool of the driver ${target}: list, diff, restore`, async () => {
        const { host } = given;
        const layers = await layersIn(target);
        await host.ok(['import', file, 'copy', '--pool', target]);
        expect(await listed('copy')).to.deep.equal(await listed('web'));
        for (const name of ['runs', 'stops']) expect(await diff(`copy@${name}`)).to.equal(await diff(`web@${name}`));
        const copy = await (await host.open()).zone('copy');
        await copy.start();
        expectSame(await describeZone(copy), states[2], 'now');
        for (const [name, state] of [
          ['stops', 1],
          ['runs', 0],
          ['stops', 1],
        ] as const) {
          await host.ok(['snapshot', 'restore', `copy@${name}`, '--force']);
          expectSame(await describeZone(copy), states[state], name);
        }
        expect((await copy.inspect()).spec.label).to.deep.equal({});
        // What it is made of now freezes, clones and goes as of any other zone.
        await host.ok(['snapshot', 'create', 'copy@more']);
        await host.ok(['clone', 'copy@runs', 'other']);
        const other = await (await host.open()).zone('other');
        await other.start();
        // Its identity is written into its own root.
        expectSame(await describeZone(other, ['/']), states[0]?.slice(1), 'a clone of what came');
        await host.ok(['delete', 'other', '--force']);
        await host.ok(['delete', 'copy', '--force']);
        expect(await layersIn(target)).to.deep.equal(layers);
        await expectNothingLeftNow(before, host.snapshotOptions);
      });
    }
  });
}

describe('a zone with snapshots', function () {
  this.timeout(patience(120_000));
  let file: string;
  const key = '/etc/ssh/ssh_host_ed25519_key';
  const given = givenHost({ images: ['busybox'] }, async (host) => {
    file = join(host.directory, 'web.tar.zst');
    const zone = await host.run({ name: 'web', image: 'busybox', net: 'none', command: ['sleep', '100000'] });
    await sh(zone, `mkdir -p /etc/ssh; echo old >${key}; echo old >${key}.pub; echo old >/etc/ssh/ssh_host_dsa_key`);
    await host.ok(['snapshot', 'create', 'web@before']);
    await sh(zone, `echo older >${key}; rm /etc/ssh/ssh_host_dsa_key`);
    await host.ok(['export', 'web', file, '--snapshots']);
  });
  const imported = async (name: string, ...flags: string[]): Promise<Zone> => {
    await given.host.ok(['import', file, name, ...flags]);
    return (await given.host.open()).zone(name);
  };

  it('is another machine after an import, whichever snapshot it is brought back to', async () => {
    const { host } = given;
    const { stderr } = await host.cli(['import', file, 'other']);
    expect(stderr).to.include('its dsa ssh host key is removed');
    const other = await (await host.open()).zone('other');
    await other.start();
    const look = `cat /etc/machine-id ${key} ${key}.pub; ls /etc/ssh`;
    const now = await sh(other, look);
    await host.ok(['snapshot', 'restore', 'other@before', '--force']);
    expect(await sh(other, look)).to.equal(now);
    // By lines: a key has any letters, once in a thousand these too.
    expect(now.split('\n')).to.not.include('old');
    expect(await sh(other, 'ls /etc/ssh')).to.equal('ssh_host_ed25519_key\nssh_host_ed25519_key.pub');
    expect(now).to.not.include(await sh(await (await host.open()).zone('web'), 'cat /etc/machine-id'));
    const own = join(host.directory, 'key');
    await writeFile(own, `${await sh(other, `cat ${key}`)}\n`, { mode: 0o600 });
    expect(await outputOf('ssh-keygen', ['-yf', own])).to.include((await sh(other, `cat ${key}.pub`)).split(' ')[1]);
    await other.delete({ force: true });
  });

  it('is the same one with --keep-identity', async () => {
    const same = await imported('same', '--keep-identity');
    await same.start();
    expect(await sh(same, `cat ${key}; ls /etc/ssh`)).to.equal('older\nssh_host_ed25519_key\nssh_host_ed25519_key.pub');
    await given.host.ok(['snapshot', 'restore', 'same@before', '--force']);
    expect(await sh(same, `cat ${key} /etc/ssh/ssh_host_dsa_key`)).to.equal('old\nold');
    await same.delete({ force: true });
  });

  it('that was exported without has none; a snapshot has none itself', async () => {
    const { host } = given;
    await host.ok(['export', 'web', file, '--force']);
    const plain = await imported('plain');
    expect(await host.json(['snapshot', 'list', 'plain'])).to.deep.equal([]);
    await plain.delete({ force: true });
    const { status, stderr } = await host.cli(['-o', 'json', 'export', 'web@before', file, '--snapshots', '--force']);
    expect([status, JSON.parse(stderr).error.code]).to.deep.equal([2, 'USAGE_BAD_ARGUMENT']);
  });
});
