/** Profiles of users, and when a filter comes to a zone that waits. */
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { startNative } from '../helpers/both-ways.js';
import { filtered, filtersIn, ours } from '../helpers/filters.js';
import { givenHost } from '../helpers/given.js';
import { eventually } from '../helpers/patience.js';
import { expectNothingLeftNow } from '../helpers/snapshot.js';
import { sh } from '../helpers/temp-host.js';

describe('a seccomp profile of the user', () => {
  const given = givenHost({ images: ['busybox'] });
  /** EXDEV: nothing else gives it here. */
  const noMkdir = (errnoRet: number) => ({
    defaultAction: 'SCMP_ACT_ALLOW',
    architectures: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_AARCH64'],
    syscalls: [{ names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_ERRNO', errnoRet }],
  });
  const profile = (name: string, content: object | string) =>
    given.host.file(name, typeof content === 'string' ? content : JSON.stringify(content));
  const run = (...args: string[]) => given.host.cli(['run', '--rm', '--net', 'none', ...args]);

  it('holds for the command, pid 1 and what is run inside, and is shown', async () => {
    const path = await profile('mkdir.json', noMkdir(18));
    await given.host.ok([
      'run',
      '-d',
      '--name',
      'made',
      '--net',
      'none',
      '--seccomp',
      path,
      'busybox',
      '--',
      'sh',
      '-c',
      'mkdir /x 2>/error; sleep 1000',
    ]);
    const inspected = await given.host.json<{ spec: { seccomp: string } }>(['inspect', 'made']);
    expect(inspected.spec.seccomp).to.equal(path);
    const zone = await (await given.host.open()).zone('made');
    const said = () => sh(zone, 'grep . /error');
    expect(await eventually('its command has said it', said)).to.match(/Cross-device link|Invalid cross-device/);
    for (const pid of ['1', '2', 'self'])
      expect(filtersIn(await sh(zone, `cat /proc/${pid}/status`)), pid).to.deep.equal(filtered);
    const native = await startNative(given.host, ['exec', 'made', '--', 'mkdir', '/y']).ended;
    expect([native.status, native.stderr]).to.deep.equal([
      1,
      "mkdir: can't create directory '/y': Invalid cross-device link\n",
    ]);
    await given.host.ok(['delete', '--force', 'made']);
  });

  it("is asked by nobody but the zone's programs: what starts them may need what it refuses", async () => {
    const refused = [
      'setresuid',
      'setresgid',
      'setgroups',
      'openat2',
      'sendto',
      'recvfrom',
      'setsid',
      'close_range',
      'capset',
      'clone',
      'fork',
    ];
    const path = await profile('strict.json', {
      defaultAction: 'SCMP_ACT_ALLOW',
      syscalls: [{ names: refused, action: 'SCMP_ACT_KILL_PROCESS' }],
    });
    await given.host.ok([
      'run',
      '-d',
      '--name',
      'strict',
      '--net',
      'none',
      '--seccomp',
      path,
      '-u',
      'nobody',
      'busybox',
      '--',
      'sleep',
      '1000',
    ]);
    for (const words of [
      ['id', '-u'],
      ['--user', '0', 'strict', 'id', '-u'],
    ]) {
      const args = words[0] === 'id' ? ['exec', 'strict', ...words] : ['exec', ...words];
      const { stdout } = await startNative(given.host, args).ended;
      expect(stdout).to.equal(words[0] === 'id' ? '65534\n' : '0\n');
      expect(await given.host.ok(args)).to.equal(stdout);
    }
    // SIGSYS
    expect((await given.host.cli(['exec', 'strict', '--', 'sh', '-c', '(true); true'])).status).to.equal(159);
    const file = await given.host.file('copied', 'text');
    await given.host.ok(['cp', file, 'strict:/copied']);
    await given.host.ok(['cp', 'strict:/copied', `${file}.back`]);
    expect(await readFile(`${file}.back`, 'utf8')).to.equal('text');
    await given.host.ok(['delete', '--force', 'strict']);
  });

  it('is refused with the rule that is wrong, before anything is made', async () => {
    const path = await profile('wrong.json', {
      defaultAction: 'SCMP_ACT_ERRNO',
      syscalls: [{ names: ['execve', 'execveat', 'exit_group', 'raed'], action: 'SCMP_ACT_ALLOW' }],
    });
    const before = await given.host.snapshot();
    for (const verb of [
      ['create', 'wrong', '--image', 'busybox'],
      ['run', '--name', 'wrong', 'busybox', '--'],
    ]) {
      const [command = '', ...rest] = verb;
      const at = rest.indexOf('--');
      const words =
        at < 0
          ? [...rest, '--seccomp', path]
          : [...rest.slice(0, at - 1), '--seccomp', path, ...rest.slice(at - 1), 'true'];
      const { status, stderr } = await given.host.cli([command, ...words]);
      expect(status).to.equal(command === 'run' ? 125 : 2);
      expect(stderr)
        .to.match(/"syscalls\.0 \(execve\)" "raed" is no system call; did you mean "read"\?/)
        .and.match(/hint: /);
    }
    const gone = await run('--seccomp', '/nowhere/p.json', 'busybox', '--', 'true');
    expect([gone.status, gone.stderr]).to.deep.equal([
      125,
      'error: seccomp profile "/nowhere/p.json" does not exist\nhint: Put the profile there, or run "tszone set ZONE --seccomp default".\n',
    ]);
    await expectNothingLeftNow(before, given.host.snapshotOptions);
  });

  it('is read at each start: what it says then holds, and a mistake in it stops the start alone', async () => {
    const path = await profile('changing.json', noMkdir(18));
    await given.host.ok(['create', 'changing', '--image', 'busybox', '--net', 'none', '--seccomp', path]);
    const answer = async () => (await given.host.cli(['exec', 'changing', '--', 'mkdir', '/x'])).stderr;
    await given.host.ok(['start', 'changing']);
    expect(await answer()).to.include('Invalid cross-device link');
    await given.host.ok(['stop', '--force', 'changing']);
    await given.host.ok(['prepare', 'changing']);
    await writeFile(path, JSON.stringify(noMkdir(28)));
    await given.host.ok(['start', 'changing']);
    expect(await answer()).to.include('No space left on device');
    await given.host.ok(['stop', '--force', 'changing']);
    await writeFile(path, '{');
    const { status, stderr } = await given.host.cli(['start', 'changing']);
    expect([status, stderr]).to.satisfy(([code, text]: [number, string]) => code === 2 && text.includes('is not JSON'));
    await given.host.ok(['set', 'changing', '--seccomp', 'unconfined']);
    await rm(path);
    await given.host.ok(['start', 'changing']);
    expect(await answer()).to.equal('');
    await given.host.ok(['delete', '--force', 'changing']);
  });

  it('is changed by set, and holds after a restart', async () => {
    const path = await profile('later.json', noMkdir(18));
    await given.host.ok(['run', '-d', '--name', 'later', '--net', 'none', 'busybox', '--', 'sleep', '1000']);
    const filters = async () => filtersIn(await given.host.ok(['exec', 'later', '--', 'cat', '/proc/1/status']));
    expect(await filters()).to.deep.equal(filtered);
    expect((await given.host.cli(['set', 'later', '--seccomp', 'nowhere.json'])).status).to.equal(3);
    const changed = await given.host.json<{ needsRestart: string[] }>([
      'set',
      'later',
      '--seccomp',
      'unconfined',
      '--restart-now',
    ]);
    expect(changed.needsRestart).to.deep.equal([]);
    expect(await filters()).to.deep.equal(ours);
    await given.host.ok(['set', 'later', '--seccomp', path, '--restart-now']);
    expect((await given.host.cli(['exec', 'later', '--', 'mkdir', '/x'])).stderr).to.include('cross-device');
    await given.host.ok(['unset', 'later', 'seccomp']);
    await given.host.ok(['restart', 'later']);
    expect(await given.host.ok(['get', 'later', 'seccomp'])).to.equal('default\n');
    expect((await given.host.cli(['exec', 'later', '--', 'mkdir', '/x'])).status).to.equal(0);
    await given.host.ok(['delete', '--force', 'later']);
  });
});

describe('a zone that is prepared', () => {
  const given = givenHost({ images: ['busybox'] });

  it('has its filter before it waits, and a claimed spare has it, too', async () => {
    await given.host.ok(['spare', 'set', 'busybox', '--size', '1', '--net', 'none']);
    const name = (await given.host.ok(['claim', 'busybox'])).trim();
    expect(filtersIn(await given.host.ok(['exec', name, '--', 'cat', '/proc/1/status']))).to.deep.equal(filtered);
    await given.host.ok(['spare', 'set', 'busybox', '--size', '0']);
    await given.host.ok(['create', 'ready', '--image', 'busybox', '--net', 'none']);
    await given.host.ok(['prepare', 'ready']);
    const prepared = JSON.parse(await readFile(join(given.host.runRoot, 'zones/ready/prepared.json'), 'utf8')) as {
      pid: number;
    };
    expect(filtersIn(await readFile(`/proc/${prepared.pid}/status`, 'utf8'))).to.deep.equal(filtered);
    await given.host.ok(['delete', '--force', 'ready', name]);
  });
});
