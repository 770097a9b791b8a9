/** --dry-run of export, import and of backups: nothing is changed, and what is listed is what is done. */
import { existsSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { createBackup } from '../../src/operations/backup-create.js';
import { restoreBackup } from '../../src/operations/backup-restore.js';
import { exportZone } from '../../src/operations/export-zone.js';
import { importZone } from '../../src/operations/import-zone.js';
import { appliedBy, dryRun, hostOpsOf, opsOf, type Plan, sameRefusal, textOf, unchanged } from '../helpers/dry-run.js';
import { givenHost } from '../helpers/given.js';
import { patience } from '../helpers/patience.js';
import { sh } from '../helpers/temp-host.js';

const addressIn = (plan: Plan) => /lease addresses for zone \S+: eth0 (\S+)/.exec(textOf(plan))?.[1];

describe('--dry-run of archives', function () {
  this.timeout(patience(120_000));
  let file: string;
  const given = givenHost({ images: ['busybox'], needs: ['restic'] }, async (host) => {
    const web = await host.run({ name: 'web', image: 'busybox', command: ['sleep', '100000'] });
    await sh(web, 'echo x >/root/x');
    await host.ok(['create', 'asks', '--image', 'busybox', '--net', 'none', '--cap-add', 'SYS_ADMIN']);
    file = join(host.directory, 'web.tar.zst');
  });
  const context = async () => (await given.host.open()).context;
  const addressOf = async (name: string) => {
    const rows = await given.host.json<{ name: string; addresses: string[] }[]>(['list']);
    return rows.find((row) => row.name === name)?.addresses[0];
  };

  it('export: where it goes, and what is in the way', async () => {
    const { host } = given;
    const plan = await dryRun(host, ['export', 'web', file], [host.directory]);
    expect([plan.operation, opsOf(plan), existsSync(file)]).to.deep.equal(['export', ['archive.write'], false]);
    expect(textOf(plan)).to.include(file);
    expect(await appliedBy(async () => exportZone(await context(), { zone: 'web', target: file }))).to.deep.equal([]);
    expect(await sameRefusal(host, ['export', 'web', file], [host.directory])).to.equal('PATH_EXISTS');
    expect(await sameRefusal(host, ['export', 'web', join(host.directory, 'no/such')])).to.equal('PATH_NOT_FOUND');
    expect(await sameRefusal(host, ['export', 'nobody', `${file}2`])).to.equal('ZONE_NOT_FOUND');
    expect(await sameRefusal(host, ['export', 'web@never', `${file}2`])).to.equal('SNAPSHOT_NOT_FOUND');
    expect(await sameRefusal(host, ['export', 'web', `${file}2`, '--level', '99'])).to.equal('USAGE_BAD_ARGUMENT');
    const replaced = await dryRun(host, ['export', '--force', 'web', file], [host.directory]);
    expect(textOf(replaced)).to.include('which is replaced');
    // The plan is what comes out, not an archive.
    expect((await dryRun(host, ['export', 'web', '-'])).steps.length).to.equal(1);
  });

  it('import: from a file and from a pipe, whose head is enough', async () => {
    const { host } = given;
    const plan = await dryRun(host, ['import', file, 'web2'], [host.directory]);
    expect([plan.operation, plan.name]).to.deep.equal(['import', 'web2']);
    const piped = await unchanged(host, [], async () => {
      const { stdout } = await host.cli(['-o', 'json', 'import', '-', 'web2', '--dry-run'], {
        input: await readFile(file),
      });
      return JSON.parse(stdout) as Plan;
    });
    expect(opsOf(piped)).to.deep.equal(opsOf(plan));
    const typed = await (await host.open()).import(file, { name: 'web2', dryRun: true });
    expect(opsOf(typed)).to.deep.equal(opsOf(plan));
    const applied = await appliedBy(async () => {
      const { sizeBytes } = await importZone(await context(), { source: file, name: 'web2' });
      expect(textOf(plan)).to.include(`of ${sizeBytes} bytes`);
    });
    expect(applied).to.deep.equal(hostOpsOf(plan, ['state.network-add']));
    expect(await addressOf('web2')).to.equal(addressIn(plan));
    expect(await sameRefusal(host, ['import', file])).to.equal('ZONE_EXISTS');
    expect(await sameRefusal(host, ['import', join(host.directory, 'none')])).to.equal('PATH_NOT_FOUND');
    expect(await sameRefusal(host, ['import', file, 'web3', '--pool', 'nowhere'])).to.equal('POOL_NOT_FOUND');
    await writeFile(join(host.directory, 'junk'), 'no archive at all\n');
    expect(await sameRefusal(host, ['import', join(host.directory, 'junk'), 'web3'])).to.equal('EXPORT_INVALID');
  });

  it('import: of what asks for too much, and of one with snapshots', async () => {
    const { host } = given;
    const asks = join(host.directory, 'asks.tar.zst');
    await host.ok(['snapshot', 'create', 'asks@one']);
    await host.ok(['export', 'asks', asks, '--snapshots']);
    expect(await sameRefusal(host, ['import', asks, 'less'])).to.equal('EXPORT_UNTRUSTED');
    const plan = await dryRun(host, ['import', asks, 'less', '--restrict']);
    expect(plan.notes).to.deep.equal(['made without: capAdd']);
    expect(textOf(plan)).to.include('record snapshot less@one');
    const applied = await appliedBy(async () => {
      const { leftOut } = await importZone(await context(), { source: asks, name: 'less', trust: 'restrict' });
      expect(leftOut).to.deep.equal(['capAdd']);
    });
    expect(applied).to.deep.equal(hostOpsOf(plan, ['state.snapshot-write']));
    expect((await host.json<unknown[]>(['snapshot', 'list', 'less'])).length).to.equal(1);
  });

  describe('in a repository', () => {
    const repository = () => join(given.host.directory, 'backups');
    const password = () => given.host.file('password', 'correct horse\n', 0o600);
    const create = async (zone: string, ...more: string[]) => {
      const file = await password();
      return ['backup', 'create', zone, '--to', repository(), '--password-file', file, ...more];
    };
    const real = async (zone: string) =>
      createBackup(await context(), { zone, repository: repository(), passwordFile: await password() });

    it('backup create: the first makes it, a second without changes only says so', async () => {
      const { host } = given;
      const plan = await dryRun(host, await create('web'), [repository()]);
      expect([plan.operation, existsSync(repository())]).to.deep.equal(['backup create', false]);
      expect(opsOf(plan)).to.include.members(['backup.init', 'backup.store']);
      const applied = await appliedBy(async () => {
        expect((await real('web')).madeRepository).to.equal(true);
      });
      const between = ['storage.freeze', 'state.snapshot-write', 'state.backup-remember'];
      expect(applied.filter((op) => op !== 'cgroup.write')).to.deep.equal(hostOpsOf(plan, between));
      const asks = await dryRun(host, await create('asks'), [repository()]);
      expect(opsOf(asks)).to.not.include('backup.init');
      const first = await real('asks');
      const same = await dryRun(host, await create('asks'), [repository()]);
      expect([opsOf(same), textOf(same)]).to.deep.equal([
        ['backup.same'],
        `record in ${repository()} that zone asks is what it was in backup ${first.id}`,
      ]);
      expect((await real('asks')).sameAs).to.equal(first.id);
      const then = await dryRun(host, await create('asks@one'), [repository()]);
      expect(opsOf(then)).to.deep.equal(['backup.store']);
    });

    it('backup create refuses what the real one refuses', async () => {
      const { host } = given;
      const also = [repository()];
      const wrong = await host.file('wrong', 'another\n', 0o600);
      const other = await host.file('other');
      await writeFile(join(other, 'file'), 'x');
      const to = (place: string, key: string) => ['backup', 'create', 'web', '--to', place, '--password-file', key];
      expect(await sameRefusal(host, await create('nobody'), also)).to.equal('ZONE_NOT_FOUND');
      expect(await sameRefusal(host, await create('asks@never'), also)).to.equal('SNAPSHOT_NOT_FOUND');
      expect(await sameRefusal(host, to(repository(), wrong), also)).to.equal('BACKUP_PASSWORD_WRONG');
      expect(await sameRefusal(host, to(other, wrong), also)).to.equal('BACKUP_REPOSITORY_NOT_FOUND');
      expect(await sameRefusal(host, to(repository(), `${wrong}2`), also)).to.equal('BACKUP_PASSWORD_MISSING');
    });

    it('backup restore: the zone that will be there, and no trace in the repository', async () => {
      const { host } = given;
      const restore = async (...words: string[]) => [
        ...['backup', 'restore', repository(), ...words],
        ...['--password-file', await password()],
      ];
      const plan = await dryRun(host, await restore('web', 'back'), [repository()]);
      expect([plan.operation, plan.name]).to.deep.equal(['backup restore', 'back']);
      const options = { repository: repository(), passwordFile: await password(), backup: 'web', name: 'back' };
      const applied = await appliedBy(async () => {
        const { backup } = await restoreBackup(await context(), options);
        expect(plan.notes?.[0]).to.include(backup.id);
      });
      expect(applied).to.deep.equal(hostOpsOf(plan, []));
      expect(await addressOf('back')).to.equal(addressIn(plan));
      const also = [repository()];
      expect(await sameRefusal(host, await restore('web'), also)).to.equal('ZONE_EXISTS');
      expect(await sameRefusal(host, await restore('none', 'x'), also)).to.equal('BACKUP_NOT_FOUND');
      expect(await sameRefusal(host, await restore('asks', 'x'), also)).to.equal('EXPORT_UNTRUSTED');
      await rm(repository(), { recursive: true });
      expect(await sameRefusal(host, await restore('web', 'x'))).to.equal('BACKUP_REPOSITORY_NOT_FOUND');
    });
  });
});
