import { expect } from 'chai';
import { BaseCommand } from '../../../src/cli/base-command.js';
import type { CommandTable, LoadableCommand } from '../../../src/cli/command-table.js';
import { listFlag, requiredArg, terminalFlags } from '../../../src/cli/flags.js';
import { type Output, text } from '../../../src/cli/output.js';
import { ownWords, splitPassThrough } from '../../../src/cli/parse.js';
import { formatOf, runCommand, wantsHelp } from '../../../src/cli/run-command.js';

class Echo extends BaseCommand<typeof Echo> {
  static override summary = 'Says what it was given';
  static override passThrough = '[--] COMMAND…';
  static override args = { zone: requiredArg('a zone') };
  static override flags = { ...terminalFlags, env: listFlag('NAME=VALUE', { char: 'e' }) };

  async run(): Promise<Output> {
    return text(
      JSON.stringify({
        zone: this.args.zone,
        env: this.flags.env,
        tty: this.flags.tty,
        interactive: this.flags.interactive,
        rest: this.rest,
      }),
    );
  }
}

class Plain extends BaseCommand<typeof Plain> {
  static override summary = 'Has no pass-through';
  static override afterDashes = '[-- COMMAND…]';
  static override args = { name: requiredArg('a name') };

  async run(): Promise<Output> {
    return text(JSON.stringify({ name: this.args.name, rest: this.rest }));
  }
}

const entry = (command: LoadableCommand) => ({ summary: '', aliases: [], load: async () => ({ default: command }) });
const table: CommandTable = { echo: entry(Echo), plain: entry(Plain) };

async function run(id: string, ...argv: string[]): Promise<unknown> {
  const { stdout } = await runCommand(id, argv, { table: table });
  let all = '';
  for await (const chunk of stdout) all += chunk;
  return JSON.parse(all);
}

async function codeOf(work: Promise<unknown>): Promise<{ code: unknown; message: string; hint: unknown }> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof Error)) throw new Error('nothing was thrown');
  return { code: (error as { code?: unknown }).code, message: error.message, hint: (error as { hint?: unknown }).hint };
}

describe('cli: parsing', () => {
  it("leaves the options behind the zone's name to the command", async () => {
    expect(await run('echo', '-e', 'A=1', 'web', 'ls', '-l', '--env', 'x')).to.deep.include({
      zone: 'web',
      env: ['A=1'],
      rest: ['ls', '-l', '--env', 'x'],
    });
  });

  it('drops one -- between the zone and the command', async () => {
    expect(await run('echo', 'web', '--', '--', 'x')).to.deep.include({ zone: 'web', rest: ['--', 'x'] });
  });

  it('takes a zone behind --', async () => {
    expect(await run('echo', '-i', '--', 'web', 'ls')).to.deep.include({
      zone: 'web',
      interactive: true,
      rest: ['ls'],
    });
  });

  it('reads short flags together: -it', async () => {
    expect(await run('echo', '-it', 'web', 'sh')).to.deep.include({ interactive: true, tty: true, rest: ['sh'] });
  });

  it('takes joined values: -eA=1, --env=A=1', async () => {
    expect(await run('echo', '-eA=1', '--env=B=2', 'web', 'sh')).to.deep.include({ env: ['A=1', 'B=2'], zone: 'web' });
  });

  it('gives what follows -- to a command that has its flags on both sides of the name', async () => {
    expect(await run('plain', 'web', '-q', '--', 'sh', '-c', 'x')).to.deep.equal({
      name: 'web',
      rest: ['sh', '-c', 'x'],
    });
  });

  it('names the nearest flag of an unknown one', async () => {
    const { code, message, hint } = await codeOf(run('echo', '--interactiv', 'web', 'sh'));
    expect(code).to.equal('USAGE_UNKNOWN_FLAG');
    expect(message).to.equal('unknown flag "--interactiv"');
    expect(hint).to.contain('--interactive');
  });

  it('refuses an unknown short flag', async () => {
    expect((await codeOf(run('echo', '-Z', 'web'))).code).to.equal('USAGE_UNKNOWN_FLAG');
  });

  it('says which argument is missing', async () => {
    const { code, message } = await codeOf(run('plain'));
    expect([code, message]).to.deep.equal(['USAGE_BAD_ARGUMENT', '"plain" needs NAME']);
  });

  it('names an argument that is too many', async () => {
    const { code, message } = await codeOf(run('plain', 'web', 'more'));
    expect([code, message]).to.deep.equal(['USAGE_BAD_ARGUMENT', 'unexpected argument "more"']);
  });

  it('refuses -t together with -T', async () => {
    expect((await codeOf(run('echo', '-t', '-T', 'web', 'x'))).code).to.equal('USAGE_BAD_ARGUMENT');
  });

  it('refuses an output format that there is not', async () => {
    expect((await codeOf(run('plain', 'web', '-o', 'xml'))).message).to.contain('json');
  });

  it('sees help only in its own words', () => {
    expect(wantsHelp(Echo, ['--help'])).to.equal(true);
    expect(wantsHelp(Echo, ['web', 'ls', '--help'])).to.equal(false);
    expect(wantsHelp(Plain, ['web', '--', '--help'])).to.equal(false);
  });

  it('finds the format of errors in a line that cannot be parsed', () => {
    expect(formatOf(['--bogus', '-o', 'json'], Plain)).to.equal('json');
    expect(formatOf(['--output=yaml'], undefined)).to.equal('yaml');
    expect(formatOf(['-ojson', 'web'], Echo)).to.equal('json');
    expect(formatOf(['web', 'tool', '-o', 'json'], Echo)).to.equal('table');
  });

  it('keeps an empty line empty', () => {
    expect(splitPassThrough({}, [])).to.deep.equal({ own: [], rest: [] });
    expect(ownWords(Plain, ['--'])).to.deep.equal({ own: [], rest: [] });
  });
});
