/** What exec says to people: why a command was killed, and where options go. */
import { expect } from 'chai';
import { givenHost } from '../helpers/given.js';
import { onTerminal } from '../helpers/terminal.js';

describe('exec', () => {
  const given = givenHost({ images: ['busybox'] }, async (host) => {
    await host.ok(['run', '-d', '--name', 'small', '--net', 'none', '--memory', '32M', 'busybox']);
  });
  const eater = ['dd', 'if=/dev/zero', 'of=/dev/null', 'bs=128M', 'count=1'];

  it('says on a terminal that the memory limit killed', async () => {
    const terminal = await onTerminal(given.host, ['exec', '-T', 'small', '--', ...eater]);
    expect(await terminal.ended).to.equal(137);
    expect(terminal.shown()).to.contain("note: killed by the zone's memory limit");
  });

  it('leaves the stderr of programs alone', async () => {
    const { status, stderr } = await given.host.cli(['exec', 'small', '--', ...eater]);
    expect([status, stderr]).to.deep.equal([137, '']);
  });

  it("says that options go before the zone's name", async () => {
    const { status, stderr } = await given.host.cli(['exec', 'small', '-u', 'nobody', 'id']);
    expect(status).to.equal(127);
    expect(stderr).to.match(/\nhint: Options go before the name of the zone /);
  });
});
