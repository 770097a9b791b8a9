/** `ps` against an oracle that knows nothing of zones: ps-tree, which follows the parents that ps(1) reports. */
import { promisify } from 'node:util';
import { expect } from 'chai';
import psTree from 'ps-tree';
import { givenHost } from '../helpers/given.js';
import { eventually } from '../helpers/patience.js';

interface Listed {
  readonly hostPid: number;
  readonly pid: number;
}

const descendantsOf = async (pid: number) => (await promisify(psTree)(pid)).map((one) => Number(one.PID));

describe('the processes of a zone', () => {
  const given = givenHost({ images: ['busybox'] }, async (host) => {
    const tree = 'sh -c "sleep 1000 & sleep 1000 & wait" & sleep 1000 & wait';
    await host.ok(['run', '-d', '--name', 'family', '--net', 'none', 'busybox', '--', 'sh', '-c', tree]);
  });

  it('are its init and all that came of it, no more and no less', async () => {
    const listed = () => given.host.json<Listed[]>(['ps', 'family']);
    // init, two shells, three sleeps.
    const processes = await eventually('all have started', async () => {
      const some = await listed();
      return some.length === 6 ? some : undefined;
    });
    const init = processes.find(({ pid }) => pid === 1)?.hostPid ?? -1;
    const expected = [init, ...(await descendantsOf(init))];
    expect(processes.map(({ hostPid }) => hostPid).sort()).to.deep.equal(expected.sort());
  });
});
