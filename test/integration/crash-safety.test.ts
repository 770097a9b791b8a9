/** kill -9 of a command at any instant leaves a zone that is complete or gone after the next command, and nothing else. */
import { expect } from 'chai';
import { cgroupHandlers } from '../../src/cgroups/index.js';
import { openHostContext } from '../../src/operations/host-context.js';
import { prepareZone } from '../../src/operations/start-zone.js';
import { readZone, stateHandlers } from '../../src/state/index.js';
import { type Crasher, makeCrasher, recoverKilled } from '../helpers/crash.js';
import { givenHost } from '../helpers/given.js';
import type { KillOrder } from '../helpers/kill-at.js';
import { eventually, patience } from '../helpers/patience.js';
import { takePort } from '../helpers/ports.js';
import { differences, expectNothingLeftNow, type Snapshot, takeSnapshot } from '../helpers/snapshot.js';
import { sh, type TempHost } from '../helpers/temp-host.js';

type ZoneState = 'gone' | 'stopped' | 'prepared' | 'running';

/** An operation, the state before it, and the states that may be found after it was killed. */
const cases: readonly (readonly [KillOrder['operation'], ZoneState, readonly ZoneState[]])[] = [
  ['create', 'gone', ['gone', 'stopped']],
  ['start', 'stopped', ['stopped', 'running']],
  ['prepare', 'stopped', ['stopped', 'prepared']],
  ['start', 'prepared', ['running']],
  ['stop', 'running', ['running', 'stopped']],
  ['stop', 'prepared', ['prepared', 'stopped']],
  ['delete', 'stopped', ['stopped', 'gone']],
  ['delete', 'prepared', ['prepared', 'stopped', 'gone']],
  ['delete --force', 'running', ['running', 'stopped', 'gone']],
  ['run --rm', 'gone', ['gone']],
  ['run ready', 'gone', ['gone']],
];

describe('kill -9 at every step boundary', function () {
  this.timeout(patience(300_000));
  let crasher: Crasher;
  let port: number;
  /** What the machine looks like with the zone in a state. */
  const looks = {} as Record<ZoneState, Snapshot>;
  const name = 'victim';
  const spec = () => ({ name, image: 'busybox', memory: '64M', pids: 50, port: [`${port}:80`] });
  const given = givenHost({ images: ['busybox'], needs: ['nft'] }, async (host) => {
    crasher = await makeCrasher();
    port = await takePort();
    // The default network and the files that throw-away zones share are there before: what is compared is the zone's alone.
    await host.run({ name: 'neighbour', image: 'busybox' });
    await host.ok(['run', '--rm', 'busybox', 'true']);
    for (const state of ['gone', 'stopped', 'running', 'prepared'] as const) {
      await bring(host, state);
      // What the state before had may go a little later.
      await host.snapshot();
      looks[state] = await look(host, state);
    }
    await bring(host, 'gone');
  });
  after(async () => crasher?.[Symbol.asyncDispose]());

  /** Names that differ from start to start are left out; so is what a stopped zone keeps of its last run. */
  async function look(host: TempHost, state: ZoneState): Promise<Snapshot> {
    const snapshot = await takeSnapshot(host.snapshotOptions);
    const plain = (line: string) =>
      line
        .replace(/^(\/proc\/sys\/net\/ipv[46]\/conf\/)?tz([0-9a-f]{6})v\w+/, '$1tz$2v')
        .replace(/^\d+ /, '')
        .replace(/ uid \d+ | \d+$/, ' ')
        .trimEnd();
    const ofItsRuns = new RegExp(`/run/zones/${name}|/zones/${name}/(log|rootfs/(upper|work)/)`);
    const lasting = (line: string) => state === 'gone' || !ofItsRuns.test(line);
    return Object.fromEntries(
      Object.entries(snapshot).map(([section, lines]) => [section, lines.map(plain).filter(lasting).toSorted()]),
    ) as unknown as Snapshot;
  }

  /** Whatever its name is: that of a run that was made ahead is generated. */
  async function stateOf(host: TempHost): Promise<ZoneState> {
    const list = await host.json<{ name: string; status: ZoneState }[]>(['list']);
    return list.find((zone) => zone.name !== 'neighbour')?.status ?? 'gone';
  }

  /** Brings the zone into a state with the library. */
  async function bring(host: TempHost, state: ZoneState): Promise<void> {
    const tszone = await host.open();
    const found = (await tszone.list()).find((zone) => zone.name === name)?.status ?? 'gone';
    if (found === state) return;
    if (found === 'gone') await tszone.create(spec());
    const zone = await tszone.zone(name);
    const ways: Readonly<Record<ZoneState, () => Promise<unknown>>> = {
      gone: () => zone.delete({ force: true }),
      stopped: () => zone.stop({ force: true }),
      prepared: async () => {
        await zone.stop({ force: true });
        await prepareZone(tszone.context, name);
      },
      running: () => zone.start(),
    };
    await ways[state]();
  }

  async function expectLooks(host: TempHost, state: ZoneState): Promise<void> {
    await eventually(`the zone is ${state}, and nothing else is there`, async () => {
      const lines = differences(looks[state], await look(host, state));
      if (lines.length > 0) throw new Error(`the zone is ${state}, but:\n  ${lines.join('\n  ')}`);
      return true;
    });
  }

  /**
   * One command is given (`list`); then the zone is in one of these states, whole, and can be deleted. A throw-away zone that ends by itself
   * may still run then, and is deleted by what its monitor starts.
   */
  async function expectComplete(host: TempHost, allowed: readonly ZoneState[]): Promise<ZoneState> {
    const state = await eventually(`the zone is ${allowed.join(' or ')}`, async () => {
      const found = await stateOf(host);
      return allowed.includes(found) && found;
    });
    await expectLooks(host, state);
    if (state === 'running') await sh(await (await host.open()).zone(name), 'ip addr show eth0 | grep -q "inet 10"');
    await bring(host, 'gone');
    await expectLooks(host, 'gone');
    return state;
  }

  for (const [operation, before, allowed] of cases) {
    it(`of ${operation} when it is ${before}: the zone is ${allowed.join(' or ')}, and complete`, async () => {
      const { host } = given;
      await bring(host, before);
      const steps = await crasher.boundaries(host, { operation, zone: spec() });
      expect(steps.length).to.be.greaterThan(before === 'prepared' && operation === 'start' ? 0 : 2);
      let killed = 0;
      const ends = new Set<ZoneState>();
      for (const [at, step] of steps.entries()) {
        await bring(host, before);
        if (await crasher.killAt(host, { operation, zone: spec(), at })) killed += 1;
        await expectComplete(host, allowed).then(
          (state) => ends.add(state),
          (error: unknown) => {
            throw new Error(`killed at boundary ${at} of ${steps.length} (${step}): ${String(error)}`);
          },
        );
      }
      expect(killed).to.equal(steps.length);
      if (operation === 'create' || operation === 'start' || operation === 'prepare')
        expect([...ends]).to.have.members(allowed);
    });
  }

  it('includes the instant between go and the running record', async () => {
    await bring(given.host, 'stopped');
    const steps = await crasher.boundaries(given.host, { operation: 'start', zone: spec() });
    expect(steps).to.include.members(['start: go', 'start: created', 'start: started', 'start: done']);
    await bring(given.host, 'gone');
  });

  it('of stop once the zone is dead: it stays what a user has stopped', async () => {
    const { host } = given;
    await bring(host, 'running');
    const steps = await crasher.boundaries(host, { operation: 'stop', zone: spec() });
    await bring(host, 'running');
    expect(await crasher.killAt(host, { operation: 'stop', zone: spec(), at: steps.indexOf('stop: ended') })).to.equal(
      true,
    );
    await recoverKilled(host);
    const { roots } = (await host.open()).context;
    expect((await readZone(roots, name)).stoppedByUser).to.equal(true);
    await bring(host, 'gone');
  });

  it('would be seen if one undo were missing', async () => {
    const { host } = given;
    await bring(host, 'stopped');
    const steps = await crasher.boundaries(host, { operation: 'start', zone: spec() });
    await bring(host, 'gone');
    for (const [handlers, step, section, operation] of [
      [cgroupHandlers, 'start: apply cgroup.create', 'cgroups', 'start'],
      [stateHandlers, 'create: apply state.ids-lease', 'ids', 'create'],
    ] as const) {
      await bring(host, operation === 'start' ? 'stopped' : 'gone');
      const all = operation === 'start' ? steps : await createSteps(host);
      await crasher.killAt(host, { operation, zone: spec(), at: all.indexOf(step) });
      const { undo } = handlers;
      handlers.undo = async () => {};
      try {
        await openHostContext(host);
      } finally {
        handlers.undo = undo;
      }
      const state = operation === 'start' ? 'stopped' : 'gone';
      const lines = differences(looks[state], await look(host, state));
      expect(
        lines.some((line) => line.startsWith(`${section}: +`)),
        lines.join('\n'),
      ).to.equal(true);
      await cleanUp(host);
    }
  });

  async function createSteps(host: TempHost): Promise<string[]> {
    const steps = await crasher.boundaries(host, { operation: 'create', zone: spec() });
    await bring(host, 'gone');
    return steps;
  }

  /** What the missing undo left: an operation that goes through takes it away. */
  async function cleanUp(host: TempHost): Promise<void> {
    await bring(host, 'running');
    await bring(host, 'gone');
    await expectLooks(host, 'gone');
  }

  it('leaves the neighbour alone', async () => {
    const zone = await (await given.host.open()).zone('neighbour');
    expect(await sh(zone, 'hostname')).to.equal('neighbour');
  });
});

describe('kill -9 of rename', function () {
  this.timeout(patience(120_000));
  let crasher: Crasher;
  const given = givenHost({ images: ['busybox'] }, async () => {
    crasher = await makeCrasher();
  });
  after(async () => crasher?.[Symbol.asyncDispose]());

  it('leaves the zone under one of both names, with its files, ids and addresses', async () => {
    const host = await given.host.open();
    const before = await given.host.snapshot();
    for (let at = 0; ; at += 1) {
      const zone = await host.create({ name: 'old', image: 'busybox' });
      const { ids, addresses } = await zone.inspect();
      const died = await crasher.killAt(given.host, {
        operation: 'rename',
        zone: { name: 'old', image: 'busybox' },
        at,
      });
      const list = await given.host.json<{ name: string; addresses: string[] }[]>(['list']);
      expect(
        list.map(({ name }) => name),
        `at ${at}`,
      ).to.have.length(1);
      const [found] = list;
      expect(['old', 'old-new']).to.include(found?.name);
      const now = await host.zone(found?.name ?? '');
      expect([(await now.inspect()).ids, found?.addresses], `at ${at}`).to.deep.equal([ids, addresses]);
      await now.delete();
      await expectNothingLeftNow(before, given.host.snapshotOptions);
      if (!died) return;
    }
  });
});
