/** Two roots side by side on one machine, with zones of the same names: neither disturbs the other. */
import { expect } from 'chai';
import { startCli } from '../helpers/cli.js';
import { givenHost } from '../helpers/given.js';
import { eventually } from '../helpers/patience.js';
import { takePort } from '../helpers/ports.js';
import { sh } from '../helpers/temp-host.js';

describe('two roots with zones of the same name', () => {
  const first = givenHost({ images: ['busybox'] });
  const second = givenHost({ images: ['busybox'] });
  const both = () => [first.host, second.host] as const;

  it('run both, each with its own processes, files, addresses and ids', async () => {
    const [a, b] = [
      await first.host.run({ name: 'web', image: 'busybox' }),
      await second.host.run({ name: 'web', image: 'busybox' }),
    ];
    await sh(a, 'echo first > /root/mine');
    expect((await b.exec(['cat', '/root/mine'])).exitCode).to.equal(1);
    const [one, two] = [await a.inspect(), await b.inspect()];
    expect(one.ids.base).not.to.equal(two.ids.base);
    expect(one.pid).not.to.equal(two.pid);
    expect(one.addresses[0]).not.to.equal(two.addresses[0]);
    expect(one.addresses[0]?.split('.')[1]).not.to.equal(two.addresses[0]?.split('.')[1]);
  });

  it('list only their own, also with --root and --run-root', async () => {
    for (const { root, runRoot } of both()) {
      const { stdout } = await startCli(['list', '-o', 'json', '--root', root, '--run-root', runRoot]).ended;
      expect((JSON.parse(stdout) as { name: string }[]).map(({ name }) => name)).to.deep.equal(['web']);
    }
  });

  it('stop, limits and delete of one leave the other as it is', async () => {
    const b = await (await second.host.open()).zone('web');
    const before = await b.inspect();
    await first.host.ok(['set', 'web', '--memory', '64M', '--pids', '20']);
    await first.host.ok(['stop', 'web']);
    expect((await b.inspect()).pid).to.equal(before.pid);
    expect((await b.status()).usage?.memoryLimitBytes).to.equal(undefined);
    await first.host.ok(['start', 'web']);
    await first.host.ok(['delete', '--force', 'web']);
    expect((await b.inspect()).pid).to.equal(before.pid);
    expect(await sh(b, 'hostname')).to.equal('web');
    await sh(b, `ping -c 1 -W 5 ${(await sh(b, 'ip route show default')).split(' ')[2]}`);
  });

  it('a published port of the one is refused to the other', async () => {
    const port = await takePort();
    await using _a = await first.host.run({ name: 'ports', image: 'busybox', port: [`${port}:80`] });
    const { status, stderr } = await second.host.cli(['-o', 'json', 'run', '-d', '-p', `${port}:80`, 'busybox']);
    expect(status).to.equal(125);
    expect((JSON.parse(stderr) as { error: { code: string } }).error.code).to.equal('PORT_IN_USE');
  });

  it('deleting the last network of the one leaves the network of the other working', async () => {
    await first.host.run({ name: 'net', image: 'busybox' });
    await first.host.deleteZones();
    await first.host.ok(['network', 'delete', 'default']);
    const b = await (await second.host.open()).zone('web');
    await eventually('it still reaches the host', async () => {
      const gateway = (await sh(b, 'ip route show default')).split(' ')[2];
      return (await b.exec(['ping', '-c', '1', '-W', '5', gateway ?? ''])).exitCode === 0;
    });
    const snapshot = await second.host.snapshot();
    const { context } = await second.host.open();
    expect(snapshot.nft.some((line) => line.includes(`tszone_${context.roots.instance}`))).to.equal(true);
  });
});
