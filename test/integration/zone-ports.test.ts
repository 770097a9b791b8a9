/** Published ports of real zones: at start, added and taken back while the zone runs, and what is left when it has ended. */
import { createServer } from 'node:net';
import { expect } from 'chai';
import { hasCode, type Zone } from '../../src/index.js';
import { publishedPorts } from '../../src/netif/index.js';
import { addPorts } from '../../src/operations/port-add.js';
import { listPorts } from '../../src/operations/port-list.js';
import { removePorts } from '../../src/operations/port-remove.js';
import { restoreNetworks } from '../../src/operations/restore-networks.js';
import { outputOf } from '../helpers/cli.js';
import { givenHost } from '../helpers/given.js';
import { eventually } from '../helpers/patience.js';
import { takePort } from '../helpers/ports.js';
import { requires } from '../helpers/requires.js';
import { sh } from '../helpers/temp-host.js';

const get = async (port: number) =>
  (await fetch(`http://127.0.0.1:${port}/`, { signal: AbortSignal.timeout(5000) })).text();
const answers = (port: number) =>
  get(port).then(
    (text) => text.trim(),
    () => 'nothing',
  );

describe('published ports', () => {
  let web: Zone;
  let first: number;
  let second: number;
  const given = givenHost({ images: ['busybox'] }, async (host) => {
    [first, second] = [await takePort(), await takePort()];
    web = await host.run({ image: 'busybox', name: 'web', port: [`${first}:80`] });
    await sh(web, 'mkdir /www; echo from web > /www/index.html; httpd -p 80 -h /www');
  });
  const context = async () => (await given.host.open()).context;

  it('answer on 127.0.0.1 from the start on', async () => {
    expect(await eventually('the server answers', () => get(first))).to.equal('from web\n');
    expect(await given.host.json(['port', 'list', 'web'])).to.deep.include({
      zone: 'web',
      port: `127.0.0.1:${first}:80`,
      hostAddress: '127.0.0.1',
      hostPort: first,
      zonePort: 80,
      protocol: 'tcp',
      isActive: true,
    });
  });

  it('can be added to a running zone, and are there after a restart', async () => {
    await addPorts(await context(), 'web', [`${second}:80`]);
    expect(await answers(second)).to.equal('from web');
    const { ports } = await addPorts(await context(), 'web', [`${second}:80`]);
    expect(ports, 'added twice').to.deep.equal([`127.0.0.1:${first}:80`, `127.0.0.1:${second}:80`]);
    await web.restart();
    await sh(web, 'httpd -p 80 -h /www');
    expect(await eventually('the server answers', () => get(second))).to.equal('from web\n');
  });

  it('are refused to a second zone as long as the first one runs', async () => {
    const error = await given.host
      .run({ image: 'busybox', name: 'rival', port: [`${first}:80`] })
      .catch((caught: unknown) => caught);
    expect(hasCode(error, 'PORT_IN_USE')).to.equal(true);
    expect(error).to.have.nested.property('context.zone', 'web');
    expect(await answers(first)).to.equal('from web');
  });

  it('are refused if a program of the host has them', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    const error = await addPorts(await context(), 'web', [`${address.port}:80`]).catch((caught: unknown) => caught);
    server.close();
    expect(hasCode(error, 'PORT_IN_USE')).to.equal(true);
    expect((await listPorts(await context(), 'web')).map((one) => one.hostPort)).to.deep.equal([first, second]);
  });

  it('can be taken back from a running zone by their host side', async () => {
    await removePorts(await context(), 'web', [String(second)]);
    expect(await answers(second)).to.equal('nothing');
    expect(await answers(first)).to.equal('from web');
    const error = await removePorts(await context(), 'web', [String(second)]).catch((caught: unknown) => caught);
    expect(hasCode(error, 'PORT_NOT_FOUND')).to.equal(true);
  });

  it('need a form that can be read, and a network', async () => {
    const { status, stderr } = await given.host.cli(['port', 'add', 'web', '80']);
    expect(status).to.equal(2);
    expect(stderr).to.include('8080:80');
    await (await given.host.open()).create({ image: 'busybox', name: 'alone', net: 'none' });
    const error = await addPorts(await context(), 'alone', [`${second}:80`]).catch((caught: unknown) => caught);
    expect(hasCode(error, 'SPEC_INVALID')).to.equal(true);
  });

  it('and the rules of what zones may send come back after a flush, those added later too, by doctor --fix', async function () {
    requires('nft').call(this);
    const table = `tszone_${(await context()).roots.instance}`;
    await addPorts(await context(), 'web', [`${second}:80`]);
    const before = await publishedPorts((await context()).roots);
    const sources = () => outputOf('nft', ['list', 'set', 'bridge', table, 'sources4']);
    const [address] = (await web.inspect()).addresses;
    expect(await sources()).to.include(`. ${address}`);
    for (const family of ['inet', 'bridge']) await outputOf('nft', ['delete', 'table', family, table]);
    expect(await Promise.all([first, second].map(answers))).to.deep.equal(['nothing', 'nothing']);
    expect(await restoreNetworks(await context())).to.deep.equal(['web']);
    await eventually(
      'both answer',
      async () => (await Promise.all([first, second].map(answers))).join() === 'from web,from web',
    );
    expect(await publishedPorts((await context()).roots)).to.have.deep.members(before);
    expect(await sources()).to.include(`. ${address}`);
    expect(await restoreNetworks(await context()), 'nothing is missing any more').to.deep.equal([]);
    await removePorts(await context(), 'web', [`${second}:80`]);
  });

  it('end with the zone, those added later too', async () => {
    await addPorts(await context(), 'web', [`${second}:80`]);
    await web.stop({ force: true });
    expect(await publishedPorts((await context()).roots)).to.deep.equal([]);
    expect((await listPorts(await context(), 'web')).map((one) => one.isActive)).to.deep.equal([false, false]);
  });
});
