/** Terminals and logs: what a command writes, where it goes, and how one gets to it later. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { givenHost } from '../helpers/given.js';
import { eventually } from '../helpers/patience.js';
import { onTerminal } from '../helpers/terminal.js';

describe('a terminal', () => {
  const given = givenHost({ images: ['busybox'] });

  it('run -it gives a shell on a terminal of its own, with the size of mine', async () => {
    const terminal = await onTerminal(given.host, [
      'run',
      '--rm',
      '-it',
      '--name',
      'tty',
      '--net',
      'none',
      'busybox',
      '--',
      'sh',
    ]);
    terminal.type('stty size; tty; echo marker-$((40+2))\r');
    await terminal.seen(/33 101\r+\n/);
    await terminal.seen(/\/dev\/(console|pts\/0)\r+\n/);
    await terminal.seen(/marker-42/);
    terminal.type('exit 5\r');
    expect(await terminal.ended).to.equal(5);
    expect(await given.host.ok(['list', '-q'])).to.equal('');
  });

  it('a change of my window is a change of its', async () => {
    const script =
      'trap "echo size $(stty size)" WINCH; trap \'echo "size [$(stty size)]"\' WINCH; echo ready; while :; do sleep 0.05; done';
    const terminal = await onTerminal(given.host, [
      'run',
      '--rm',
      '-it',
      '--net',
      'none',
      'busybox',
      '--',
      'sh',
      '-c',
      script,
    ]);
    await terminal.seen(/ready/);
    await terminal.resize(50, 120);
    await terminal.seen(/size \[50 120\]/);
    terminal.type('\x03');
    expect(await terminal.ended).to.equal(130);
  });

  it('exec -it works the same', async () => {
    await using zone = await given.host.run({ image: 'busybox', net: 'none' });
    const terminal = await onTerminal(given.host, ['exec', '-it', zone.name, '--', 'sh']);
    terminal.type('stty size; test -t 0 && echo is-a-tty\r');
    await terminal.seen(/33 101\r+\n/);
    await terminal.seen(/\nis-a-tty/);
    await terminal.resize(21, 77);
    // What is typed may overtake the signal.
    terminal.type('until stty size | grep "21 77"; do sleep 0.05; done\r');
    await terminal.seen(/\n21 77\r+\n/);
    terminal.type('exit 6\r');
    expect(await terminal.ended).to.equal(6);
  });

  it('shell opens a login shell', async () => {
    await using zone = await given.host.run({ image: 'busybox', net: 'none' });
    const terminal = await onTerminal(given.host, ['shell', zone.name]);
    terminal.type('echo $HOME-$((1+1)); exit 3\r');
    await terminal.seen(/\/root-2/);
    expect(await terminal.ended).to.equal(3);
  });

  it('console attaches to the terminal of a zone, and Ctrl-] twice leaves it running', async () => {
    await using zone = await given.host.run({ image: 'busybox', net: 'none', tty: true, command: ['sh'] });
    const terminal = await onTerminal(given.host, ['console', zone.name]);
    terminal.type('echo first-$((1+1))\r');
    await terminal.seen(/first-2/);
    terminal.type('\x1d\x1d');
    expect(await terminal.ended).to.equal(0);
    expect((await zone.status()).status).to.equal('running');
    const again = await onTerminal(given.host, ['console', zone.name]);
    again.type('echo second-$((1+1)); exit 8\r');
    await again.seen(/second-2/);
    expect(await again.ended).to.equal(8);
    await zone.wait({ for: 'stopped' });
  });

  it('detaching from run -it leaves the zone running', async () => {
    const terminal = await onTerminal(given.host, [
      'run',
      '-it',
      '--name',
      'left',
      '--net',
      'none',
      'busybox',
      '--',
      'sh',
    ]);
    terminal.type('echo here-$((1+1))\r');
    await terminal.seen(/here-2/);
    terminal.type('\x1d\x1d');
    expect(await terminal.ended).to.equal(0);
    expect(await given.host.ok(['list'])).to.match(/left +running/);
    await given.host.ok(['delete', '--force', 'left']);
  });

  it('a zone without a terminal says so', async () => {
    await using zone = await given.host.run({ image: 'busybox', net: 'none' });
    const { status, stderr } = await given.host.cli(['console', zone.name, '-o', 'json']);
    expect([status, (JSON.parse(stderr) as { error: { code: string } }).error.code]).to.deep.equal([125, 'ZONE_STATE']);
  });
});

describe('logs', () => {
  const given = givenHost({ images: ['busybox'] });

  it('keep each line with its stream and time', async () => {
    const command = ['sh', '-c', 'echo one; echo two >&2; printf "no newline"'];
    await using zone = await given.host.run({ image: 'busybox', net: 'none', command });
    await zone.wait({ for: 'stopped' });
    const lines = await given.host.ok(['logs', '-o', 'jsonl', zone.name]);
    const parsed = lines
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { time: string; stream: string; text: string });
    expect(parsed.map(({ stream, text }) => `${stream} ${text}`).toSorted()).to.deep.equal([
      'stderr two',
      'stdout no newline',
      'stdout one',
    ]);
    for (const { time } of parsed) expect(new Date(time).toISOString().slice(0, 19)).to.equal(time.slice(0, 19));
    expect(await given.host.ok(['logs', '--tail', '1', zone.name])).to.match(/^(no newline|two)\n$/);
  });

  it('are followed to the end of the zone with -f', async () => {
    const go = await given.host.file('go', '');
    await using zone = await given.host.run({
      image: 'busybox',
      net: 'none',
      command: ['sh', '-c', 'echo early; while [ ! -s /go ]; do sleep 0.05; done; echo late'],
      mount: [`${go}:/go`],
    });
    const follow = given.host.start(['logs', '-f', zone.name]);
    await follow.seen(/early/);
    await given.host.file('go', 'x');
    const { status, stdout } = await follow.ended;
    expect([status, stdout]).to.deep.equal([0, 'early\nlate\n']);
  });

  it('never fill the disk: they are rotated, and the newest lines are kept', async () => {
    const script = 'i=0; while [ $i -lt 3600 ]; do printf "%09999d\\n" $i; i=$((i+1)); done; echo last';
    await using zone = await given.host.run({ image: 'busybox', net: 'none', command: ['sh', '-c', script] });
    await zone.wait({ for: 'stopped' });
    const log = join(given.host.root, 'zones', zone.name, 'log');
    const sizes = await Promise.all([log, `${log}.1`, `${log}.2`].map(async (path) => (await stat(path)).size));
    for (const size of sizes) expect(size).to.be.at.most(10_100_000);
    expect(sizes.slice(1).every((size) => size > 9_900_000)).to.equal(true);
    const third = await stat(`${log}.3`).catch(() => undefined);
    expect(third).to.equal(undefined);
    expect(await given.host.ok(['logs', '--tail', '1', zone.name])).to.equal('last\n');
  });

  it('a slow or stopped reader of run does not lose output', async () => {
    const result = await given.host.cli(['run', '--rm', '--net', 'none', 'busybox', '--', 'sh', '-c', 'seq 1 50000']);
    expect(result.stdout.trim().split('\n')).to.have.length(50_000);
    expect(result.stdout.endsWith('\n50000\n')).to.equal(true);
    await eventually('the zone is gone', async () => (await given.host.ok(['list', '-q'])) === '');
  });
});
