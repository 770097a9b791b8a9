import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { loadCommands } from '../../scripts/command-table.js';
import { generate, outdated } from '../../scripts/generate-docs.js';
import { helpText } from '../../src/cli/help.js';
import { commandTable } from '../../src/commands/index.js';
import { errorCatalog } from '../../src/errors/index.js';

describe('generated pages', () => {
  it('are what "npm run docs" would write', async () => {
    expect(outdated(await generate())).to.deep.equal([]);
  });

  it('describe every error code, and no other', () => {
    const page = readFileSync('docs/reference/errors.md', 'utf8');
    const headings = [...page.matchAll(/^## (\S+)$/gm)].map((match) => match[1]);
    expect(headings).to.deep.equal(Object.keys(errorCatalog));
  });

  it('describe every command, and no other', async () => {
    const page = readFileSync('docs/reference/cli.md', 'utf8');
    const headings = [...page.matchAll(/^## tszone (.+)$/gm)].map((match) => match[1]);
    const shown = (await loadCommands()).filter(({ command }) => command.hidden !== true).map(({ id }) => id);
    expect(headings).to.deep.equal(shown);
  });

  it('show the help that the command line prints', async () => {
    const page = readFileSync('docs/reference/cli.md', 'utf8');
    for (const [id, { hidden }] of Object.entries(commandTable)) {
      if (hidden !== true) expect(page).to.contain(await helpText(commandTable, id.split(' ')));
    }
  });
});

describe('commands', () => {
  it('have a summary, and a description for every flag and argument', async () => {
    for (const { id, command } of await loadCommands()) {
      expect(command.summary, id)
        .to.be.a('string')
        .that.matches(/^[A-Z].*[^.]$/);
      for (const [name, flag] of Object.entries(command.flags ?? {}))
        expect(flag.description, `${id} --${name}`).to.be.a('string');
      for (const [name, arg] of Object.entries(command.args))
        expect(arg.description, `${id} ${name}`).to.be.a('string');
    }
  });

  it('never read a missing argument from stdin', async () => {
    for (const { id, command } of await loadCommands()) {
      for (const [name, arg] of Object.entries(command.args)) expect(arg.ignoreStdin, `${id} ${name}`).to.equal(true);
    }
  });

  it('have no flag whose letter is taken', async () => {
    for (const { id, command } of await loadCommands()) {
      const letters = Object.values({ ...command.flags, ...command.baseFlags }).flatMap(({ char }) =>
        char === undefined ? [] : [char],
      );
      expect(
        letters.filter((letter, at) => letters.indexOf(letter) !== at),
        id,
      ).to.deep.equal([]);
    }
  });

  it('have names and aliases that mean one thing', () => {
    const names = Object.entries(commandTable).flatMap(([id, { aliases }]) => [id, ...aliases]);
    expect(names.filter((name, at) => names.indexOf(name) !== at)).to.deep.equal([]);
  });
});
