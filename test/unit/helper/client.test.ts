import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect } from 'chai';
import { hasCode } from '../../../src/errors/index.js';
import { type EnterOp, spawnSession } from '../../../src/helper/index.js';
import { fakeHelper } from './fake-helper.js';

const ops: EnterOp[] = [
  { op: 'ns.flags', flags: 'pid' },
  { op: 'exec.path', argv: ['true'] },
];

async function failure(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  );
}

describe('helper session', () => {
  it('sends the plan on fd 3, then go on fd 4, and hears created, started and exited', async () => {
    using fake = fakeHelper(`
      tr '\\0' ' ' <&3
      echo '{"event":"created","pid":17,"monitorPid":18}' >&4
      read line <&4; echo "got $line"
      echo '{"event":"started"}' >&4
      echo '{"event":"exited","status":3,"signal":0,"oomKills":1}' >&4
      exit 3`);
    const session = spawnSession('launch', ops, { program: fake.program, stdio: ['ignore', 'pipe', 'inherit'] });
    const output = session.stdout === null ? '' : text(session.stdout);
    expect((await session.expect('created')).pid).to.equal(17);
    session.go();
    await session.expect('started');
    expect(await session.expect('exited')).to.deep.equal({ event: 'exited', status: 3, signal: 0, oomKills: 1 });
    expect(await session.exited).to.equal(3);
    expect(await output).to.equal('tszone-plan 2 ns.flags 1 pid exec.path 1 true got go\n');
  });

  it('rejects what is still awaited with the failed step, its op and errno', async () => {
    using fake = fakeHelper(`
      cat <&3 >/dev/null
      echo '{"event":"error","step":"exec.path","op":1,"syscall":"execve","errno":2,"path":"true","message":"No such file or directory"}' >&4
      exit 127`);
    const session = spawnSession('enter', ops, { program: fake.program });
    const error = await failure(session.expect('started'));
    if (!hasCode(error, 'KERNEL_STEP_FAILED')) throw error;
    expect(error.message).to.equal('exec.path "true" failed: no such file or directory (execve)');
    expect(error.context).to.deep.equal({
      step: 'exec.path',
      op: ops[1],
      syscall: 'execve',
      errno: 2,
      errnoName: 'ENOENT',
      path: 'true',
      status: 127,
    });
    expect(error.hint).to.be.a('string');
    expect(await session.exited).to.equal(127);
  });

  it('calls a full disk a full disk', async () => {
    using fake = fakeHelper(`
      echo '{"event":"error","step":"file.write","op":0,"syscall":"write","errno":28,"path":"/etc/hosts","message":"x"}' >&4`);
    const session = spawnSession('launch', ops, { program: fake.program });
    expect(hasCode(await failure(session.expect('created')), 'RESOURCE_DISK_FULL')).to.equal(true);
  });

  it('says that the helper died when fd 4 closes without a word', async () => {
    using fake = fakeHelper('kill -9 $$');
    const session = spawnSession('launch', ops, { program: fake.program });
    expect(hasCode(await failure(session.expect('created')), 'HELPER_DIED')).to.equal(true);
    expect(await session.exited).to.equal(137);
  });

  it('says that the helper died when it had not read what it was told last', async () => {
    using fake = fakeHelper(`
      cat <&3 >/dev/null
      echo '{"event":"created","pid":17,"monitorPid":18}' >&4
      read line; kill -9 $$`);
    const session = spawnSession('launch', ops, { program: fake.program, stdio: ['pipe', 'ignore', 'inherit'] });
    await session.expect('created');
    session.go();
    session.stdin?.end('now\n');
    expect(hasCode(await failure(session.expect('started')), 'HELPER_DIED')).to.equal(true);
    expect(await session.exited).to.equal(137);
  });

  it('says that the helper died when it cannot be started', async () => {
    const session = spawnSession('launch', ops, { program: '/nonexistent/helper' });
    expect(hasCode(await failure(session.expect('created')), 'HELPER_DIED')).to.equal(true);
  });

  it('skips events and lines that it does not know', async () => {
    using fake = fakeHelper(`
      echo 'not json' >&4; echo '{"event":"novelty"}' >&4; echo '{"event":"started"}' >&4; cat <&4`);
    await using session = spawnSession('enter', ops, { program: fake.program });
    await session.expect('started');
  });

  it('starts nothing for a plan that cannot be sent', async () => {
    using fake = fakeHelper('echo ran > ran; cat <&3 >/dev/null');
    const bad: EnterOp[] = [{ op: 'exec.path', argv: ['a\0b'] }];
    expect(() => spawnSession('enter', bad, { program: fake.program })).to.throw('NUL');
    // A helper that was started after all would have been first.
    using next = fakeHelper('exit 0');
    await spawnSession('enter', ops, { program: next.program }).exited;
    expect(existsSync(join(dirname(fake.program), 'ran'))).to.equal(false);
  });

  it('closes fd 4 when aborted and rejects with the reason', async () => {
    using fake = fakeHelper('cat <&4; exit 9');
    const controller = new AbortController();
    const session = spawnSession('enter', ops, { program: fake.program, signal: controller.signal });
    controller.abort(new Error('enough'));
    expect(String(await failure(session.expect('started')))).to.equal('Error: enough');
    expect(await session.exited).to.equal(9);
  });

  it('sends signals and sizes as lines', async () => {
    using fake = fakeHelper(`
      echo '{"event":"started"}' >&4; read a <&4; read b <&4; echo "$a, $b"`);
    const session = spawnSession('enter', ops, { program: fake.program, stdio: ['ignore', 'pipe', 'inherit'] });
    const output = session.stdout === null ? '' : text(session.stdout);
    await session.expect('started');
    session.signal(15);
    session.winsize(24, 80);
    expect(await output).to.equal('signal 15, winsize 24 80\n');
  });
});
