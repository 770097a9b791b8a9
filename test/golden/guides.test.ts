import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { findCommand } from '../../src/cli/command-table.js';
import { ownWords, refuseUnknownFlags } from '../../src/cli/parse.js';
import { commandTable } from '../../src/commands/index.js';

const documents = [
  'README.md',
  'ARCHITECTURE.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  ...readdirSync('docs', { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.md'))
    .map((path) => join('docs', path)),
];

/** Words of each `tszone …` that a person would type, as far as a line of the shell goes. */
function typedCommands(text: string): string[][] {
  const blocks = [...text.matchAll(/```(?:console|sh)\n([^`]*?)\n```/g)].map((match) => match[1] ?? '');
  const lines = blocks.flatMap((block) => block.split('\n')).map((line) => line.replace(/^# /, ''));
  return lines
    .filter((line) => !line.startsWith('hint:'))
    .flatMap((line) => [...line.matchAll(/(?:^|&& |args -r (?:-n 1 )?)tszone ([^|;&]+)/g)])
    .map((match) => (match[1] ?? '').trim().split(/\s+/));
}

describe('documents', () => {
  for (const path of documents) {
    const text = readFileSync(path, 'utf8');

    it(`${path} links only to files that exist`, () => {
      for (const [, target = ''] of text.matchAll(/\]\(([^)#:\s]+)(?:#[^)]*)?\)/g)) {
        const file = join(dirname(path), target);
        expect(() => readdirOrRead(file), file).to.not.throw();
      }
    });

    for (const words of typedCommands(text)) {
      it(`${path} types a command that there is: ${words.join(' ')}`, async () => {
        const found = findCommand(commandTable, words);
        if (found === undefined) throw new Error('no such command');
        const command = (await found.entry.load()).default;
        refuseUnknownFlags(command, ownWords(command, found.rest).own, found.id);
      });
    }
  }
});

function readdirOrRead(path: string): unknown {
  try {
    return readFileSync(path);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EISDIR') return readdirSync(path);
    throw error;
  }
}
