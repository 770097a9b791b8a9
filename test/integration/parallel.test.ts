/** Many commands at once: one wins where only one can, all win where all can. */
import { readdir } from 'node:fs/promises';
import { expect } from 'chai';
import { givenHost } from '../helpers/given.js';
import { eventually, patience } from '../helpers/patience.js';
import { sh } from '../helpers/temp-host.js';

const numbers = (count: number) => Array.from({ length: count }, (_, index) => index);

interface Inspected {
  readonly pid?: number;
  readonly status: string;
  readonly addresses: readonly string[];
  readonly ids: { readonly base: number };
}

describe('commands at the same time', function () {
  this.timeout(patience(180_000));
  const given = givenHost({ images: ['busybox'] });

  const veths = async () => {
    const { context } = await given.host.open();
    return (await readdir('/sys/class/net')).filter((name) => name.startsWith(`tz${context.roots.instance}v`));
  };
  const initsOf = async (name: string) => {
    const { ids } = await given.host.json<Inspected>(['inspect', name]);
    const snapshot = await given.host.snapshot();
    return snapshot.processes.filter((line) => line.includes(`uid ${ids.base} `) && line.includes('tszone-init'));
  };

  it('create and start ten zones: each has its own pid 1, veth, addresses, MAC and ids', async () => {
    const { host } = given;
    const names = numbers(10).map((number) => `many${number}`);
    const created = await Promise.all(names.map((name) => host.cli(['create', name, '--image', 'busybox'])));
    expect(created.map(({ status }) => status)).to.deep.equal(names.map(() => 0));
    const started = await Promise.all(names.map((name) => host.cli(['start', name])));
    expect(started.map(({ status, stderr }) => `${status}${stderr}`)).to.deep.equal(names.map(() => '0'));
    const tszone = await host.open();
    const zones = await Promise.all(names.map((name) => tszone.zone(name)));
    const details = await Promise.all(zones.map((zone) => zone.inspect()));
    const macs = await Promise.all(zones.map((zone) => sh(zone, 'cat /sys/class/net/eth0/address')));
    for (const values of [
      details.map(({ pid }) => pid),
      details.map(({ addresses }) => addresses[0]),
      details.map(({ addresses }) => addresses[1] ?? addresses[0]),
      details.map(({ ids }) => ids.base),
      details.map(({ machineId }) => machineId),
      macs,
    ]) {
      expect(new Set<unknown>(values).size).to.equal(names.length);
    }
    expect(await veths()).to.have.length(names.length);
    for (const zone of zones) await sh(zone, `ping -c 1 -W 5 ${details[0]?.addresses[0]}`);
    const stopped = await Promise.all(names.map((name) => host.cli(['stop', name])));
    expect(stopped.map(({ status }) => status)).to.deep.equal(names.map(() => 0));
    const deleted = await Promise.all(names.map((name) => host.cli(['delete', name])));
    expect(deleted.map(({ status }) => status)).to.deep.equal(names.map(() => 0));
  });

  it('start the same zone twice, fifty times over: one wins, the other gets a conflict', async () => {
    const { host } = given;
    await host.ok(['create', 'twice', '--image', 'busybox']);
    const zone = await (await host.open()).zone('twice');
    for (const round of numbers(50)) {
      const results = await Promise.all([
        host.cli(['start', 'twice', '-o', 'json']),
        host.cli(['start', 'twice', '-o', 'json']),
      ]);
      expect(results.map(({ status }) => status).toSorted(), `round ${round}`).to.deep.equal([0, 4]);
      const loser = results.find(({ status }) => status === 4);
      expect((JSON.parse(loser?.stderr ?? '') as { error: { code: string } }).error.code).to.equal('ZONE_RUNNING');
      if (round % 10 === 0) expect(await initsOf('twice')).to.have.length(1);
      await zone.stop({ force: true });
    }
    await zone.start();
    // The last one's outlives its zone by some 30 ms.
    await eventually('it has one veth', async () => (await veths()).length === 1);
    await zone.delete({ force: true });
  });

  it('create the same name from five sides: one wins', async () => {
    const results = await Promise.all(numbers(5).map(() => given.host.cli(['create', 'same', '--image', 'busybox'])));
    expect(results.map(({ status }) => status).toSorted()).to.deep.equal([0, 4, 4, 4, 4]);
    const { ids, addresses } = await given.host.json<Inspected>(['inspect', 'same']);
    expect(ids.base).to.be.at.least(0x1000_0000);
    expect(addresses).not.to.have.length(0);
    await given.host.ok(['delete', 'same']);
  });

  it('start, stop, delete and list all at once: nobody fails in a way that is not a conflict', async () => {
    const { host } = given;
    await host.ok(['create', 'mixed', '--image', 'busybox', '--net', 'none']);
    const commands = numbers(4).flatMap(() => [
      ['start', 'mixed'],
      ['stop', 'mixed'],
      ['list'],
      ['restart', 'mixed'],
      ['status', 'mixed'],
    ]);
    const results = await Promise.all(commands.map((args) => host.cli(args)));
    for (const [index, { status, stderr }] of results.entries())
      expect([0, 4], `${commands[index]?.join(' ')}: ${stderr}`).to.include(status);
    await host.ok(['delete', '--force', 'mixed']);
    expect(await host.ok(['list', '-q'])).to.equal('');
  });

  it('run ten throw-away zones: each gives its own output', async () => {
    const outputs = await Promise.all(
      numbers(10).map((number) => given.host.ok(['run', '--rm', 'busybox', '--', 'sh', '-c', `echo out-${number}`])),
    );
    expect(outputs).to.deep.equal(numbers(10).map((number) => `out-${number}\n`));
    expect(await given.host.ok(['list', '-q'])).to.equal('');
  });

  it('twenty execs in one zone: each gives its own status', async () => {
    await using zone = await given.host.run({ image: 'busybox', net: 'none' });
    const results = await Promise.all(
      numbers(20).map((number) => zone.exec(['sh', '-c', `echo ${number}; exit ${number}`])),
    );
    expect(results.map(({ exitCode, stdout }) => [exitCode, stdout])).to.deep.equal(
      numbers(20).map((number) => [number, `${number}\n`]),
    );
  });

  it('a command that waits for the zone gives up in time, and says what to do', async () => {
    const { host } = given;
    await using zone = await host.run({
      image: 'busybox',
      net: 'none',
      command: ['sh', '-c', 'trap "echo asked" TERM; echo ready; while :; do sleep 0.1; done'],
    });
    const says = (text: string) =>
      eventually(`it says ${text}`, async () => (await host.ok(['logs', zone.name])).includes(text));
    await says('ready');
    const stopping = host.start(['stop', '--stop-timeout', '10m', zone.name]);
    await says('asked');
    const { status, stderr } = await host.cli(['start', zone.name, '--timeout', '500ms', '-o', 'json']);
    expect(status, stderr).to.equal(8);
    expect((JSON.parse(stderr) as { error: { hint: string } }).error.hint).to.match(/\w/);
    await zone.kill(9);
    expect((await stopping.ended).status).to.equal(0);
  });
});
