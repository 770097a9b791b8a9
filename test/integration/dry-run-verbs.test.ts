/** --dry-run of the other verbs: signals, copies, spares, boot and images. Nothing is changed, and what is listed is what is done. */
import { existsSync } from 'node:fs';
import { rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import { dryRunImagePull } from '../../src/operations/dry-run-image.js';
import { imageImport } from '../../src/operations/image-import.js';
import { imagePull } from '../../src/operations/image-pull.js';
import { readySpares } from '../../src/state/index.js';
import { listLayers } from '../../src/storage/index.js';
import { dryRun, opsOf, type Plan, sameRefusal, textOf, unchanged } from '../helpers/dry-run.js';
import { fakeRegistry } from '../helpers/fake-registry.js';
import { givenHost } from '../helpers/given.js';
import { patience } from '../helpers/patience.js';
import { rawTar } from '../helpers/tar.js';

interface Row {
  readonly name: string;
  readonly status: string;
  readonly pid?: number;
}

describe('--dry-run of other verbs', function () {
  this.timeout(patience(120_000));
  const given = givenHost({ ownImages: true, needs: ['busybox'] }, async (host) => {
    await host.ok(['image', 'build', 'busybox']);
    await host.run({ name: 'web', image: 'busybox', net: 'none', command: ['sleep', '100000'] });
    await host.ok(['create', 'quiet', '--image', 'busybox', '--net', 'none', '--autostart', 'yes']);
  });
  const context = async () => (await given.host.open()).context;
  const rowOf = async (name: string) => (await given.host.json<Row[]>(['list'])).find((row) => row.name === name);
  /** Ends well; several plans come as a list. */
  const plansOf = async (args: readonly string[]) =>
    unchanged(given.host, [], async () => [await given.host.json<Plan | Plan[]>([...args, '--dry-run'])].flat());

  it('kill, pause and resume touch no process', async () => {
    const { host } = given;
    const before = await rowOf('web');
    expect(textOf(await dryRun(host, ['kill', 'web']))).to.equal(`send signal 9 to process ${before?.pid}`);
    expect((await dryRun(host, ['kill', '--all', '-s', 'TERM', 'web'])).steps.length).to.be.greaterThan(0);
    expect(opsOf(await dryRun(host, ['pause', 'web']))).to.deep.equal(['cgroup.freeze']);
    expect(await rowOf('web')).to.deep.equal(before);
    expect(await sameRefusal(host, ['resume', 'web'])).to.equal('ZONE_STATE');
    expect(await sameRefusal(host, ['pause', 'quiet'])).to.equal('ZONE_NOT_RUNNING');
    expect(await sameRefusal(host, ['kill', 'quiet'])).to.equal('ZONE_NOT_RUNNING');
    expect(await sameRefusal(host, ['kill', 'nobody'])).to.equal('ZONE_NOT_FOUND');
    await host.ok(['pause', 'web']);
    expect(opsOf(await dryRun(host, ['resume', 'web']))).to.deep.equal(['cgroup.thaw']);
    expect((await rowOf('web'))?.status).to.equal('paused');
    await host.ok(['resume', 'web']);
  });

  it('cp says what is copied where, of both kinds of zones', async () => {
    const { host } = given;
    const source = await host.file('source', 'text');
    const target = join(host.directory, 'target');
    expect(textOf(await dryRun(host, ['cp', source, 'web:/root/']))).to.equal(`copy ${source} to /root of zone web`);
    expect(opsOf(await dryRun(host, ['cp', source, 'quiet:/root/']))).to.deep.equal(['root.start', 'files.copy']);
    const out = await dryRun(host, ['cp', 'web:/etc/passwd', target], [host.directory]);
    expect([textOf(out), existsSync(target)]).to.deep.equal([`copy /etc/passwd of zone web to ${target}`, false]);
    expect(await sameRefusal(host, ['cp', `${source}2`, 'web:/root/'])).to.equal('PATH_NOT_FOUND');
    expect(await sameRefusal(host, ['cp', 'web:/etc/passwd', `${target}/no/such`])).to.equal('PATH_NOT_FOUND');
    expect(await sameRefusal(host, ['cp', source, 'nobody:/root/'])).to.equal('ZONE_NOT_FOUND');
  });

  it('boot has a plan for each zone that it starts, and says which it cannot', async () => {
    const { host } = given;
    await host.ok(['create', 'broken', '--image', 'busybox', '--net', 'none', '--autostart', 'yes']);
    await host.file('goes');
    await host.ok(['set', 'broken', '--mount', `${join(host.directory, 'goes')}:/mnt`]);
    await rmdir(join(host.directory, 'goes'));
    const plans = await plansOf(['boot']);
    expect(plans.map(({ operation, name }) => [operation, name])).to.have.deep.members([
      ['boot', 'broken'],
      ['boot', 'quiet'],
    ]);
    const planOf = (name: string) => plans.find((plan) => plan.name === name);
    expect(planOf('quiet')?.steps.map(({ op }) => op.op)).to.include('root.pivot');
    expect([planOf('broken')?.steps, planOf('broken')?.notes?.[0]?.slice(0, 11)]).to.deep.equal([[], 'this fails:']);
    const booted = JSON.parse((await host.cli(['-o', 'json', 'boot'])).stdout) as { name: string; started: boolean }[];
    expect(booted.map(({ name, started }) => [name, started])).to.deep.equal([
      ['broken', false],
      ['quiet', true],
    ]);
    expect((await host.json<Plan[]>(['boot', '--dry-run'])).length ?? 1).to.equal(1);
    await host.ok(['delete', '-f', 'broken', 'quiet']);
  });

  it('spare fill makes those that are missing', async () => {
    const { host } = given;
    await host.ok(['spare', 'set', 'busybox', '--size', '1', '--net', 'none']);
    expect((await dryRun(host, ['spare', 'fill'])).steps).to.deep.equal([]);
    const [spare = ''] = await readySpares((await context()).roots, 'busybox');
    await host.ok(['delete', '-f', spare]);
    const plan = await dryRun(host, ['spare', 'fill']);
    expect(opsOf(plan)).to.include.members(['state.zone-write', 'root.pivot']);
    expect(await host.json<object[]>(['spare', 'fill'])).to.have.nested.property('[0].ready', 1);
    await host.ok(['spare', 'set', 'busybox', '--size', '0']);
  });

  it('image import and export', async () => {
    const { host } = given;
    const archive = await host.file('root.tar', rawTar({ name: 'etc/', type: '5' }, { name: 'etc/a', content: 'a' }));
    const plan = await dryRun(host, ['image', 'import', 'mine', archive]);
    expect([plan.name, opsOf(plan).slice(0, 2)]).to.deep.equal(['mine', ['layer.unpack', 'image.list']]);
    await imageImport(await context(), { name: 'mine', source: archive });
    expect(await sameRefusal(host, ['image', 'import', 'mine', archive])).to.equal('IMAGE_EXISTS');
    expect(await sameRefusal(host, ['image', 'import', 'other', `${archive}2`])).to.equal('PATH_NOT_FOUND');
    const layout = join(host.directory, 'layout');
    const out = await dryRun(host, ['image', 'export', 'mine', layout], [host.directory]);
    expect([opsOf(out), existsSync(layout)]).to.deep.equal([['layout.write'], false]);
    await host.ok(['image', 'export', 'mine', layout]);
    expect(await sameRefusal(host, ['image', 'export', 'mine', layout], [layout])).to.equal('USAGE_BAD_ARGUMENT');
    expect(await sameRefusal(host, ['image', 'export', 'none', `${layout}2`])).to.equal('IMAGE_NOT_FOUND');
    // All of its layers are here.
    expect(opsOf(await dryRun(host, ['image', 'import', 'again', layout]))[0]).to.equal('image.list');
    expect(await sameRefusal(host, ['image', 'import', 'bad', await host.file('empty')])).to.equal(
      'IMAGE_ARCHIVE_INVALID',
    );
  });

  it('image pull asks the registry, and fetches nothing', async () => {
    const { host } = given;
    await using registry = await fakeRegistry();
    const layer = gzipSync(rawTar({ name: 'pulled', content: 'p' }));
    registry.image('1', [layer]);
    const reference = `${registry.host}/team/app:1`;
    const plan = await unchanged(host, [], async () => dryRunImagePull(await context(), reference));
    expect(registry.requests.filter((request) => JSON.stringify(request).includes('/blobs/')).length).to.equal(1);
    const made = await imagePull(await context(), reference);
    expect(plan.steps.map(({ text }) => text)[0]).to.include(made.layers[0]);
    expect(textOf(plan)).to.include(`list image ${made.name}`);
    expect((await dryRunImagePull(await context(), reference)).steps).to.deep.equal([]);
    expect(await sameRefusal(host, ['image', 'pull', `${registry.host}/team/app:none`])).to.equal('IMAGE_NOT_FOUND');
  });

  it('image build: of a layered template, the steps that are left to do', async () => {
    const { host } = given;
    const folder = await host.file('mine-template');
    const template = (...runs: string[]) =>
      writeFile(
        join(folder, 'template.json'),
        JSON.stringify({
          ...{ templateVersion: 1, name: 'layered', kind: 'layered', description: 'd', base: 'busybox' },
          steps: runs.map((run) => ({ run })),
        }),
      );
    await template('echo one >/one');
    const plan = await dryRun(host, ['image', 'build', folder]);
    expect(opsOf(plan)).to.deep.equal(['layer.step', 'image.list']);
    await host.ok(['image', 'build', folder]);
    expect(opsOf(await dryRun(host, ['image', 'build', folder]))).to.deep.equal(['image.list']);
    await template('echo one >/one', 'echo two >/two');
    expect(textOf(await dryRun(host, ['image', 'build', folder]))).to.include('run echo two >/two');
    expect(await sameRefusal(host, ['image', 'build', 'no-such'])).to.equal('IMAGE_NOT_FOUND');
    expect(await sameRefusal(host, ['image', 'build', 'debian', '--suite', 'none'])).to.equal('USAGE_BAD_ARGUMENT');
    expect(await sameRefusal(host, ['image', 'build', 'alpine'])).to.equal('USAGE_BAD_ARGUMENT');
    expect(await sameRefusal(host, ['image', 'build', 'alpine', '--from', '/no/such'])).to.equal('PATH_NOT_FOUND');
  });

  it('image prune names the layers that go', async () => {
    const { host } = given;
    // What only the next build would take.
    await host.ok(['image', 'delete', 'layered']);
    const plan = await dryRun(host, ['image', 'prune']);
    expect(opsOf(plan)).to.include.members(['steps.forget', 'layer.remove']);
    const before = await listLayers((await context()).roots);
    const { layers } = await host.json<{ layers: string[] }>(['image', 'prune']);
    const named = plan.steps.flatMap(({ text }) => /^remove layer (.*)/.exec(text)?.[1] ?? []);
    expect(named).to.have.members(layers);
    const after = await listLayers((await context()).roots);
    expect(before.filter((digest) => !after.includes(digest))).to.have.members(named);
    expect((await dryRun(host, ['image', 'prune'])).steps).to.deep.equal([]);
  });

  it('is refused by name where it makes no sense', async () => {
    const refused = async (...args: string[]) => {
      const { stderr, status } = await given.host.cli([...args]);
      return [status, stderr.split('\n')[0]];
    };
    expect(await refused('exec', '--dry-run', 'web', 'true')).to.deep.equal([
      125,
      'error: "exec" has no --dry-run: what a command does in a zone shows only when it runs',
    ]);
    expect(await refused('list', '--dry-run')).to.deep.equal([
      2,
      'error: "list" has no --dry-run: it only looks, and changes nothing',
    ]);
    expect((await refused('doctor', '--dry-run'))[0]).to.equal(2);
  });
});
