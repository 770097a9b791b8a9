/** --dry-run says what would be done, and does nothing. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { givenHost } from '../helpers/given.js';
import { eventually } from '../helpers/patience.js';
import { takePort, takeRange } from '../helpers/ports.js';

interface Plan {
  readonly operation: string;
  readonly name: string;
  readonly steps: readonly { readonly phase: string; readonly op: { readonly op: string }; readonly text: string }[];
  readonly needsRestart?: readonly string[];
}

describe('--dry-run', () => {
  // In a store that others share they list and remove images meanwhile.
  const given = givenHost({ ownImages: true }, async (host) => {
    await host.ok(['create', 'made', '--image', 'sparse', '--memory', '64M']);
  });
  const opsOf = ({ steps }: Plan) => steps.map(({ op }) => op.op);

  it('of create leaves no zone', async () => {
    const before = await given.host.snapshot();
    const plan = await given.host.json<Plan>(['create', 'other', '--image', 'sparse', '--dry-run']);
    expect([plan.operation, plan.name, opsOf(plan).at(-1)]).to.deep.equal(['create', 'other', 'state.zone-write']);
    expect(await given.host.snapshot()).to.deep.equal(before);
    expect(await given.host.ok(['list', '-q'])).to.equal('made\n');
  });

  it('of create finds the same faults as create', async () => {
    const twice = await given.host.cli(['create', 'made', '--image', 'sparse', '--dry-run', '-o', 'json']);
    expect(JSON.parse(twice.stderr)).to.have.nested.property('error.code', 'ZONE_EXISTS');
    const unknown = await given.host.cli(['create', 'x', '--image', 'no-such', '--dry-run', '-o', 'json']);
    expect(JSON.parse(unknown.stderr)).to.have.nested.property('error.code', 'IMAGE_NOT_FOUND');
  });

  it('of start shows all three phases, and starts nothing', async () => {
    const before = await given.host.snapshot();
    const plan = await given.host.json<Plan>(['start', 'made', '--dry-run']);
    expect([...new Set(plan.steps.map(({ phase }) => phase))]).to.deep.equal(['prepare', 'enter', 'attach']);
    expect(opsOf(plan)).to.include.members(['root.pivot', 'exec.slot']);
    expect(await given.host.snapshot()).to.deep.equal(before);
    expect(await given.host.ok(['start', 'made', '--dry-run'])).to.match(/^start made: \d+ steps\n {2}prepare /);
  });

  it('of stop and delete change nothing', async () => {
    await given.host.ok(['start', 'made']);
    const plan = await given.host.json<Plan>(['stop', 'made', '--dry-run']);
    expect(plan.steps.length).to.be.greaterThan(0);
    expect(await given.host.json<{ status: string }>(['status', 'made'])).to.include({ status: 'running' });
    await given.host.ok(['stop', 'made']);
    expect(opsOf(await given.host.json<Plan>(['delete', 'made', '--dry-run']))[0]).to.equal('state.remove');
    expect(await given.host.ok(['list', '-q'])).to.equal('made\n');
  });

  describe('of what changes things', () => {
    const unchanged = async (args: readonly string[]): Promise<Plan> => {
      const files = () =>
        Promise.all(['networks.json', 'images/index.json'].map((name) => readOr(join(given.host.root, name))));
      const look = async () => [await given.host.snapshot(), await files(), await given.host.json(['list'])];
      const before = await look();
      const plan = await given.host.json<Plan>([...args, '--dry-run']);
      expect(await look()).to.deep.equal(before);
      return plan;
    };

    it('run shows the making and the start of a zone that is not there afterwards', async () => {
      const plan = await unchanged(['run', '--name', 'fleeting', '--dry-run', 'sparse', '--', 'true']);
      expect([plan.operation, plan.name]).to.deep.equal(['run', 'fleeting']);
      expect(opsOf(plan)).to.include.members(['state.zone-write', 'cgroup.create', 'root.pivot', 'net.veth']);
      expect(await given.host.ok(['list', '-q'])).to.equal('made\n');
    });

    it('start shows a network that is made only by a start', async () => {
      await given.host.ok(['create', 'lonely', '--image', 'sparse', '--net', 'none']);
      await given.host.ok(['set', 'lonely', '--net', 'bridge=default']);
      const plan = await unchanged(['start', 'lonely']);
      expect(opsOf(plan)).to.include('net.bridge');
      await given.host.ok(['delete', 'lonely']);
    });

    it('set shows the writes to a running zone, and what needs a restart', async () => {
      await given.host.ok(['start', 'made']);
      const plan = await unchanged(['set', 'made', '--memory', '96M', '--hostname', 'other']);
      expect(opsOf(plan)).to.include.members(['cgroup.write', 'state.spec-write']);
      expect(plan.needsRestart).to.deep.equal(['hostname']);
      expect(plan.steps.map(({ text }) => text).join()).to.contain(String(96 << 20));
      expect(opsOf(await unchanged(['unset', 'made', 'memory']))).to.include('cgroup.write');
    });

    it('restart shows what is taken back, then what is done', async () => {
      const phases = (await unchanged(['restart', 'made'])).steps.map(({ phase }) => phase);
      expect([...new Set(phases)]).to.deep.equal(['undo', 'prepare', 'enter', 'attach']);
    });

    it('port add and port remove', async () => {
      const port = String(await takePort());
      expect(opsOf(await unchanged(['port', 'add', 'made', `${port}:80`]))).to.deep.equal([
        'net.port',
        'state.spec-write',
      ]);
      const none = await given.host.cli(['port', 'remove', 'made', port, '--dry-run', '-o', 'json']);
      expect(JSON.parse(none.stderr)).to.have.nested.property('error.code', 'PORT_NOT_FOUND');
    });

    it('rename, of a zone that is stopped only', async () => {
      const refused = await given.host.cli(['rename', 'made', 'new', '--dry-run', '-o', 'json']);
      expect(JSON.parse(refused.stderr)).to.have.nested.property('error.code', 'ZONE_RUNNING');
      await given.host.ok(['stop', 'made']);
      expect(opsOf(await unchanged(['rename', 'made', 'new']))).to.include('state.zone-rename');
    });

    it('network create and delete', async () => {
      const range = await takeRange();
      const plan = await unchanged(['network', 'create', 'lab', '--ip4', range]);
      expect(plan.steps.map(({ text }) => text).join()).to.contain(range);
      await given.host.ok(['network', 'create', 'lab', '--ip4', range]);
      const gone = await unchanged(['network', 'delete', 'lab']);
      expect(opsOf(gone)).to.include.members(['net.bridge', 'state.network-remove']).and.not.include('net.forward');
      expect((await unchanged(['network', 'delete', 'no-such'])).steps).to.deep.equal([]);
      await given.host.ok(['network', 'delete', 'lab']);
    });

    it('snapshot create, restore, delete, prune, mount, umount', async () => {
      const { host } = given;
      const code = async (...args: string[]) => {
        const { stderr } = await host.cli([...args, '--dry-run', '-o', 'json']);
        return (JSON.parse(stderr) as { error: { code: string } }).error.code;
      };
      await host.ok(['create', 'kept', '--image', 'sparse', '--net', 'none']);
      await host.ok(['run', '-d', '--name', 'runs', '--net', 'none', 'sparse', 'sleep', '1000']);
      await host.ok(['exec', 'runs', 'touch', '/root/x']);
      expect(opsOf(await unchanged(['snapshot', 'create', 'kept@a']))).to.deep.equal([
        'storage.local',
        'state.snapshot-write',
      ]);
      const copied = ['storage.layer', 'storage.freeze', 'storage.local', 'state.snapshot-write'];
      expect(opsOf(await unchanged(['snapshot', 'create', 'runs@a']))).to.deep.equal(copied);
      await host.ok(['snapshot', 'create', 'runs@a', '--keep', '1s']);
      expect(await code('snapshot', 'create', 'runs@a')).to.equal('SNAPSHOT_EXISTS');
      expect(await code('snapshot', 'restore', 'runs@a')).to.equal('ZONE_RUNNING');
      expect(await code('snapshot', 'restore', 'runs@b', '--force')).to.equal('SNAPSHOT_NOT_FOUND');
      const restored = await unchanged(['snapshot', 'restore', 'runs@a', '--force']);
      expect(opsOf(restored)).to.include.members([
        'cgroup.create',
        'storage.freeze',
        'state.zone-storage',
        'root.pivot',
      ]);
      expect(opsOf(await unchanged(['snapshot', 'mount', 'runs@a']))).to.deep.equal(['snapshot.mount']);
      expect(opsOf(await unchanged(['snapshot', 'umount', 'runs@a']))).to.deep.equal([]);
      const gone = ['state.remove', 'state.remove', 'storage.sweep'];
      expect(opsOf(await unchanged(['snapshot', 'delete', 'runs@a']))).to.deep.equal(gone);
      expect(opsOf(await unchanged(['snapshot', 'delete', 'runs@none']))).to.deep.equal([]);
      const isOver = async () => (await host.json<Plan>(['snapshot', 'prune', '--dry-run'])).steps.length > 0;
      await eventually('the time of the snapshot is over', isOver);
      expect(opsOf(await unchanged(['snapshot', 'prune']))).to.deep.equal(gone);
      expect((await host.json<unknown[]>(['snapshot', 'list', 'runs'])).length).to.equal(1);
      // What it plans is what is done.
      await host.ok(['snapshot', 'prune']);
      expect(await host.json(['snapshot', 'list', 'runs'])).to.deep.equal([]);
      await host.ok(['delete', '--force', 'kept', 'runs']);
    });

    it('spare set and claim', async () => {
      const { host } = given;
      const none = await host.cli(['-o', 'json', 'claim', '--dry-run', 'sparse']);
      expect(JSON.parse(none.stderr)).to.have.nested.property('error.code', 'SPARE_NOT_FOUND');
      const plan = await unchanged(['spare', 'set', 'sparse', '--size', '2', '--net', 'none']);
      expect(opsOf(plan).slice(0, 2)).to.deep.equal(['state.spares-write', 'spare.make']);
      expect(opsOf(plan)).to.include.members(['state.zone-write', 'root.pivot']);
      await host.ok(['spare', 'set', 'sparse', '--size', '1', '--net', 'none']);
      expect(opsOf(await given.host.json<Plan>(['claim', '--dry-run', 'sparse']))).to.deep.equal([
        'spare.claim',
        'spare.fill',
      ]);
      const ended = await unchanged(['spare', 'set', 'sparse', '--size', '0']);
      expect(opsOf(ended)).to.include.members(['state.spares-write', 'state.remove']).and.not.include('root.pivot');
      await host.ok(['spare', 'set', 'sparse', '--size', '0']);
    });

    it('image delete', async () => {
      const used = await given.host.cli(['image', 'delete', 'sparse', '--dry-run', '-o', 'json']);
      expect(JSON.parse(used.stderr)).to.have.nested.property('error.code', 'IMAGE_IN_USE');
      await given.host.ok(['delete', 'made']);
      expect(opsOf(await unchanged(['image', 'delete', 'sparse']))).to.include.members([
        'image.unlist',
        'layer.remove',
      ]);
      expect(await given.host.ok(['image', 'delete', 'sparse', '--dry-run'])).to.match(
        /^image delete sparse: \d+ steps\n {2}prepare {2}unlist image sparse\n {2}prepare {2}remove layer /,
      );
    });
  });
});

const readOr = (path: string) => readFile(path, 'utf8').catch(() => '');
