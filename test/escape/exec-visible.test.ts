/** A hostile zone looks at an exec before it has become the command (CVE-2016-9962). */
import { text } from 'node:stream/consumers';
import { expect } from 'chai';
import type { HelperSession } from '../../src/helper/index.js';
import type { Zone } from '../../src/index.js';
import { type Altered, execAltered, startAltered, withoutProfile } from '../helpers/altered-zone.js';
import { attackMount } from '../helpers/attack-programs.js';
import { givenHost } from '../helpers/given.js';
import { eventually } from '../helpers/patience.js';
import { sh } from '../helpers/temp-host.js';

/** prctl(PR_SET_DUMPABLE), and setresgid, after which the kernel keeps strangers out by itself. */
const [prctl, setresgid] = ['157', '119'];

describe('CVE-2016-9962: an exec is looked at, traced and robbed of descriptors before it is the command', () => {
  let zone: Zone;
  const given = givenHost({ images: ['busybox'], needs: ['gcc', 'x86_64'] }, async (host) => {
    const mount = [await attackMount('peek')];
    const spec = { name: 'peeks', image: 'busybox', mount, capAdd: ['ALL' as const] };
    zone = await startAltered(host, spec, { enter: withoutProfile });
  });

  /** What was got by a zone that looks as long as the execs go on: at least so many, and until it has seen one, which is chance. */
  async function lookAt(exec: () => Promise<HelperSession>, times: number): Promise<string> {
    await sh(zone, 'rm -f /tmp/enough');
    let said = '';
    const looking = (async () => {
      for await (const { data } of zone.exec(['/attack/peek'])) said += data;
    })();
    looking.catch(() => {});
    await eventually('it looks', () => said.startsWith('ready\n'));
    for (let n = 0; n < times || (n < 20 * times && !/^saw$/m.test(said)); n += 1) {
      const session = await exec();
      await Promise.all([session.stdout, session.stderr].map((stream) => stream !== null && text(stream)));
      await session.expect('exited');
    }
    await sh(zone, 'touch /tmp/enough');
    await looking;
    expect(Number(/^seen (\d+)$/m.exec(said)?.[1]), 'it has seen the execs').to.be.greaterThan(0);
    return said;
  }

  const exec = (altered: Altered) => () => execAltered(given.host, 'peeks', ['true'], altered);

  it('nothing is got while the exec goes its usual way', async () => {
    expect(await lookAt(exec({}), 30)).not.to.match(/^got/m);
  });

  it('nothing is got while it stands still, in the zone and not yet one of its users', async () => {
    expect(await lookAt(exec({ tamper: ['pause', setresgid, '300'] }), 3)).not.to.match(/^got/m);
  });

  it('gets through without prctl(PR_SET_DUMPABLE, 0) in the exec', async () => {
    const tamper = ['skip', prctl, '0=4', 'pause', setresgid, '300'];
    const got = await lookAt(exec({ tamper }), 3);
    expect(got).to.match(/^got getfd/m);
    expect(got).to.match(/^got memory/m);
  });
});
