/** How an exec through the native entry ends: with its caller, by signals, with the zone, on a terminal. */
import { readdir } from 'node:fs/promises';
import { expect } from 'chai';
import { bothWays, startNative } from '../helpers/both-ways.js';
import { entry, nativeEntry, runProgram, startProgram } from '../helpers/cli.js';
import { givenHost } from '../helpers/given.js';
import { groupOfProcess } from '../helpers/observe.js';
import { eventually } from '../helpers/patience.js';
import { requires } from '../helpers/requires.js';
import { sh } from '../helpers/temp-host.js';
import { onTerminal } from '../helpers/terminal.js';

describe('an exec through the native entry', () => {
  let group: string;
  const given = givenHost({ images: ['busybox'] }, async (host) => {
    const zone = await host.run({ name: 'box', image: 'busybox', net: 'none' });
    const { pid } = await zone.inspect();
    group = (await groupOfProcess(pid ?? -1, 'freezer')).path;
  });
  const box = async () => (await given.host.open()).zone('box');
  const execGroups = async () => (await readdir(group)).filter((name) => name.startsWith('exec-'));
  const processes = async () => sh(await box(), 'ps');

  it('has a group of its own, and leaves none', async () => {
    const running = startNative(given.host, ['exec', 'box', '--', 'sh', '-c', 'echo up; exec sleep 1000']);
    await running.seen(/up/);
    expect(await execGroups()).to.deep.equal([`exec-${running.pid}`]);
    running.process.kill('SIGTERM');
    expect((await running.ended).status).to.equal(143);
    expect(await execGroups()).to.deep.equal([]);
  });

  it('dies with a caller that is killed, with all that it started', async () => {
    const script = 'setsid sleep 1001 & (setsid sleep 1002 &); echo up; exec sleep 1003';
    const running = startNative(given.host, ['exec', 'box', '--', 'sh', '-c', script]);
    await running.seen(/up/);
    await eventually('three sleeps', async () => (await processes()).match(/ sleep 100[123]$/gm)?.length === 3);
    running.process.kill('SIGKILL');
    expect((await running.ended).status).to.equal(137);
    await eventually('none is left', async () => (await execGroups()).length === 0);
    expect(await processes()).to.not.match(/sleep 100[123]/);
  });

  it('does so from its first instruction on', async function () {
    requires('strace').call(this);
    // The monitor is to know of it before it runs: so it waits for that, however late it is.
    const late = ['-D', '-o', '/dev/null', '-e', 'trace=connect', '-e', 'inject=connect:delay_enter=1s'];
    const command = ['exec', 'box', '--', 'sh', '-c', 'setsid sleep 1005 & echo up; exec sleep 1006'];
    const running = startProgram('strace', [...late, nativeEntry, ...command], { env: given.host.env });
    await running.seen(/up/);
    running.process.kill('SIGKILL');
    expect((await running.ended).status).to.equal(137);
    await eventually('none is left', async () => (await execGroups()).length === 0);
    expect(await processes()).to.not.match(/sleep 100[56]/);
  });

  it('passes signals on', async () => {
    const script = 'trap "echo got; exit 9" USR1; echo ready; while :; do sleep 0.05; done';
    const running = startNative(given.host, ['exec', 'box', '--', 'sh', '-c', script]);
    await running.seen(/ready/);
    running.process.kill('SIGUSR1');
    const { status, stdout } = await running.ended;
    expect([status, stdout]).to.deep.equal([9, 'ready\ngot\n']);
  });

  it('ends when the zone does', async () => {
    const zone = await given.host.run({ name: 'short', image: 'busybox', net: 'none' });
    const running = startNative(given.host, ['exec', 'short', '--', 'sh', '-c', 'echo up; exec sleep 1000']);
    await running.seen(/up/);
    await zone.stop({ force: true });
    expect((await running.ended).status).to.equal(137);
    await bothWays(given.host, ['exec', 'short', 'true']);
    await bothWays(given.host, ['ps', '-q', 'short']);
    await bothWays(given.host, ['kill', 'short']);
    await zone.start();
    expect((await bothWays(given.host, ['exec', 'short', 'true'])).status).to.equal(0);
  });

  it('is refused in a zone that is paused', async () => {
    await given.host.ok(['pause', 'box']);
    try {
      const { status, stderr } = await bothWays(given.host, ['exec', 'box', 'true']);
      expect([status, stderr]).to.satisfy(([found, text]: [number, string]) => found === 125 && /is paused/.test(text));
    } finally {
      await given.host.ok(['resume', 'box']);
    }
  });

  it('works without stdin, stdout and stderr', async () => {
    const script = '"$0" "$@" exec box -- true <&- >&- 2>&-; echo $?';
    for (const words of [[nativeEntry], [process.execPath, entry]]) {
      const { stdout } = await runProgram('sh', ['-c', script, ...words], { env: given.host.env });
      expect(stdout).to.equal('0\n');
    }
  });

  it('fifty at once leave nothing', async () => {
    const script = 'sleep 0.2; exit 5';
    const all = Array.from({ length: 50 }, () => startNative(given.host, ['exec', 'box', 'sh', '-c', script]).ended);
    expect((await Promise.all(all)).map(({ status }) => status)).to.deep.equal(all.map(() => 5));
    expect(await execGroups()).to.deep.equal([]);
  });

  it('leaves what a command that ended left behind', async () => {
    const script = 'sleep 1004 > /dev/null 2>&1 & echo $!';
    const { status, stdout } = await startNative(given.host, ['exec', 'box', 'sh', '-c', script]).ended;
    expect(status).to.equal(0);
    expect(await processes()).to.match(/sleep 1004/);
    expect(await execGroups()).to.have.length(1);
    await sh(await box(), `kill ${stdout}`);
  });
});

for (const [via, words] of [
  ['native', [nativeEntry]],
  ['cold', [process.execPath, entry]],
] as const) {
  describe(`an exec on a terminal (${via})`, () => {
    const given = givenHost({ images: ['busybox'] }, async (host) => {
      await host.ok(['run', '-d', '--name', 'box', '--net', 'none', 'busybox']);
    });
    const terminal = (args: readonly string[]) => onTerminal(given.host, args, 33, 101, words);

    it('gets no terminal of the caller’s, but can open /dev/stdout', async () => {
      const script = 'tty; for fd in 0 1 2; do readlink /proc/$$/fd/$fd; done; echo opened > /dev/stdout; exit 4';
      const shown = await terminal(['exec', '-T', '-u', 'nobody', 'box', '--', 'sh', '-c', script]);
      expect(await shown.ended).to.equal(4);
      expect(shown.shown()).to.match(
        /not a tty\r\n\/dev\/null\r\npipe:\[\d+\]\r\npipe:\[\d+\]\r\nopened\r\n/,
        shown.shown(),
      );
    });

    it('gets what is typed with -i', async () => {
      const shown = await terminal(['exec', '-iT', 'box', '--', 'sh', '-c', 'echo ready; read x; echo "[$x]"']);
      await shown.seen(/ready/);
      shown.type('typed\r');
      await shown.seen(/\[typed\]/);
      expect(await shown.ended).to.equal(0);
    });

    it('is interrupted by Ctrl-C', async () => {
      const shown = await terminal(['exec', '-T', 'box', '--', 'sh', '-c', 'echo ready; exec sleep 1000']);
      await shown.seen(/ready/);
      shown.type('\x03');
      expect(await shown.ended).to.equal(130);
    });

    it('leaves the terminal as it was', async () => {
      const shown = await terminal(['exec', 'box', '--', 'sh', '-c', 'stty -a | grep -c "33 rows\\|rows 33"; exit 6']);
      expect(await shown.ended).to.equal(6);
      // A raw terminal would not turn the newline into two bytes.
      expect(shown.shown()).to.match(/\[status 6\]\r\n$/);
    });
  });
}
