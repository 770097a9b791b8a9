/** What a zone says must not drive the terminal that shows it: control characters in logs, in names and in errors. */
import { expect } from 'chai';
import type { Zone } from '../../src/index.js';
import { startAltered } from '../helpers/altered-zone.js';
import { givenHost } from '../helpers/given.js';
import { eventually } from '../helpers/patience.js';
import { onTerminal } from '../helpers/terminal.js';

/** Clears the screen, sets the title, asks the terminal to type for us, C1, reorders. */
const evil = '\u001b[2J\u001b]0;title\u0007\u001b[6n\u009b31m\u202edesrever';
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
const controls = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u202a-\u202e]/u;

describe('Control characters of a zone reach the terminal', () => {
  let zone: Zone & AsyncDisposable;
  const given = givenHost({ images: ['sparse'] }, async (host) => {
    const rename = `$0 = shift; print "log $0\\n"; $| = 1; print ""; sleep 1000`;
    const command = ['perl', '-e', rename, evil];
    zone = await startAltered(host, { name: 'evil', image: 'sparse', command });
    await eventually('it has said so', async () => (await host.ok(['logs', 'evil'])).includes('log '));
  });

  /** What is between the first line and the status. */
  async function shown(args: readonly string[]): Promise<string> {
    const terminal = await onTerminal(given.host, args);
    await terminal.ended;
    return terminal
      .shown()
      .replace(/^.*\[terminal \S+\]\r?\n/s, '')
      .replace(/\[status \d+\][\s\S]*/, '');
  }

  for (const args of [
    ['logs', 'evil'],
    ['ps', 'evil'],
    ['list'],
    ['status', 'evil'],
    ['exec', '-T', 'evil', '--', `./${evil}`],
    ['exec', '-T', '--user', evil, 'evil', '--', 'true'],
    ['exec', '-T', '--workdir', `/${evil}`, 'evil', '--', 'true'],
    ['cp', `evil:/${evil}`, '/tmp'],
    ['start', evil],
    [evil],
  ] as const) {
    it(`they do not in "${args.join(' ').replaceAll(evil, '…')}"`, async () => {
      const text = await shown(args);
      expect(text).to.have.length.greaterThan(0);
      expect(text).not.to.match(controls);
    });
  }

  it('gets through without a terminal, as the log is the zone’s own', async () => {
    expect(await given.host.ok(['logs', 'evil'])).to.match(controls);
  });

  it('gets through without the table of ps, as a zone’s own ps shows it', async () => {
    const { stdout } = await zone.exec(['sh', '-c', 'cat /proc/[0-9]*/cmdline']);
    expect(stdout).to.match(controls);
  });
});
