/** Copies out of zones that lie: nothing but what was asked for appears, and a copy leaves no trace on the zone. */
import {
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { hasCode } from '../../src/errors/index.js';
import type { Zone } from '../../src/index.js';
import { copyOut, type End, receive } from '../../src/operations/copy-files.js';
import { fakePacker } from '../helpers/fake-packer.js';
import { givenHost } from '../helpers/given.js';
import { failure } from '../helpers/helper-plan.js';
import { eventually, patience } from '../helpers/patience.js';
import { requires } from '../helpers/requires.js';
import { rawTar } from '../helpers/tar.js';
import { sh } from '../helpers/temp-host.js';

describe('an archive out of a zone', () => {
  before(requires('root'));

  let home: string;
  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), 'tszone-cp-'));
  });
  afterEach(() => rm(home, { recursive: true, force: true }));

  const take = (packer: End, hostPath = home, zonePath = '/data') =>
    receive({ zone: 'box', zonePath, hostPath }, (unpack) => unpack(packer));
  const refused = async (packer: End, hostPath = home) => {
    const error = await failure(take(packer, hostPath));
    if (!hasCode(error, 'KERNEL_STEP_FAILED', 'PATH_NOT_FOUND')) throw error ?? new Error('it was taken');
    return error;
  };
  const directory = { name: 'data/', type: '5' } as const;

  for (const [what, archive] of [
    ['a second entry', rawTar(directory, { name: '.bashrc', content: 'evil' })],
    ['another entry', rawTar({ name: '.bashrc', content: 'evil' })],
    ['an entry in another directory', rawTar({ name: '.ssh/authorized_keys', content: 'evil' })],
    ['an entry whose name begins with what was asked for', rawTar({ name: 'data-too', content: 'evil' })],
    ['the top itself', rawTar({ name: './', type: '5', mode: 0o777 }, directory)],
    ['a link to elsewhere, gone through', rawTar({ name: 'data', type: '2', link: '/etc' }, { name: 'data/evil' })],
    ['a name with ".."', rawTar({ name: '../evil' })],
    ['nothing', rawTar()],
    ['half an archive', rawTar(directory, { name: 'data/file', content: 'x'.repeat(2000) }).subarray(0, 2048)],
  ] as const) {
    it(`with ${what} leaves nothing behind`, async () => {
      await refused(fakePacker(archive));
      expect(await readdir(home)).to.deep.equal([]);
    });
  }

  it('of a packer that failed is not taken, however whole it is', async () => {
    await refused(fakePacker(rawTar(directory), { status: 1 }));
    expect(await readdir(home)).to.deep.equal([]);
  });

  it('with a report that is no report is an error like any other, and one that cannot drive a terminal', async () => {
    for (const report of [
      '{"error":{"a":1},"entry":[2],"errno":"x"}',
      '{"error":null,"errno":-5}',
      '{"errno":99999999999}',
      'null',
      '[]',
      '7',
      '\u001b[31mred\u0007\u009b2J',
      '{"error":"\\u001b]0;title\\u0007no\\u202e","entry":"\\u009b2J\\nx","errno":1}',
    ]) {
      const error = await refused(fakePacker(rawTar(), { status: 1, report }));
      expect(error.message)
        .to.be.a('string')
        .that.does.not.match(/[\p{Cc}\u202e]|\[object/u);
    }
  });

  it('keeps the letters of names, and takes a number for the reason', async () => {
    const report = '{"error":"look up: No such file or directory","entry":"README","errno":2}';
    const error = await refused(fakePacker(rawTar(), { status: 1, report }));
    expect([error.code, error.message]).to.deep.equal([
      'PATH_NOT_FOUND',
      'look up: no such file or directory: "README"',
    ]);
  });

  it('becomes the one entry, under the name of the destination if that is new', async () => {
    const archive = rawTar(directory, { name: 'data/file', content: 'deep' });
    await take(fakePacker(archive));
    await take(fakePacker(archive), join(home, 'renamed'));
    expect(await readdir(home)).to.have.members(['data', 'renamed']);
    expect(await readFile(join(home, 'renamed/file'), 'utf8')).to.equal('deep');
  });

  it('merges into a directory that is there, which keeps its mode', async () => {
    await mkdir(join(home, 'data/sub'), { recursive: true, mode: 0o700 });
    await writeFile(join(home, 'data/sub/old'), 'old');
    await writeFile(join(home, 'data/sub/both'), 'old');
    await take(
      fakePacker(
        rawTar(
          { ...directory, mode: 0o777 },
          { name: 'data/sub/', type: '5', mode: 0o777 },
          { name: 'data/sub/both', content: 'new' },
          { name: 'data/new/', type: '5' },
          { name: 'data/new/file', content: 'new' },
        ),
      ),
    );
    expect(await readFile(join(home, 'data/sub/old'), 'utf8')).to.equal('old');
    expect(await readFile(join(home, 'data/sub/both'), 'utf8')).to.equal('new');
    expect(await readFile(join(home, 'data/new/file'), 'utf8')).to.equal('new');
    expect((await stat(join(home, 'data/sub'))).mode & 0o777).to.equal(0o700);
    expect(await readdir(home)).to.deep.equal(['data']);
  });

  it('is not written through a link at the destination, at any depth', async () => {
    const victims = join(home, 'victims');
    await mkdir(victims);
    await writeFile(join(victims, 'file'), 'stays');
    await mkdir(join(home, 'in/data'), { recursive: true });
    await symlink(join(victims, 'file'), join(home, 'in/data/file'));
    await symlink(victims, join(home, 'in/data/sub'));
    await take(fakePacker(rawTar(directory, { name: 'data/file', content: 'evil' })), join(home, 'in'));
    expect((await lstat(join(home, 'in/data/file'))).isFile()).to.equal(true);
    const sub = rawTar(directory, { name: 'data/sub/', type: '5' }, { name: 'data/sub/file', content: 'evil' });
    await refused(fakePacker(sub), join(home, 'in'));
    expect(await readlink(join(home, 'in/data/sub'))).to.equal(victims);
    expect(await readFile(join(victims, 'file'), 'utf8')).to.equal('stays');
    expect(await readdir(join(home, 'in'))).to.deep.equal(['data']);
  });

  it('is no directory in place of a file, nor a file in place of a directory, nor anything in place of a device', async () => {
    await writeFile(join(home, 'data'), 'file');
    await refused(fakePacker(rawTar(directory)));
    expect(await readFile(join(home, 'data'), 'utf8')).to.equal('file');
    await mkdir(join(home, 'in/data'), { recursive: true });
    await refused(fakePacker(rawTar({ name: 'data', content: 'x' })), join(home, 'in'));
    expect(await readdir(join(home, 'in'))).to.deep.equal(['data']);
    const device = (await stat('/dev/null')).rdev;
    await refused(fakePacker(rawTar({ name: 'data', content: 'x' })), '/dev/null');
    expect((await stat('/dev/null')).rdev).to.equal(device);
  });

  it('does not go where a link leads that takes the place of its directory meanwhile', async () => {
    const [victims, there] = [join(home, 'victims'), join(home, 'there')];
    await mkdir(victims);
    await mkdir(there);
    await receive({ zone: 'box', zonePath: '/data', hostPath: there }, async (unpack) => {
      const [fresh = ''] = await readdir(there);
      await rename(join(there, fresh), join(there, 'aside'));
      await symlink(victims, join(there, fresh));
      await unpack(fakePacker(rawTar(directory, { name: 'data/file', content: 'x' })));
    });
    expect(await readdir(victims)).to.deep.equal([]);
    expect(await readFile(join(there, 'data/file'), 'utf8')).to.equal('x');
  });

  it('is not taken when the copy has been aborted', async () => {
    const [controller, reason] = [new AbortController(), new Error('enough')];
    const copy = receive(
      { zone: 'box', zonePath: '/data', hostPath: home },
      async (unpack) => {
        await unpack(fakePacker(rawTar(directory)));
        controller.abort(reason);
      },
      controller,
    );
    expect(await failure(copy)).to.equal(reason);
    expect(await readdir(home)).to.deep.equal([]);
  });

  it('is not asked for if there is no place for it', async () => {
    let isAsked = false;
    const error = await failure(
      receive({ zone: 'box', zonePath: '/data', hostPath: join(home, 'no/such') }, async () => {
        isAsked = true;
      }),
    );
    expect(hasCode(error, 'PATH_NOT_FOUND') && error.message).to.equal(
      `${join(home, 'no/such')}: no such file or directory`,
    );
    expect(isAsked).to.equal(false);
  });
});

describe('cp out of a zone that writes into the stream', function () {
  this.timeout(patience(120_000));
  let zone: Zone;
  const given = givenHost({ images: ['busybox'] }, async (host) => {
    zone = await host.run({ name: 'liar', image: 'busybox', net: 'none' });
    await sh(
      zone,
      'mkdir /data && cd /data && seq 1 30000 | xargs touch; echo evil > /.bashrc; cd /; tar cf /evil.tar .bashrc',
    );
    // Every process of the zone's root may open the descriptors of every other.
    await sh(
      zone,
      `cat > /inject <<'END'
while :; do for p in /proc/[0-9]*; do
  [ "$p/exe" -ef /proc/self/exe ] && continue
  case "$(tr '\\0' ' ' < $p/cmdline 2>/dev/null)" in
  "tszone-helper pack"*) cat /evil.tar > $p/fd/1 && echo "$p" >> /hits;;
  esac
done; done
END
      sh /inject < /dev/null > /dev/null 2>&1 &`,
    );
  });

  it('nothing but the expected name appears', async () => {
    const isHit = async () => (await zone.exec(['test', '-s', '/hits'])).exitCode === 0;
    // Whether it comes in time is chance.
    for (let attempt = 0; attempt < 5 || (attempt < 50 && !(await isHit())); attempt += 1) {
      const home = await given.host.file(`home-${attempt}`);
      await failure(zone.copyOut('/data', home));
      expect((await readdir(home)).filter((name) => name !== 'data')).to.deep.equal([]);
    }
    expect(await sh(zone, 'cat /hits')).to.match(/^\/proc\/\d+/);
  });
});

describe('cp with a stopped zone', () => {
  let zone: Zone;
  const given = givenHost({ images: ['busybox'] }, async (host) => {
    zone = await host.run({ name: 'still', image: 'busybox', net: 'none', command: ['sh', '-c', 'echo said; exit 7'] });
    await zone.wait({ for: 'stopped' });
  });

  it('leaves its log and how it ended as they were', async () => {
    const before = await zone.inspect();
    expect(before.exit?.status).to.equal(7);
    const out = await given.host.file('out');
    await zone.copyOut('/etc/hosts', out);
    await zone.copyIn(join(out, 'hosts'), '/root/');
    await failure(zone.copyOut('/no/such', out));
    expect(await zone.inspect()).to.deep.equal(before);
    const lines = [];
    for await (const { text } of zone.logs()) lines.push(text);
    expect(lines).to.deep.equal(['said']);
  });
});

describe('cp that is aborted', () => {
  let zone: Zone;
  const given = givenHost({ images: ['busybox'] }, async (host) => {
    zone = await host.run({ name: 'slow', image: 'busybox', net: 'none' });
    // Data, not a hole: that would be there at once. What packs it is the zone's, and has little time: it is in its midst whenever somebody looks.
    await sh(zone, 'dd if=/dev/zero of=/endless bs=1M count=600 2>/dev/null');
    await zone.set({ cpus: 0.02 });
  });

  for (const state of ['running', 'stopped']) {
    it(`ends what it began, and leaves the zone ${state}`, async () => {
      if (state === 'stopped') await zone.stop({ force: true });
      const out = await given.host.file(`out-${state}`);
      const [controller, reason] = [new AbortController(), new Error('enough')];
      const { context } = await given.host.open();
      const copy = failure(copyOut(context, { zone: 'slow', zonePath: '/endless', hostPath: out }, controller));
      await eventually('the copy has begun', async () => {
        const [fresh] = await readdir(out);
        if (fresh === undefined) return false;
        return (await stat(join(out, fresh, 'endless')).catch(() => undefined)) !== undefined;
      });
      controller.abort(reason);
      expect(await copy).to.equal(reason);
      expect(await readdir(out)).to.deep.equal([]);
      expect((await zone.status()).status).to.equal(state);
      await eventually('no packer is left', async () =>
        (await zone.ps().catch(() => [])).every(({ command }) => !command.includes('pack')),
      );
    });
  }
});
