/** tszone from TypeScript: the same operations, typed. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect } from 'chai';
import ts from 'typescript';
import { hasCode, openHost, type Zone, ZoneError } from '../../src/index.js';
import { observeBoundaries } from '../../src/operations/boundaries.js';
import { givenHost } from '../helpers/given.js';
import { eventually, patience } from '../helpers/patience.js';
import { expectNothingLeft, expectNothingLeftNow } from '../helpers/snapshot.js';
import { sh } from '../helpers/temp-host.js';

const rejection = async (promise: PromiseLike<unknown>): Promise<unknown> => {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error('it did not reject');
};

async function countBoundaries(work: () => Promise<unknown>): Promise<number> {
  let count = 0;
  observeBoundaries(() => {
    count += 1;
  });
  await work();
  observeBoundaries(undefined);
  return count;
}

describe('the library', () => {
  let zone: Zone;
  const given = givenHost({ images: ['busybox'] }, async (host) => {
    zone = await host.run({ image: 'busybox', memory: '64M', net: 'none' });
  });
  const commands = async () => (await zone.ps()).map(({ command }) => command);

  it('await using: the zone is there in the block and gone after it', async () => {
    const before = await given.host.snapshot();
    const host = await openHost({ root: given.host.root, runRoot: given.host.runRoot });
    let name = '';
    {
      await using inner = await host.run({ image: 'busybox', net: 'none', command: ['sleep', '1000'] });
      name = inner.name;
      expect((await host.list()).map((one) => one.name)).to.include(name);
    }
    expect((await host.list()).map((one) => one.name)).not.to.include(name);
    await expectNothingLeftNow(before, given.host.snapshotOptions);
  });

  it('await using deletes the zone when the block throws, too', async () => {
    const host = await given.host.open();
    const thrown = await rejection(
      (async () => {
        await using _inner = await host.run({ name: 'thrower', image: 'busybox', net: 'none' });
        throw new Error('on purpose');
      })(),
    );
    expect(String(thrown)).to.equal('Error: on purpose');
    expect((await host.list()).map(({ name }) => name)).not.to.include('thrower');
  });

  it('a zone that was created or found is not deleted at the end of the block', async () => {
    const host = await given.host.open();
    {
      await using _made = await host.create({ name: 'stays', image: 'busybox', net: 'none' });
      await using _found = await host.zone('stays');
    }
    const found = await host.zone('stays');
    await found.delete();
  });

  it('exec gives status, signal, stdout and stderr', async () => {
    const outcome = await zone.exec(['sh', '-c', 'echo out; echo err >&2; exit 5']);
    expect(outcome).to.deep.include({
      exitCode: 5,
      signal: undefined,
      oomKilled: false,
      stdout: 'out\n',
      stderr: 'err\n',
      truncated: false,
    });
    const killed = await zone.exec(['sh', '-c', 'kill -TERM $$']);
    expect([killed.exitCode, killed.signal]).to.deep.equal([143, 'SIGTERM']);
  });

  it('exec of what is not there is 127, of what is not a program 126', async () => {
    const codes = await Promise.all(
      [['no-such'], ['/etc/passwd'], ['/no/such/path']].map((argv) =>
        zone.exec(argv).then(
          ({ exitCode }) => exitCode,
          (error: unknown) => (error instanceof ZoneError ? error.context.status : error),
        ),
      ),
    );
    expect(codes).to.deep.equal([127, 126, 127]);
  });

  it('exec takes stdin, environment, directory and user', async () => {
    const script = 'cat; echo; echo $A; pwd; id -u; id -g';
    const { stdout } = await zone.exec(['sh', '-c', script], {
      stdin: 'typed',
      env: { A: 'a b' },
      cwd: '/usr',
      user: 'www-data',
    });
    expect(stdout).to.equal('typed\na b\n/usr\n33\n33\n');
  });

  it('exec without stdin reads nothing', async () => {
    expect((await zone.exec(['cat'])).exitCode).to.equal(0);
  });

  it('exec forks no copy of this process, and leaves nothing open here or in the spawner', async () => {
    const children = readFileSync(`/proc/${process.pid}/task/${process.pid}/children`, 'utf8').trim().split(' ');
    const [spawner] = children.filter((pid) => readFileSync(`/proc/${pid}/comm`, 'utf8') === 'tszone-spawner\n');
    const open = () => [process.pid, spawner].map((pid) => readdirSync(`/proc/${pid}/fd`).length);
    const before = open();
    const held = zone.exec(['cat'], { stdin: 'pipe' });
    await eventually('it runs', async () => (await commands()).includes('cat'));
    const now = readFileSync(`/proc/${process.pid}/task/${process.pid}/children`, 'utf8').trim().split(' ');
    expect(now).to.deep.equal(children);
    held.stdin.end('text');
    expect((await held).stdout).to.equal('text');
    await Promise.all(Array.from({ length: 20 }, (_, n) => zone.exec(['sh', '-c', `exit ${n}`])));
    await rejection(zone.exec(['sleep', '600'], { timeoutMs: 200 }));
    // Fewer: what an earlier test had open was being closed then.
    await eventually('all is closed', () => open().every((count, at) => count <= (before[at] ?? 0)));
  });

  it('exec is given up when the spawner dies, and the next one has another', async () => {
    const spawnerPids = () =>
      readFileSync(`/proc/${process.pid}/task/${process.pid}/children`, 'utf8')
        .trim()
        .split(' ')
        .filter((pid) => readFileSync(`/proc/${pid}/comm`, 'utf8') === 'tszone-spawner\n');
    const held = rejection(zone.exec(['sleep', '4711']));
    await eventually('it runs', async () => (await commands()).includes('sleep 4711'));
    for (const pid of spawnerPids()) process.kill(Number(pid), 'SIGKILL');
    expect(hasCode(await held, 'HELPER_DIED')).to.equal(true);
    await eventually('it is gone', async () => !(await commands()).includes('sleep 4711'));
    expect((await zone.exec(['echo', 'again'])).stdout).to.equal('again\n');
  });

  it('exec has streams', async () => {
    const process = zone.exec(['sh', '-c', 'while read line; do echo "<$line>"; done; echo end >&2'], {
      stdin: 'pipe',
    });
    const [out, err] = [text(process.stdout), text(process.stderr)];
    process.stdin.write('one\n');
    process.stdin.end('two\n');
    expect(await out).to.equal('<one>\n<two>\n');
    expect(await err).to.equal('end\n');
    expect((await process).exitCode).to.equal(0);
  });

  it('exec is an async iterator of output, as it comes', async () => {
    const seen: string[] = [];
    const process = zone.exec(['sh', '-c', 'echo 1; read x; echo 2 >&2'], { stdin: 'pipe' });
    for await (const { stream, data } of process) {
      seen.push(`${stream} ${data.toString().trim()}`);
      if (seen.length === 1) process.stdin.end('go\n');
    }
    expect(seen).to.deep.equal(['stdout 1', 'stderr 2']);
  });

  it('exec passes much data both ways', async () => {
    const stdin = Buffer.alloc(5_000_000, 'abcdefghij');
    const { stdout, exitCode } = await zone.exec(['cat'], { stdin });
    expect([exitCode, stdout.length, stdout === stdin.toString()]).to.deep.equal([0, stdin.length, true]);
  });

  it('exec keeps no more output than was asked for', async () => {
    const { stdout, truncated } = await zone.exec(['seq', '1', '100000'], { maxOutputBytes: 100 });
    expect([stdout.length, truncated]).to.deep.equal([100, true]);
  });

  it('kill sends a signal', async () => {
    const process = zone.exec(['sleep', '1000']);
    await eventually('it runs', async () => (await commands()).includes('sleep 1000'));
    await process.kill();
    expect((await process).signal).to.equal('SIGTERM');
  });

  it('an abort ends the whole tree of the command, double-forked daemons too', async () => {
    const abort = new AbortController();
    const script = '(setsid sh -c "(sleep 4321 &) ; sleep 4322" &) ; sleep 4323';
    const running = zone.exec(['sh', '-c', script], { signal: abort.signal });
    await eventually(
      'all of them run',
      async () => (await commands()).filter((one) => /^sleep 432/.test(one)).length === 3,
    );
    const reason = new Error('enough');
    abort.abort(reason);
    expect(await rejection(running)).to.equal(reason);
    await eventually('none of them runs', async () => !(await commands()).some((one) => one.includes('432')));
    expect(await sh(zone, 'echo the zone lives')).to.equal('the zone lives');
  });

  it('an abort before the start runs nothing', async () => {
    const reason = await rejection(zone.exec(['touch', '/never'], { signal: AbortSignal.abort(new Error('early')) }));
    expect(String(reason)).to.equal('Error: early');
    expect((await zone.exec(['ls', '/never'])).exitCode).to.equal(1);
  });

  it('a time limit does the same, and is a WAIT_TIMEOUT', async () => {
    const error = await rejection(
      zone.exec(['sh', '-c', '(setsid sleep 5432 &) ; sleep 5433'], { timeoutMs: patience(400) }),
    );
    expect(hasCode(error, 'WAIT_TIMEOUT'), String(error)).to.equal(true);
    await eventually('none of them runs', async () => !(await commands()).some((one) => one.includes('543')));
  });

  it('what a command leaves running when it ends by itself goes on', async () => {
    await sh(zone, '(setsid sleep 6543 > /dev/null 2>&1 &) ; echo started');
    await eventually('it runs', async () => (await commands()).includes('sleep 6543'));
    await sh(zone, 'killall sleep');
  });

  it('the death of the process that called exec ends the command', async () => {
    const cli = given.host.start(['exec', zone.name, '--', 'sh', '-c', 'echo up; (setsid sleep 7654 &) ; sleep 7655']);
    await cli.seen(/up/);
    cli.process.kill('SIGKILL');
    await cli.ended;
    await eventually('none of them runs', async () => !(await commands()).some((one) => one.includes('765')));
  });

  it('says when the memory limit killed the command', async () => {
    const { oomKilled, signal } = await zone.exec(['dd', 'if=/dev/zero', 'of=/dev/null', 'bs=200M', 'count=1']);
    expect([oomKilled, signal]).to.deep.equal([true, 'SIGKILL']);
  });

  it('refuses unknown keys at run time', async () => {
    const host = await given.host.open();
    for (const [attempt, key] of [
      [() => host.run({ image: 'busybox', memroy: '64M' } as never), 'memory'],
      [() => host.create({ name: 'x', image: 'busybox', prot: ['1:1'] } as never), 'port'],
      [() => zone.set({ memroy: '64M' } as never), 'memory'],
      [() => openHost({ rot: '/x' } as never), 'root'],
      [async () => zone.exec(['true'], { timeout: 5 } as never), 'timeoutMs'],
    ] as const) {
      const error = await rejection((async () => attempt())());
      expect(hasCode(error, 'SPEC_INVALID'), String(error)).to.equal(true);
      expect((error as Error).message).to.include(`"${key}"`);
    }
  });

  it('refuses unknown keys at compile time', function () {
    this.timeout(patience(120_000));
    const root = join(import.meta.dirname, '../..');
    const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile) as {
      config: { compilerOptions: object };
    };
    const { options } = ts.convertCompilerOptionsFromJson(
      { ...config.compilerOptions, rootDir: '.', noEmit: true },
      root,
    );
    const path = join(root, 'test/fixtures/library-types.ts');
    const program = ts.createProgram([path], options);
    // Of this file alone: all that it leads to is checked elsewhere, and takes minutes on a machine that is busy.
    const file = program.getSourceFile(path) ?? expect.fail('it is not there');
    const diagnostics = ts.getPreEmitDiagnostics(program, file);
    expect(diagnostics.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'))).to.deep.equal([]);
  });

  it('every error has a code, a hint and an exit status', async () => {
    const host = await given.host.open();
    const errors = await Promise.all([
      rejection(host.zone('nobody')),
      rejection(host.create({ name: zone.name, image: 'busybox' })),
      rejection(host.run({ image: 'no-such' })),
      rejection(zone.start()),
      rejection(zone.delete()),
      rejection(zone.resume()),
      rejection(zone.set({ memory: 'much' })),
    ]);
    const codes = errors.map((error) => (error instanceof ZoneError ? error.code : error));
    expect(codes).to.deep.equal([
      'ZONE_NOT_FOUND',
      'ZONE_EXISTS',
      'IMAGE_NOT_FOUND',
      'ZONE_RUNNING',
      'ZONE_RUNNING',
      'ZONE_STATE',
      'SPEC_INVALID',
    ]);
    for (const error of errors) expect((error as ZoneError).hint).to.match(/\w/);
  });

  it('a start that is aborted leaves nothing', async () => {
    const host = await given.host.open();
    const made = await host.create({ name: 'aborted', image: 'busybox' });
    // Once, so that the network is there.
    await made.start();
    await made.stop();
    const before = await given.host.snapshot();
    const boundaries = await countBoundaries(() => made.start());
    await made.stop({ force: true });
    for (let at = 0; at < boundaries; at += 1) {
      const abort = new AbortController();
      let seen = 0;
      observeBoundaries(() => {
        if (seen === at) abort.abort(new Error('enough'));
        seen += 1;
      });
      const outcome = await made.start({ signal: abort.signal }).then(
        () => 'running',
        (error: unknown) => String(error),
      );
      observeBoundaries(undefined);
      expect(outcome, `aborted at ${at}`).to.be.oneOf(['running', 'Error: enough']);
      expect((await made.status()).status, `aborted at ${at}`).to.equal(outcome === 'running' ? 'running' : 'stopped');
      if (outcome === 'running') await made.stop({ force: true });
    }
    const withoutItsFiles = (line: string) => !line.includes('/zones/aborted/');
    await eventually('nothing is left', async () => {
      const now = await given.host.snapshot();
      expectNothingLeft(
        { ...before, files: before.files.filter(withoutItsFiles) },
        { ...now, files: now.files.filter(withoutItsFiles) },
      );
      return true;
    });
    await made.delete();
  });
});
