import { expect } from 'chai';
import { withoutDryRun } from '../../../src/cli/no-dry-run.js';
import { allFlags, refuseUnknownFlags } from '../../../src/cli/parse.js';
import { commandTable as commands } from '../../../src/commands/index.js';

describe('--dry-run', () => {
  it('is a flag of every verb, or the verb says why it is none', async () => {
    const verbs = await Promise.all(
      Object.entries(commands).map(async ([id, { load }]) => ({ id, flags: allFlags((await load()).default) })),
    );
    const without = verbs.filter(({ flags }) => !('dry-run' in flags)).map(({ id }) => id);
    expect(without.toSorted()).to.deep.equal(Object.keys(withoutDryRun).toSorted());
  });

  it('is refused with that reason', async () => {
    const { default: command } = (await commands.exec?.load()) ?? {};
    if (command === undefined) throw new Error('no exec');
    expect(() => refuseUnknownFlags(command, ['--dry-run', 'web'], 'exec')).to.throw(
      '"exec" has no --dry-run: what a command does in a zone shows only when it runs',
    );
  });
});
