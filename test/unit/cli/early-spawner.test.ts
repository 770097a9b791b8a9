import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { takeEarlySpawner } from '../../../src/cli/early-spawner.js';
import { commandTable } from '../../../src/commands/index.js';

describe('the spawner that is there before node', () => {
  it('is started for the verbs that take locks, by all their names', async () => {
    const source = readFileSync(new URL('../../../native/handover_spawner.c', import.meta.url), 'utf8');
    const list = /locking\[\] = \{([^}]*)\}/.exec(source)?.[1] ?? '';
    const verbs: string[] = [];
    for (const [id, { aliases, load }] of Object.entries(commandTable)) {
      const command = (await load()).default;
      if ('takesLocks' in command && command.takesLocks === true) verbs.push(id, ...aliases);
    }
    // Those of a topic are two words, and left to node.
    expect([...list.matchAll(/"(\w+)"/g)].map(([, verb]) => verb)).to.have.members(
      verbs.filter((verb) => !verb.includes(' ')),
    );
  });

  it('is known to this process alone, not to what it starts', () => {
    const env = { TSZONE_SPAWNER: 'nothing', HOME: '/root' };
    takeEarlySpawner(env);
    expect(env).to.deep.equal({ HOME: '/root' });
  });
});
