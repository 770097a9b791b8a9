import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { describeCommands, scriptOf, shells } from '../../../src/cli/completion.js';
import { commandTable } from '../../../src/commands/index.js';

describe('cli: completion', () => {
  const scratch = mkdtempSync(join(tmpdir(), 'tszone-completion-'));
  let script = '';

  before(async () => {
    script = scriptOf('bash', await describeCommands(commandTable));
    // A tszone that has two zones and one image.
    writeFileSync(join(scratch, 'tszone'), '#!/bin/sh\n[ "$1" = image ] && echo debian || printf "web\\nwiki\\n"\n');
    chmodSync(join(scratch, 'tszone'), 0o755);
  });
  after(() => rmSync(scratch, { recursive: true, force: true }));

  function complete(...words: string[]): string[] {
    const quoted = ['tszone', ...words].map((word) => `'${word}'`).join(' ');
    const run = `${script}\nCOMP_WORDS=(${quoted}); COMP_CWORD=${words.length}; _tszone; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const { stdout, stderr } = spawnSync('bash', ['--norc', '--noprofile', '-c', run], {
      encoding: 'utf8',
      env: { PATH: `${scratch}:${process.env.PATH ?? ''}` },
    });
    expect(stderr).to.equal('');
    return stdout.split('\n').filter((line) => line !== '');
  }

  it('offers commands, their aliases and topics', () => {
    expect(complete('sta')).to.deep.equal(['start', 'status']);
    expect(complete('im')).to.include('image');
    expect(complete('destr')).to.deep.equal(['destroy']);
  });

  it('offers the commands of a topic', () => {
    expect(complete('image', 'in')).to.deep.equal(['inspect']);
  });

  it('offers zones where a zone is wanted', () => {
    expect(complete('start', 'w')).to.deep.equal(['web', 'wiki']);
    expect(complete('exec', '-i', 'we')).to.deep.equal(['web']);
    expect(complete('rm', 'wi')).to.deep.equal(['wiki']);
  });

  it('offers images where an image is wanted', () => {
    expect(complete('run', 'd')).to.deep.equal(['debian']);
    expect(complete('create', 'web', '--image', '')).to.deep.equal(['debian']);
    expect(complete('image', 'inspect', '')).to.deep.equal(['debian']);
  });

  it('offers flags and formats', () => {
    expect(complete('create', 'web', '--mem')).to.deep.equal(['--memory', '--memory-guarantee']);
    expect(complete('list', '-o', 'j')).to.deep.equal(['json', 'jsonl']);
  });

  it('offers zones with a colon to cp', () => {
    expect(complete('cp', 'we')).to.deep.equal(['web:']);
  });

  it('has a script for every shell it knows', async () => {
    const commands = await describeCommands(commandTable);
    for (const shell of shells) expect(scriptOf(shell, commands)).to.contain('tszone');
    expect(scriptOf('zsh', commands)).to.match(/^#compdef tszone/);
    expect(scriptOf('fish', commands)).to.contain(
      "complete -c tszone -n __fish_use_subcommand -a start -d 'Start zones'",
    );
  });
});
