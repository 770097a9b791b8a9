import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { expect } from 'chai';
import { type AttachIo, attachExec } from '../../../src/cli/attach-exec.js';
import { attachZone } from '../../../src/cli/attach-zone.js';
import { createDetachKeys, onResize, relayTerminal, wantsTty } from '../../../src/cli/attached.js';
import { thisProcess } from '../../../src/cli/caller.js';
import { HeldSignals } from '../../../src/cli/held-signals.js';
import { createProgress, describeProgress } from '../../../src/cli/progress.js';
import { eventually } from '../../helpers/patience.js';

describe('cli: detaching', () => {
  const type = (...chunks: string[]) => {
    const keys = createDetachKeys();
    const seen = chunks.map((chunk) => keys(Buffer.from(chunk, 'latin1')));
    return {
      passed: seen.map(({ pass }) => pass.toString('latin1')).join(''),
      detached: seen.some(({ detach }) => detach),
    };
  };

  it('happens on Ctrl-] twice in a row', () => {
    expect(type('ls\n\u001d\u001d')).to.deep.equal({ passed: 'ls\n', detached: true });
  });

  it('is seen across chunks', () => {
    expect(type('\u001d', '\u001d')).to.deep.equal({ passed: '', detached: true });
  });

  it('does not happen when another key comes between; both are passed on', () => {
    expect(type('\u001d', 'a\u001d', 'b')).to.deep.equal({ passed: '\u001da\u001db', detached: false });
  });
});

describe('cli: a terminal inside', () => {
  it('is never there with -T, always with -t', () => {
    expect(wantsTty({ tty: true })).to.equal(true);
    expect(wantsTty({ 'no-tty': true })).to.equal(false);
  });

  it('hands on how the command ended', async () => {
    let io: AttachIo | undefined;
    const ended = await attachExec({ tty: false, interactive: false }, async (given) => {
      io = given;
      return {
        stdin: undefined,
        kill: () => {},
        resize: () => {},
        result: Promise.resolve({ exitCode: 7, oomKilled: true }),
      };
    });
    expect(ended).to.deep.equal({ exitCode: 7, oomKilled: true });
    expect(io?.tty).to.equal(undefined);
  });

  it('asks for a terminal of this size with -t', async () => {
    const { exitCode } = await attachExec({ tty: true, interactive: true }, async ({ tty, stdio }) => {
      expect(tty?.rows).to.be.a('number');
      expect(stdio).to.deep.equal(['inherit', 'inherit', 'inherit']);
      return {
        stdin: undefined,
        kill: () => {},
        resize: () => {},
        result: Promise.resolve({ exitCode: 0, oomKilled: false }),
      };
    });
    expect(exitCode).to.equal(0);
  });

  it('is told its sizes one after the other, the first at once: it may have changed since the command was made', async () => {
    const { stdout } = process;
    const before = stdout.isTTY;
    const told: (() => void)[] = [];
    try {
      stdout.isTTY = true;
      using _resize = onResize(() => new Promise<void>((resolve) => void told.push(resolve)));
      stdout.emit('resize');
      stdout.emit('resize');
      for (let at = 1; at <= 3; at += 1) {
        await eventually('it is told', () => told.length >= at);
        expect(told).to.have.length(at);
        told.at(-1)?.();
      }
    } finally {
      stdout.isTTY = before;
    }
  });

  it('stays with a zone until it ends, and passes signals on', async () => {
    const got: number[] = [];
    let end = (_status: number) => {};
    const exited = new Promise<number>((resolve) => {
      end = resolve;
    });
    const kill = async (signal: number) => {
      got.push(signal);
      end(128 + signal);
    };
    const attached = attachZone({ console: undefined, kill, resize: async () => {}, exited });
    process.kill(process.pid, 'SIGUSR2');
    expect(await attached).to.equal(140);
    expect(got).to.deep.equal([12]);
    expect(process.listenerCount('SIGUSR2')).to.equal(0);
  });

  it('loses no signal that is on its way when it takes over from whoever had them', async () => {
    const got: number[] = [];
    const before = () => got.push(0);
    process.on('SIGUSR2', before);
    // In the process's own pipe for signals by now, and looked at in the next turn.
    process.kill(process.pid, 'SIGUSR2');
    const exited = eventually('it has come', () => got.length > 0).then(() => 3);
    const kill = async (signal: number) => void got.push(signal);
    const taken = () => void process.off('SIGUSR2', before);
    await attachZone({ console: undefined, kill, resize: async () => {}, exited }, thisProcess, taken);
    expect(got).to.deep.equal([12]);
  });

  it('passes on what came when its command ran already and nobody could be told', async () => {
    const got: number[] = [];
    let tell = (_number: number) => {};
    const listeners: ((name: NodeJS.Signals) => void)[] = [];
    const caller: typeof thisProcess = {
      ...thisProcess,
      onSignal(_names, handler) {
        listeners.push(handler);
        return { [Symbol.dispose]: () => void listeners.splice(listeners.indexOf(handler), 1) };
      },
      exit: (status) => void got.push(-status),
    };
    using held = new HeldSignals(caller);
    held.begin();
    const send = (name: NodeJS.Signals) => listeners.at(-1)?.(name);
    send('SIGUSR1');
    send('SIGTERM');
    const exited = new Promise<number>((resolve) => {
      tell = (number) => number === 15 && resolve(9);
    });
    const kill = async (signal: number) => {
      got.push(signal);
      tell(signal);
    };
    const zone = { console: undefined, kill, resize: async () => {}, exited };
    expect(await attachZone(zone, caller, (send) => held.passTo(send))).to.equal(9);
    expect([got, listeners]).to.deep.equal([[10, 15], []]);
  });

  it('is not waited for by who interrupts twice before that', () => {
    const got: number[] = [];
    using held = new HeldSignals({
      ...thisProcess,
      onSignal(_names, handler) {
        for (const name of ['SIGINT', 'SIGUSR1', 'SIGINT'] as const) handler(name);
        return { [Symbol.dispose]() {} };
      },
      exit: (status) => void got.push(status),
    });
    held.begin();
    expect(got).to.deep.equal([130]);
  });

  it('ends when the console closes', async () => {
    const console = new PassThrough();
    const attached = attachZone({ console, kill: async () => {}, resize: async () => {}, exited: Promise.resolve(3) });
    console.destroy();
    expect(await attached).to.equal(3);
  });

  it('has ended where the console has closed before anybody listened', async () => {
    const console = new PassThrough();
    await once(console.destroy(), 'close');
    expect(await relayTerminal(console)).to.equal(false);
  });
});

describe('cli: progress', () => {
  const recorder = (isTTY: boolean) => {
    const written: string[] = [];
    return { written, isTTY, columns: 60, write: (text: string) => written.push(text) };
  };

  it('says how much, how fast and how long', () => {
    expect(describeProgress('importing x', { bytes: 1 << 20, totalBytes: 4 << 20 }, 1000)).to.equal(
      'importing x: 1M of 4M (25 %), 1M/s, 3 s left',
    );
    expect(describeProgress('importing x', { bytes: 0, message: 'reading' }, 0)).to.equal('importing x: reading …');
  });

  it('shows nothing of what is done within half a second', () => {
    const stream = recorder(true);
    let now = 0;
    {
      using progress = createProgress('x', stream, () => now);
      now = 499;
      progress.update({ bytes: 1 });
    }
    expect(stream.written).to.deep.equal([]);
  });

  it('shows it on a terminal, and wipes it away', () => {
    const stream = recorder(true);
    let now = 0;
    {
      using progress = createProgress('x', stream, () => now);
      now = 600;
      progress.update({ bytes: 1024 });
      now = 601;
      progress.update({ bytes: 2048 });
    }
    expect(stream.written).to.have.length(2);
    expect(stream.written[0]).to.contain('x: 1K');
    expect(stream.written[1]).to.equal('\r\u001b[K');
  });

  it('shows nothing where there is no terminal', () => {
    const stream = recorder(false);
    let now = 0;
    using progress = createProgress('x', stream, () => now);
    now = 5000;
    progress.update({ bytes: 1 });
    expect(stream.written).to.deep.equal([]);
  });
});
