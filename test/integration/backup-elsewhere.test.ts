/** Repositories on other machines, which are played here; and how often restic has to be started, which costs half a second each time. */
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Backup } from '../../src/operations/backup-list.js';
import { type BackupServer, restServer, sftpServer } from '../helpers/backup-server.js';
import { type CliResult, program, startProgram } from '../helpers/cli.js';
import { givenHost } from '../helpers/given.js';
import { patience } from '../helpers/patience.js';

interface Made {
  readonly id: string;
  readonly madeRepository: boolean;
  readonly sameAs?: string;
}

const servers = [
  { kind: 'rest', start: restServer, needed: 'rclone' },
  { kind: 'sftp', start: sftpServer, needed: 'dropbear' },
] as const;

for (const { kind, start, needed } of servers)
  describe(`backup into a repository of ${kind}:`, function () {
    this.timeout(patience(180_000));
    let server: BackupServer;
    let calls: string;
    let env: Record<string, string>;
    const given = givenHost({ images: ['busybox'], needs: ['busybox', 'restic', needed] }, async (host) => {
      server = await start(host.directory);
      // Writes down what restic is asked for.
      const tools = join(host.directory, 'tools');
      calls = join(host.directory, 'calls');
      mkdirSync(tools);
      writeFileSync(join(tools, 'restic'), `#!/bin/sh\necho "$1" >>${calls}\nexec /usr/bin/restic "$@"\n`);
      chmodSync(join(tools, 'restic'), 0o755);
      const password = await host.file('password', 'correct horse\n', 0o600);
      env = { PATH: `${tools}:${process.env.PATH}`, TSZONE_BACKUP_PASSWORD_FILE: password };
      await host.ok(['create', 'web', '--image', 'busybox', '--net', 'none']);
      await host.file('piece', Buffer.alloc(3_000_000, 'piece '));
      await host.ok(['cp', join(host.directory, 'piece'), 'web:/root/piece']);
    });
    after(async () => {
      await server?.[Symbol.asyncDispose]();
    });

    const cli = (...args: string[]): Promise<CliResult> => {
      const [first, ...words] = [...server.wrapper, ...program, ...args];
      return startProgram(first ?? '', words, { env: { ...given.host.env, ...env } }).ended;
    };
    async function json<T>(...args: string[]): Promise<T> {
      const { status, stdout, stderr } = await cli('-o', 'json', ...args);
      if (status !== 0) throw new Error(stderr);
      return JSON.parse(stdout) as T;
    }
    /** And what restic was asked for meanwhile. */
    async function create(): Promise<{ readonly made: Made; readonly asked: string[] }> {
      rmSync(calls, { force: true });
      const made = await json<Made>('backup', 'create', 'web', '--to', server.repository);
      return { made, asked: readFileSync(calls, 'utf8').trim().split('\n') };
    }
    async function change(text: string): Promise<void> {
      await given.host.ok(['cp', await given.host.file('text', `${text}\n`), 'web:/root/text']);
    }

    it('makes it the first time; later it is not asked whether it is there', async () => {
      const first = await create();
      expect(first).to.deep.include({ asked: ['cat', 'init', 'backup'] });
      expect(first.made.madeRepository).to.equal(true);
      expect(readdirSync(join(server.data, 'web'))).to.include.members(['config', 'data', 'keys']);
      await change('one');
      const second = await create();
      expect(second.asked).to.deep.equal(['backup']);
      expect(second.made).to.include({ madeRepository: false });
      const third = await create();
      expect(third.asked).to.deep.equal(['cat', 'backup']);
      expect(third.made.sameAs).to.equal(second.made.id);
      const listed = await json<Backup[]>('backup', 'list', server.repository);
      expect(listed.map(({ id }) => id)).to.deep.equal([first, second, third].map(({ made }) => made.id));
      expect(listed.map(({ sizeBytes = 0 }) => sizeBytes > 3_000_000)).to.deep.equal([true, true, true]);
    });

    it('gives the zone back, is verified, and pruned', async () => {
      const { status, stderr } = await cli('backup', 'restore', server.repository, 'web', 'back', '--keep-identity');
      expect(status, stderr).to.equal(0);
      for (const [name, file] of [
        ['piece', 'piece'],
        ['text', 'text'],
      ] as const) {
        await given.host.ok(['cp', `back:/root/${name}`, join(given.host.directory, `back-${name}`)]);
        expect(readFileSync(join(given.host.directory, `back-${name}`))).to.deep.equal(
          readFileSync(join(given.host.directory, file)),
        );
      }
      await given.host.ok(['delete', 'back']);
      await json('backup', 'verify', server.repository, '--read-data');
      await json('backup', 'prune', server.repository, '--keep', '1d');
      expect(await json<Backup[]>('backup', 'list', server.repository)).to.have.length.within(1, 2);
    });

    it('that was removed behind our back is made again', async () => {
      rmSync(join(server.data, 'web'), { recursive: true });
      await change('two');
      const { made, asked } = await create();
      expect(asked).to.deep.equal(['backup', 'cat', 'init', 'backup']);
      expect(made.madeRepository).to.equal(true);
      expect(await json<Backup[]>('backup', 'list', server.repository)).to.have.length(1);
    });

    it('leaves nothing here when the other machine does not answer', async () => {
      await server.stop();
      await change('three');
      const { status, stderr } = await cli(
        '-o',
        'json',
        'backup',
        'create',
        'web',
        '--to',
        server.repository,
        '--timeout',
        '15s',
      );
      expect(status).to.be.oneOf([5, 8]);
      expect(JSON.parse(stderr.slice(stderr.indexOf('{'))).error.hint).to.be.a('string');
      expect(await given.host.json(['snapshot', 'list'])).to.deep.equal([]);
    });
  });
