/** AppArmor profiles: who is under one, what it denies by itself, and when it is there. */
import { spawnSync } from 'node:child_process';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { type ProfileKind, profileText } from '../../src/apparmor/profile.js';
import { both, startAltered, without } from '../helpers/altered-zone.js';
import { bothWays, startNative } from '../helpers/both-ways.js';
import { nativeEntry, runProgram } from '../helpers/cli.js';
import { startEngine } from '../helpers/engine.js';
import { givenHost } from '../helpers/given.js';
import { eventually } from '../helpers/patience.js';
import { expectNothingLeftNow } from '../helpers/snapshot.js';
import { sh, type TempHost } from '../helpers/temp-host.js';

const policy = '/sys/kernel/security/apparmor';
const labelOf = async (pid: number | string) => (await readFile(`/proc/${pid}/attr/apparmor/current`, 'utf8')).trim();
const loaded = async (host: TempHost) => {
  const { instance } = (await host.open()).context.roots;
  const lines = (await readFile(`${policy}/profiles`, 'utf8')).split('\n');
  return lines.filter((line) => line.startsWith(`tszone-${instance}-`)).toSorted();
};
const nameOf = (label: string) => label.replace(/ \(.*/, '');

interface StatusView {
  readonly lsm?: string;
  readonly pid: number;
}

describe('the AppArmor profile of a zone', () => {
  const given = givenHost({ needs: ['apparmor'] });

  for (const [kind, userns] of [
    ['mapped', 'auto'],
    ['host-ids', 'host'],
  ] as const) {
    it(`holds for pid 1 and for every exec, cold, native and warm: ${kind}`, async () => {
      const { host } = given;
      await using zone = await host.run({ name: `of-${kind}`, image: 'sparse', userns, net: 'none' });
      const [profile = ''] = await loaded(host);
      expect(profile).to.match(new RegExp(`^tszone-[0-9a-f]{6}-${kind}-[0-9a-f]{8} \\(enforce\\)$`));
      const { pid } = await host.json<StatusView>(['status', zone.name]);
      expect(await labelOf(pid)).to.equal(profile);
      const argv = ['exec', zone.name, '--', 'cat', '/proc/self/attr/current', '/proc/1/attr/current'];
      const expected = { status: 0, stdout: `${profile}\n${profile}\n`, stderr: '' };
      expect(await bothWays(host, argv)).to.deep.equal(expected);
      expect((await host.cli(['shell', '-T', zone.name, '--', '-c', 'cat /proc/$$/attr/current'])).stdout).to.equal(
        `${profile}\n`,
      );
      await using _engine = await startEngine(host);
      // What the native entry does not do itself goes to the engine.
      const warm = ['exec', '--timeout', '10m', ...argv.slice(1)];
      expect(await startNative(host, warm).ended).to.deep.equal(expected);
    });

    if (kind === 'mapped')
      it('holds for a zone that an engine has made ahead', async () => {
        const { host } = given;
        await using _engine = await startEngine(host);
        const run = ['run', '--rm', '--net', 'none', 'sparse', '--', 'cat', '/proc/self/attr/current'];
        for (let time = 0; time < 4; time += 1) {
          const { status, stdout } = await startNative(host, run).ended;
          expect([status, stdout]).to.deep.equal([0, `${(await loaded(host))[0] ?? stdout.trim()}\n`]);
          expect(stdout).to.match(/^tszone-[0-9a-f]{6}-mapped-/);
        }
      });

    it(`is what status says, in all three ways: ${kind}`, async () => {
      const { host } = given;
      await using zone = await host.run({ image: 'sparse', userns, net: 'none' });
      const [profile] = await loaded(host);
      const shown = new RegExp(`^lsm: +apparmor:${profile?.replace(/[()]/g, '\\$&')}$`, 'm');
      expect((await host.json<StatusView>(['status', zone.name])).lsm).to.equal(`apparmor:${profile}`);
      expect(await host.ok(['status', zone.name])).to.match(shown);
      expect((await runProgram(nativeEntry, ['status', zone.name], { env: host.env })).stdout).to.match(shown);
    });
  }

  it('holds for a zone that was prepared, and for a copy into one', async () => {
    const { host } = given;
    await host.ok(['create', 'ready', '--image', 'sparse', '--net', 'none']);
    await host.ok(['prepare', 'ready']);
    const [profile = ''] = await loaded(host);
    expect(profile).to.include('-mapped-');
    await host.ok(['start', 'ready']);
    const { pid } = await host.json<StatusView>(['status', 'ready']);
    expect(await labelOf(pid)).to.equal(profile);
    const source = await host.file('copied', 'text\n');
    await host.ok(['cp', source, 'ready:/root/copied']);
    expect(await host.ok(['exec', 'ready', '--', 'cat', '/root/copied'])).to.equal('text\n');
    await host.ok(['stop', 'ready']);
    await host.ok(['cp', source, 'ready:/root/again']);
    expect(await loaded(host)).to.deep.equal([]);
    await host.ok(['delete', 'ready']);
  });

  it('is none for a privileged zone, and status says so', async () => {
    const { host } = given;
    await using zone = await host.run({ image: 'sparse', privileged: true, net: 'none' });
    const { pid, lsm } = await host.json<StatusView>(['status', zone.name]);
    expect(lsm).to.equal('none');
    expect(await labelOf(pid)).to.equal('unconfined');
    expect((await runProgram(nativeEntry, ['status', zone.name], { env: host.env })).stdout).to.match(/^lsm: +none$/m);
    expect(await loaded(host)).to.deep.equal([]);
  });

  it('cannot be changed from inside, nor kept from an exec', async () => {
    await using zone = await given.host.run({ image: 'sparse', net: 'none', capAdd: ['ALL'] });
    const label = await sh(zone, 'cat /proc/self/attr/current');
    for (const [file, word] of [
      ['current', 'changeprofile unconfined'],
      ['apparmor/current', 'changeprofile unconfined'],
      ['apparmor/exec', 'exec unconfined'],
    ] as const) {
      const change = `echo "${word}" >/proc/self/attr/${file} && exec cat /proc/self/attr/current`;
      const { exitCode, stdout } = await zone.exec(['sh', '-c', change]);
      expect([exitCode === 0, stdout], file).to.deep.equal([false, '']);
    }
    expect(await sh(zone, 'cat /proc/self/attr/current')).to.equal(label);
    // A zone that puts something else on its /proc changes nothing: the host's is used.
    await sh(zone, 'mount -t tmpfs none /proc');
    const exec = await zone.exec(['sh', '-c', 'umount /proc && cat /proc/self/attr/current']);
    expect(exec.stdout).to.equal(`${label}\n`);
  });
});

describe('what only the AppArmor profile denies', () => {
  const given = givenHost({ needs: ['apparmor'] });
  const mine = 'tszone-test-without-rules';
  after(() => void spawnSync('apparmor_parser', ['--remove'], { input: profileText(mine, 'mapped') }));

  /** Loaded by hand, with all that it lets through and nothing that it denies. */
  function loadWithoutRules(kind: ProfileKind): void {
    const text = profileText(mine, kind).replaceAll(/^ {2}deny \/.*\n/gm, '');
    const { status, stderr } = spawnSync('apparmor_parser', ['--replace', '--skip-cache'], { input: text });
    expect(status, String(stderr)).to.equal(0);
  }
  const underMine = (ops: Parameters<ReturnType<typeof without>>[0]) =>
    ops.map((op) => (op.op === 'apparmor.change' ? { ...op, profile: mine } : op));

  /** Opened, never written. */
  const targets = [
    '/proc/sys/kernel/core_pattern',
    '/proc/sysrq-trigger',
    '/proc/sys/vm/drop_caches',
    '/sys/kernel/mm/ksm/run',
  ];
  const probe = `for file in ${targets.join(' ')}; do ( : >>$file ) 2>/dev/null && echo $file; done; true`;
  const unmasked = both(without('mnt.readonly'), without('proc.readonly'), (ops) =>
    ops.map((op) => (op.op === 'mnt.fs' && op.type === 'sysfs' ? { ...op, attributes: 'nosuid,nodev,noexec' } : op)),
  );

  it('is what a root with the ids of the host could write, were it not covered', async () => {
    const spec = { name: 'bare', image: 'sparse', userns: 'host' } as const;
    {
      await using zone = await startAltered(given.host, spec, { enter: unmasked });
      expect(await sh(zone, probe), 'the profile alone').to.equal('');
      expect((await zone.exec(['sh', '-c', `: >>${targets[0]}`])).stderr).to.match(/Permission denied/);
    }
    loadWithoutRules('host-ids');
    await using zone = await startAltered(given.host, spec, { enter: both(unmasked, underMine) });
    expect(await sh(zone, 'cat /proc/1/attr/current')).to.equal(`${mine} (enforce)`);
    expect(await sh(zone, `${probe.replace('; true', '')}`), 'without its rules').to.equal(targets.join('\n'));
  });

  it('are files of those names wherever they are mounted', async () => {
    const write = 'mkdir -p /srv/sys/kernel && echo x >/srv/sys/kernel/core_pattern';
    {
      await using zone = await given.host.run({ image: 'sparse', net: 'none' });
      expect((await zone.exec(['sh', '-c', write])).stderr).to.match(/Permission denied/);
    }
    loadWithoutRules('mapped');
    await using zone = await startAltered(given.host, { name: 'named', image: 'sparse' }, { enter: underMine });
    expect((await zone.exec(['sh', '-c', write])).exitCode, 'without its rules').to.equal(0);
  });
});

describe('an AppArmor profile', () => {
  const given = givenHost({ needs: ['apparmor'] });
  const run = (...args: string[]) => given.host.ok(['run', '-d', '--net', 'none', ...args]);
  const sleeper = ['sparse', '--', 'sleep', '100000'];

  it('is there as long as a zone of the root is under it, and gone with the last', async () => {
    const { host } = given;
    const before = await host.snapshot();
    await run('--name', 'one', ...sleeper);
    await run('--name', 'two', ...sleeper);
    await run('--name', 'other', '--userns', 'host', ...sleeper);
    expect(await loaded(host)).to.have.length(2);
    await host.ok(['stop', 'other', '--force']);
    expect(await loaded(host))
      .to.have.length(1)
      .and.satisfy(([line]: string[]) => line?.includes('-mapped-'));
    await host.ok(['stop', 'one', '--force']);
    const [profile] = await loaded(host);
    const { pid } = await host.json<StatusView>(['status', 'two']);
    expect(await labelOf(pid)).to.equal(profile);
    await host.ok(['delete', 'two', '--force']);
    expect(await loaded(host)).to.deep.equal([]);
    for (const name of ['one', 'other']) await host.ok(['delete', name]);
    expect((await host.snapshot()).profiles).to.deep.equal(before.profiles);
  });

  it('is gone with a zone that ended by itself, and with a throw-away one', async () => {
    const { host } = given;
    await run('--name', 'brief', 'sparse', '--', 'true');
    await eventually('it has ended', async () => (await loaded(host)).length === 0);
    await host.ok(['delete', 'brief', '--force']);
    const label = await host.ok(['run', '--rm', '--net', 'none', 'sparse', '--', 'cat', '/proc/self/attr/current']);
    expect(nameOf(label)).to.match(/^tszone-.*-mapped-/);
    await eventually('it has ended', async () => (await loaded(host)).length === 0);
  });

  it('lets a zone end with its monitor, whatever its first program is', async () => {
    const { host } = given;
    for (const init of ['tiny', 'none']) {
      await run('--name', 'tied', '--init', init, ...sleeper);
      const record = JSON.parse(await readFile(join(host.runRoot, 'zones/tied/running.json'), 'utf8'));
      const { pid, monitorPid } = record as { pid: number; monitorPid: number };
      expect(await labelOf(pid), init).to.match(/^tszone-/);
      process.kill(monitorPid, 'SIGKILL');
      await eventually('pid 1 has ended', async () => (await labelOf(pid).catch(() => '')) === '');
      await host.ok(['delete', '--force', 'tied']);
      expect(await loaded(host)).to.deep.equal([]);
    }
  });

  it('of a zone whose monitor was killed goes with what else is left of it', async () => {
    const { host } = given;
    await run('--name', 'orphan', ...sleeper);
    const record = JSON.parse(await readFile(join(host.runRoot, 'zones/orphan/running.json'), 'utf8'));
    process.kill((record as { monitorPid: number }).monitorPid, 'SIGKILL');
    await host.ok(['delete', 'orphan', '--force']);
    expect(await loaded(host)).to.deep.equal([]);
  });

  it('stays with zones that start while the last other one ends', async () => {
    const { host } = given;
    await run('--name', 'a', ...sleeper);
    await run('--name', 'b', ...sleeper);
    for (let round = 0; round < 3; round++) {
      await host.ok(['stop', 'b', '--force']);
      await Promise.all([host.ok(['start', 'b']), host.ok(['stop', 'a', '--force'])]);
      const { pid } = await host.json<StatusView>(['status', 'b']);
      expect([await labelOf(pid)]).to.deep.equal(await loaded(host));
      await host.ok(['start', 'a']);
    }
    for (const name of ['a', 'b']) await host.ok(['delete', '--force', name]);
    expect(await loaded(host)).to.deep.equal([]);
  });

  it('that the parser or the kernel does not take is named, and nothing is left', async () => {
    const { host } = given;
    await rm(join(host.runRoot, 'apparmor'), { recursive: true, force: true });
    const before = await host.snapshot();
    const directory = await host.file('bin');
    await mkdir(directory, { recursive: true });
    const attempt = async (script: string) => {
      await writeFile(join(directory, 'apparmor_parser'), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
      const env = { PATH: `${directory}:${process.env.PATH}` };
      const { status, stdout, stderr } = await host.cli(
        ['-o', 'json', 'run', '-d', '--rm', '--net', 'none', ...sleeper],
        { env },
      );
      expect(status).to.be.greaterThan(0);
      return (JSON.parse(stdout || stderr) as { error: { code: string; hint: string; context: object } }).error;
    };
    const failed = await attempt('cat >/dev/null; echo "AppArmor parser error: nothing fits" >&2; exit 1');
    expect(failed.code).to.equal('HOST_TOOL_FAILED');
    const refused = await attempt('cat >/dev/null; echo no policy');
    expect(refused.code).to.equal('KERNEL_STEP_FAILED');
    expect(refused.context).to.include({ step: 'apparmor.load', path: `${policy}/.replace` });
    expect(refused.hint).to.include('dmesg');
    await expectNothingLeftNow(before, host.snapshotOptions);
    expect(await host.json<readonly unknown[]>(['list'])).to.deep.equal([]);
  });

  it('that cannot be made for want of the parser is warned of, and doctor names the package', async () => {
    const { host } = given;
    const which = spawnSync('sh', ['-c', 'command -v apparmor_parser'], { encoding: 'utf8' }).stdout.trim();
    expect(spawnSync('mount', ['--bind', '/dev/null', which]).status).to.equal(0);
    try {
      const { status, stderr } = await host.cli(['run', '-d', '--name', 'lax', '--net', 'none', ...sleeper]);
      expect(status).to.equal(0);
      expect(stderr).to.match(/^warning: zone "lax" has no AppArmor profile: apparmor_parser is not installed/m);
      expect((await host.json<StatusView>(['status', 'lax'])).lsm).to.equal('none');
      const { checks } = await host
        .cli(['-o', 'json', 'doctor'])
        .then(({ stdout }) => JSON.parse(stdout) as { checks: { id: string; status: string; fix?: string }[] });
      const check = checks.find(({ id }) => id === 'kernel.apparmor');
      expect(check).to.include({ status: 'warn', fix: 'apt-get install --no-install-recommends apparmor' });
      await host.ok(['delete', '--force', 'lax']);
    } finally {
      spawnSync('umount', [which]);
    }
  });
});
