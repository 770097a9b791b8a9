import { chmod, chown, mkdtemp, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { hasCode } from '../../../src/errors/index.js';
import { type HostFacts, probeHost } from '../../../src/host/index.js';
import { type Filter, type FilterRequest, profileDigest, zoneFilter } from '../../../src/seccomp/index.js';
import { audit, verdictName, verdictOf } from '../../helpers/bpf.js';
import { requires } from '../../helpers/requires.js';

describe("a zone's filter", () => {
  let directory: string;
  let facts: HostFacts;
  before('what it needs', requires('root'));
  beforeEach('a run-time directory', async () => {
    directory = await mkdtemp(join(tmpdir(), 'tszone-filter-'));
    const probed = await probeHost();
    facts = { ...probed, seccomp: true, kernel: { ...probed.kernel, machine: 'x86_64' } };
  });
  afterEach(() => rm(directory, { recursive: true }));

  const request = (changed: Partial<FilterRequest> = {}): FilterRequest => {
    return { profile: 'default', capabilities: [], is32Bit: false, nesting: false, hostIds: false, ...changed };
  };
  const filter = (changed: Partial<FilterRequest> = {}, otherFacts: Partial<HostFacts> = {}) =>
    zoneFilter(
      { roots: { root: directory, runRoot: directory, instance: 'c0ffee' }, facts: { ...facts, ...otherFacts } },
      request(changed),
    );
  const required = async (changed: Partial<FilterRequest> = {}): Promise<Filter> => {
    return (await filter(changed)) ?? expect.fail('there is no filter');
  };
  const cached = async () =>
    (await readdir(join(directory, 'seccomp'))).map((name) => join(directory, 'seccomp', name));
  /** What bpf(2) gets. */
  const ofBpf = ({ program }: Filter) =>
    verdictName(verdictOf(Buffer.from(program, 'hex'), { number: 321, architecture: audit.x86_64 }));

  async function profileFile(profile: object): Promise<string> {
    const path = join(directory, 'profile.json');
    await writeFile(path, JSON.stringify(profile));
    return path;
  }
  const allowAll = { defaultAction: 'SCMP_ACT_ALLOW', syscalls: [] };

  it('is compiled once, and found again by what it is made from', async () => {
    const first = await required();
    expect(first).to.include({ flags: 4, when: 'now' });
    const [path = '', ...others] = await cached();
    expect(others).to.deep.equal([]);
    const before = await readFile(path);
    expect(await required()).to.deep.equal(first);
    expect(await readFile(path)).to.deep.equal(before);
    await required({ nesting: true });
    await required({ is32Bit: true });
    expect(await cached()).to.have.lengthOf(3);
  });

  it("is taken from the file that is there: whole, root's own, and no link", async () => {
    const right = await required();
    const [path = ''] = await cached();
    const open = await required({ profile: await profileFile(allowAll) });
    expect([ofBpf(right), ofBpf(open)]).to.deep.equal(['errno 1', 'allow']);
    const foreign = (await cached()).find((one) => one !== path) ?? '';
    const planted = await readFile(foreign);

    // That the cache is believed at all: else nothing below could fail.
    await writeFile(path, planted);
    expect(ofBpf(await required())).to.equal('allow');

    const spoilt: readonly [what: string, spoil: () => Promise<void>][] = [
      ['another owner', () => chown(path, 12_345, 12_345)],
      ['writable by others', () => chmod(path, 0o622)],
      ['a link', () => rename(path, `${path}.moved`).then(() => symlink(`${path}.moved`, path))],
      ['cut', () => writeFile(path, planted.subarray(0, -8))],
      ['changed', () => writeFile(path, Buffer.concat([planted.subarray(0, -1), Buffer.from([1])]))],
      ['empty', () => writeFile(path, '')],
    ];
    for (const [what, spoil] of spoilt) {
      await rm(path);
      await writeFile(path, planted, { mode: 0o600 });
      await spoil();
      expect(ofBpf(await required()), what).to.equal('errno 1');
      expect(ofBpf(await required()), `${what}, made anew`).to.equal('errno 1');
    }
  });

  it('follows the profile that it is of, and the capabilities', async () => {
    const rules = [{ names: ['bpf'], action: 'SCMP_ACT_ERRNO', errnoRet: 5, excludes: { caps: ['CAP_BPF'] } }];
    const path = await profileFile({ ...allowAll, syscalls: rules });
    const digest = profileDigest(path);
    const filtered = await required({ profile: path });
    expect(ofBpf(filtered)).to.equal('errno 5');
    expect(filtered).to.include({ flags: 4, when: 'exec' });
    expect(ofBpf(await required({ profile: path, capabilities: ['BPF'] }))).to.equal('allow');
    await profileFile({ ...allowAll, flags: ['SECCOMP_FILTER_FLAG_LOG'] });
    expect(await required({ profile: path })).to.include({ flags: 2 });
    expect(profileDigest(path)).not.to.equal(digest);
    await rm(path);
    expect(profileDigest(path)).to.equal('unreadable');
  });

  it('refuses user namespaces to a root with the ids of the host, whatever the profile says', async () => {
    const unshared = ({ program }: Filter) =>
      verdictName(
        verdictOf(Buffer.from(program, 'hex'), { number: 272, architecture: audit.x86_64, args: [0x1000_0000n] }),
      );
    const profile = await profileFile(allowAll);
    expect(unshared(await required({ profile }))).to.equal('allow');
    const held = await required({ profile, hostIds: true });
    expect([unshared(held), ofBpf(held)]).to.deep.equal(['errno 1', 'allow']);
    const open = await required({ profile: 'unconfined', hostIds: true });
    expect([unshared(open), ofBpf(open)]).to.deep.equal(['errno 1', 'allow']);
    expect(ofBpf(await required({ hostIds: true })), 'the default one is another').to.equal('errno 1');
    const request = filter({ profile: 'unconfined', hostIds: true }, { seccomp: false });
    const hint = await request.catch((error: unknown) => hasCode(error, 'HOST_FEATURE_MISSING') && error.hint);
    expect(hint).to.match(/Leave --userns host out/);
  });

  it('is none when the zone is unconfined, and refused by name when there can be none', async () => {
    expect(await filter({ profile: 'unconfined' }, { seccomp: false })).to.equal(undefined);
    const refused = async (profile: string, otherFacts: Partial<HostFacts> = {}) => {
      try {
        await filter({ profile }, otherFacts);
      } catch (error) {
        if (hasCode(error, 'HOST_FEATURE_MISSING', 'PATH_NOT_FOUND'))
          return `${error.code}: ${error.message} ${error.hint}`;
        throw error;
      }
      return 'nothing was refused';
    };
    expect(await refused('default', { seccomp: false })).to.match(
      /^HOST_FEATURE_MISSING: .*CONFIG_SECCOMP_FILTER.*unconfined/,
    );
    const kernel = { ...facts.kernel, machine: 'riscv64' };
    expect(await refused('default', { kernel })).to.match(/^HOST_FEATURE_MISSING: .*riscv64.*unconfined/);
    expect(await refused('/nowhere/p.json')).to.match(/^PATH_NOT_FOUND: .*"\/nowhere\/p\.json" does not exist/);
    expect(await refused(directory)).to.match(/^PATH_NOT_FOUND: .*is no file/);
  });
});
