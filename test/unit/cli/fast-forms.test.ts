/** The fast command lines: the program's own table, the one in TypeScript, and the commands. */
import { spawnSync } from 'node:child_process';
import { expect } from 'chai';
import { fastForms } from '../../../src/cli/fast-forms.js';
import { allFlags } from '../../../src/cli/parse.js';
import { commandTable } from '../../../src/commands/index.js';
import { helperPath } from '../../../src/helper/index.js';

describe('fast forms', () => {
  it('are those that the native entry takes, no more and no less', () => {
    const { stdout } = spawnSync(helperPath(), ['features'], { encoding: 'utf8' });
    expect((JSON.parse(stdout) as { forms: unknown }).forms).to.deep.equal(fastForms);
  });

  for (const [verb, form] of Object.entries(fastForms)) {
    it(`mean what "${verb}" means`, async () => {
      const entry = commandTable[verb] ?? expect.fail();
      const command = (await entry.load()).default;
      if (form.alias !== '') expect(entry.aliases).to.include(form.alias);
      expect(command.passThrough !== undefined).to.equal(form.rest >= 0);
      expect(Object.keys(command.args)).to.deep.equal([verb === 'claim' ? 'image' : 'zone']);
      for (const [name, { char, value }] of Object.entries(form.flags)) {
        const flag = allFlags(command)[name];
        expect([flag?.char, flag?.type], name).to.deep.equal([char, value ? 'option' : 'boolean']);
      }
    });
  }
});
