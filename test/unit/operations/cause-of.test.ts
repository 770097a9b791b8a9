import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import type { HelperSession } from '../../../src/helper/index.js';
import { causeOf } from '../../../src/operations/cause-of.js';

const mine = new Error('the group is gone');
const helpers = new Error('no space left for the namespace');
const session = (created: Promise<unknown>) => ({ expect: () => created }) as unknown as HelperSession;
const thrown = (created: Promise<unknown>, wordMs?: number) =>
  causeOf(session(created), mine, wordMs).then(
    () => undefined,
    (error: unknown) => error,
  );

describe('the cause of a start that failed', () => {
  it("is the helper's, if it has one", async () => {
    expect(await thrown(Promise.reject(helpers))).to.equal(helpers);
  });

  it('is what failed here, if the helper is well, or says nothing', async () => {
    expect(await thrown(Promise.resolve({ event: 'created' }))).to.equal(mine);
    expect(await thrown(new Promise(() => {}), 1)).to.equal(mine);
  });

  it("is the helper's also where that comes late, as on a busy machine", async () => {
    expect(await thrown(sleep(300).then(() => Promise.reject(helpers)))).to.equal(helpers);
  });
});
