/** The commands that have a snapshot of their own: as the native entry and the bundle have them. */
import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { commandTable } from '../../../src/commands/index.js';

describe('the verbs of the hot snapshot', () => {
  it('are the same for the bundle and the native entry, and commands', async () => {
    const { hotVerbs } = (await import('../../../scripts/hot-verbs.mjs' as string)) as { hotVerbs: readonly string[] };
    const source = readFileSync(new URL('../../../native/handover.c', import.meta.url), 'utf8');
    const [, list = ''] = /is_hot\(.*?verbs\[\] = \{(.*?)\};/s.exec(source) ?? [];
    const known = [...list.matchAll(/"([^"]+)"/g)].map(([, verb]) => verb);
    expect(known.toSorted()).to.deep.equal(hotVerbs.toSorted());
    expect(Object.keys(commandTable)).to.include.members([...hotVerbs]);
  });
});
