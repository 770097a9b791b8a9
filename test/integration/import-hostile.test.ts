/** A file to import may be an enemy's: what it cannot do, and that nothing is left of it. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import {
  type ExportManifest,
  exportVersion,
  historyVersion,
  manifestName,
} from '../../src/operations/export-manifest.js';
import { givenHost } from '../helpers/given.js';
import { differences, expectNothingLeftNow, isThere, type Snapshot } from '../helpers/snapshot.js';
import { pax, type RawEntry, rawEntry, rawTar } from '../helpers/tar.js';
import { zstdCompress } from '../helpers/zstd.js';

describe('a hostile file to import', () => {
  let file: string;
  let before: Snapshot;
  const given = givenHost({ ownImages: true }, async (host) => {
    file = join(host.directory, 'evil.tar.zst');
    // The default network is there before: what is compared is the zone's alone.
    await host.run({ name: 'neighbour', image: 'busybox' });
    before = await host.snapshot();
  });

  const manifest = (more: object = {}, spec: object = {}): ExportManifest =>
    ({
      format: 'tszone-export',
      version: exportVersion,
      createdAt: '2026-01-01T00:00:00Z',
      running: false,
      spec: { name: 'evil', image: 'busybox', ...spec },
      image: { name: 'busybox', kind: 'layers', arch: process.arch === 'arm64' ? 'arm64' : 'amd64', config: {} },
      identity: { machineId: '0'.repeat(32), addresses: [] },
      parts: ['rootfs'],
      sizeBytes: 10,
      entries: 10,
      ...more,
    }) as unknown as ExportManifest;
  const archive = (about: object | string, ...entries: readonly (RawEntry | Buffer)[]) =>
    rawTar({ name: manifestName, content: typeof about === 'string' ? about : JSON.stringify(about) }, ...entries);
  const root: RawEntry = { name: 'rootfs/', type: '5' };

  /** What became of it. @returns the error's code, or "imported" */
  async function tryImport(bytes: Buffer, ...flags: string[]): Promise<string> {
    await writeFile(file, bytes);
    const { status, stderr } = await given.host.cli(['-o', 'json', 'import', file, ...flags]);
    if (status === 0) return 'imported';
    const { error } = JSON.parse(stderr.trim().split('\n').at(-1) ?? '') as { error: { code: string; hint?: string } };
    expect(error.hint, stderr).to.be.a('string');
    return error.code;
  }

  async function refuses(bytes: Buffer, code = 'EXPORT_INVALID', ...flags: string[]): Promise<void> {
    expect(await tryImport(bytes, ...flags)).to.equal(code);
    await expectNothingLeftNow(before, given.host.snapshotOptions);
  }

  const forgotten = () => given.host.ok(['delete', 'evil', '--force']);
  afterEach(forgotten);

  it('a plain one is imported, so that what follows is refused for what it does', async () => {
    const bytes = archive(manifest(), root, { name: 'rootfs/file', content: 'x' });
    expect(await tryImport(await zstdCompress(bytes))).to.equal('imported');
    expect(differences(before, await given.host.snapshot())).to.not.deep.equal([]);
    await forgotten();
    expect(await tryImport(bytes)).to.equal('imported');
    await forgotten();
    await expectNothingLeftNow(before, given.host.snapshotOptions);
  });

  const trap = 'rootfs/trap';
  const escapes: Readonly<Record<string, readonly (RawEntry | Buffer)[]>> = {
    'a name that climbs': [{ name: 'rootfs/../../../../../../../../../tmp/tszone-evil', content: 'x' }],
    'a part that is none': [{ name: 'upper/file', content: 'x' }],
    'the part of a sparse zone': [{ name: 'local/file', content: 'x' }],
    'a name beside the parts': [{ name: 'zone.json', content: '{}' }],
    'an absolute name': [{ name: '/etc/tszone-evil', content: 'x' }],
    'a second manifest': [{ name: manifestName, content: '{}' }],
    'a hard link out of its part': [{ name: 'rootfs/link', type: '1', link: '../zone.json' }],
    'a hard link to a name beside': [{ name: 'rootfs/link', type: '1', link: 'etc/shadow' }],
    'two extended headers': [pax({ path: 'rootfs/a' }), pax({ path: 'rootfs/b' }), { name: 'x', content: 'x' }],
    'a type that is unknown': [{ name: 'rootfs/x', type: 'Z' }],
    'a wrong checksum': [{ name: 'rootfs/x', checksum: '000000\0 ' }],
  };
  for (const [what, entries] of Object.entries(escapes)) {
    it(`${what} ends it`, () => refuses(archive(manifest(), root, ...entries)));
  }

  /** A zone over a layer, with a snapshot of that. */
  const withHistory = (more: object = {}, snapshot: object = {}) => {
    const { spec, image, identity } = manifest();
    const { machineId } = identity;
    const was = { isNamed: true, createdAtMs: 1, wasRunning: false, copiedBytes: 0, hasLocal: false, chain: [0] };
    const snapshots = [{ name: 'old', machineId, spec, image, ...was, ...snapshot }];
    return manifest({ version: historyVersion, history: { layers: 1, chain: [0], snapshots, ...more } });
  };
  const layer: RawEntry = { name: 'layers/0/', type: '5' };

  it('one with a snapshot is imported, so that what follows is refused for what it does', async () => {
    expect(await tryImport(archive(withHistory(), layer, { name: 'layers/0/f', content: 'x' }, root))).to.equal(
      'imported',
    );
    await given.host.ok(['snapshot', 'restore', 'evil@old']);
    await forgotten();
    await expectNothingLeftNow(before, given.host.snapshotOptions);
  });

  const histories: Readonly<Record<string, () => Buffer>> = {
    'a snapshot whose name climbs': () => archive(withHistory({}, { name: '../../x' }), layer, root),
    'two snapshots of one name': () => {
      const { history } = withHistory();
      return archive(withHistory({ snapshots: [history?.snapshots[0], history?.snapshots[0]] }), layer, root);
    },
    'a layer that is not there': () => archive(withHistory({ chain: [1] }), layer, root),
    'a layer twice in one chain': () => archive(withHistory({ chain: [0, 0] }), layer, root),
    'a layer of nobody': () => archive(withHistory({ layers: 2 }), layer, root),
    'a million layers': () => archive(withHistory({ layers: 1e6, chain: [] }, { chain: [] }), layer, root),
    'snapshots in the first version': () => archive({ ...withHistory(), version: exportVersion }, layer, root),
    'none in the second version': () => archive(manifest({ version: historyVersion }), root),
    'a snapshot of another kind': () =>
      archive(withHistory({}, { hasLocal: true, image: { ...manifest().image, kind: 'sparse' } }), layer, root),
    'a layer after the root': () => archive(withHistory(), root, layer),
    'a hard link into a layer': () =>
      archive(withHistory(), layer, root, { name: 'rootfs/link', type: '1', link: 'layers/0/f' }),
    'a snapshot with a key that is not known': () => archive(withHistory({}, { layers: ['x'] }), layer, root),
  };
  for (const [what, bytes] of Object.entries(histories)) it(`${what} ends it`, () => refuses(bytes()));

  it('what a snapshot asks for is judged as what the zone asks for', async () => {
    const greedy = withHistory({}, { spec: { ...manifest().spec, privileged: true, mount: ['/:/host'] } });
    await refuses(archive(greedy, layer, root), 'EXPORT_UNTRUSTED');
    expect(await tryImport(archive(greedy, layer, root), '--restrict')).to.equal('imported');
    await given.host.ok(['snapshot', 'restore', 'evil@old']);
    const { spec } = await (await (await given.host.open()).zone('evil')).inspect();
    expect([spec.privileged, spec.mount]).to.deep.equal([false, []]);
  });

  it('marks of an overlay hide what lies below, and are no devices', async () => {
    const bytes = archive(
      withHistory(),
      layer,
      { name: 'layers/0/etc/', type: '5' },
      { name: 'layers/0/etc/below', content: 'x' },
      { name: 'layers/0/f', content: 'x' },
      pax({ 'SCHILY.xattr.user.overlay.opaque': 'y' }),
      root,
      { name: 'rootfs/f', type: '3', device: [0, 0] as const },
      { name: 'rootfs/mem', type: '3', device: [1, 1] as const },
      pax({ 'SCHILY.xattr.user.overlay.redirect': '/bin', 'SCHILY.xattr.user.overlay.opaque': 'y' }),
      { name: 'rootfs/etc/', type: '5' },
    );
    expect(await tryImport(bytes)).to.equal('imported');
    const { changes } = await given.host.json<{ changes: { path: string; change: string }[] }>([
      'snapshot',
      'diff',
      'evil@old',
    ]);
    expect(changes.map(({ path, change }) => `${change} ${path}`)).to.deep.equal(['deleted /etc/below', 'deleted /f']);
    const upper = join(given.host.root, 'zones/evil/rootfs/upper');
    expect(await isThere(join(upper, 'mem'))).to.equal(false);
    await forgotten();
  });

  it('a link that leads out leads nowhere: what goes through it stays in the zone', async () => {
    const target = join(given.host.directory, 'outside');
    const entries: RawEntry[] = [
      { name: trap, type: '2', link: '/' },
      { name: `${trap}${target}`, content: 'evil' },
      { name: 'rootfs/up', type: '2', link: '../../../../..' },
      { name: `rootfs/up${target}-too`, content: 'evil' },
      { name: `${trap}/zone.json`, content: '{}' },
    ];
    expect(await tryImport(archive(manifest(), root, ...entries))).to.equal('imported');
    expect([await isThere(target), await isThere(`${target}-too`)]).to.deep.equal([false, false]);
    const upper = join(given.host.root, 'zones/evil/rootfs/upper');
    expect(await readFile(join(upper, target), 'utf8')).to.equal('evil');
    expect(JSON.parse(await readFile(join(given.host.root, 'zones/evil/zone.json'), 'utf8')).spec.name).to.equal(
      'evil',
    );
    await forgotten();
  });

  it('device nodes and overlay marks are left out', async () => {
    const entries = [
      { name: 'rootfs/mem', type: '3', device: [1, 1] as const },
      { name: 'rootfs/whiteout', type: '3', device: [0, 0] as const },
      pax({ 'SCHILY.xattr.user.overlay.redirect': '/etc', 'SCHILY.xattr.trusted.overlay.opaque': 'y' }),
      { name: 'rootfs/dir/', type: '5' },
    ];
    expect(await tryImport(archive(manifest(), root, ...entries), '--trust')).to.equal('imported');
    const upper = join(given.host.root, 'zones/evil/rootfs/upper');
    expect([await isThere(join(upper, 'mem')), await isThere(join(upper, 'whiteout'))]).to.deep.equal([false, false]);
    expect(await isThere(join(upper, 'dir'))).to.equal(true);
    await forgotten();
  });

  const manifests: Readonly<Record<string, object | string>> = {
    'no JSON': 'not json',
    'another format': manifest({ format: 'other' }),
    'a newer version': manifest({ version: exportVersion + 1 }),
    'an unknown key': manifest({ surprise: true }),
    'a spec that is none': manifest({}, { memory: 'much' }),
    'a spec with an unknown key': manifest({}, { surprise: 1 }),
    'a name that climbs': manifest({}, { name: '../../etc' }),
    'an image name that climbs': manifest({ image: { ...manifest().image, name: '../x' } }),
    'a size that is none': manifest({ sizeBytes: -1 }),
    'a machine id that is none': manifest({ identity: { machineId: 'x\n', addresses: [] } }),
    'no manifest at all': '',
  };
  for (const [what, about] of Object.entries(manifests)) {
    it(`a manifest with ${what} is refused`, () => refuses(archive(about, root)));
  }

  it('no manifest, one too large, and what is no archive are refused', async () => {
    await refuses(rawTar(root));
    await refuses(rawTar({ name: manifestName, size: '00010000000', content: '' }));
    await refuses(Buffer.from('not an archive'.repeat(100)));
    await refuses(Buffer.alloc(0));
    await refuses(rawTar({ name: manifestName, type: '2', link: '/etc/shadow' }));
  });

  it('one that is much larger than it says is stopped', async () => {
    const lie = archive(manifest({ sizeBytes: 0, entries: 0 }), root);
    const [count, piece] = [1200, Buffer.alloc(1_000_448)];
    const zeros = rawEntry({ name: 'rootfs/zeros', size: (count * piece.length).toString(8).padStart(11, '0') });
    const packed = await zstdCompress([
      lie.subarray(0, -1024),
      zeros,
      ...Array.from({ length: count }, () => piece),
      Buffer.alloc(1024),
    ]);
    expect(packed.length).to.be.lessThan(1_000_000);
    await refuses(packed);
  });

  it('one that says it is larger than the disk is refused before anything is written', () =>
    refuses(archive(manifest({ sizeBytes: Number.MAX_SAFE_INTEGER }), root), 'RESOURCE_DISK_FULL'));

  it('one that is cut off or damaged anywhere leaves nothing', async () => {
    const content = Buffer.from(Array.from({ length: 300_000 }, (_, at) => (at * at * 31) % 251));
    const whole = archive(
      manifest({ sizeBytes: 400_000 }),
      root,
      { name: 'rootfs/a', content },
      { name: 'rootfs/b', content: 'b' },
    );
    const packed = await zstdCompress(whole);
    for (const part of [0.1, 0.5, 0.9, 0.99]) {
      await refuses(whole.subarray(0, Math.floor(whole.length * part)));
      await refuses(packed.subarray(0, Math.floor(packed.length * part)));
    }
    // Only zstd's checksum can tell.
    const flipped = Buffer.from(packed);
    flipped[flipped.length - 2] = (flipped.at(-2) ?? 0) ^ 1;
    await refuses(flipped);
  });

  const demands: Readonly<Record<string, readonly [object, readonly string[]]>> = {
    privileges: [{ privileged: true }, ['privileged']],
    'the ids of the host': [{ userns: 'host' }, ['userns']],
    'ids of another': [{ userns: '100000:65536,shared' }, ['userns']],
    mounts: [{ mount: ['/etc:/mnt'] }, ['mount']],
    devices: [{ device: ['/dev/fuse:rw'] }, ['device']],
    capabilities: [{ capAdd: ['SYS_ADMIN'] }, ['capAdd']],
    'no filter': [{ seccomp: 'unconfined' }, ['seccomp']],
    'the network of the host': [{ net: ['host'] }, ['net']],
    'a low port': [{ port: ['80:80'] }, ['port']],
    'a port for all': [{ port: ['0.0.0.0:8080:80'] }, ['port']],
    'all of it': [
      { mount: ['/etc:/mnt'], capAdd: ['SYS_ADMIN'], port: ['80:80', '8080:80'] },
      ['mount', 'capAdd', 'port'],
    ],
  };
  for (const [what, [spec, fields]] of Object.entries(demands)) {
    it(`${what} are asked for: refused by name, and with --restrict the zone is made without`, async () => {
      await writeFile(file, archive(manifest({}, spec), root));
      const { stderr, status } = await given.host.cli(['-o', 'json', 'import', file]);
      const { error } = JSON.parse(stderr) as { error: { code: string; context: { fields: string[] } } };
      expect([status, error.code, error.context.fields]).to.deep.equal([9, 'EXPORT_UNTRUSTED', fields]);
      await expectNothingLeftNow(before, given.host.snapshotOptions);
      const made = await given.host.json<{ spec: Record<string, unknown>; leftOut: string[] }>([
        'import',
        file,
        '--restrict',
      ]);
      expect(made.leftOut).to.deep.equal(fields);
      const left = JSON.stringify(made.spec);
      for (const word of [
        '"privileged":true',
        '/etc',
        '/dev/fuse',
        'SYS_ADMIN',
        'unconfined',
        '"host"',
        '"range"',
        '0.0.0.0',
        ':80,"zonePort":80',
      ])
        if (what !== 'all of it' || word !== ':80,"zonePort":80') expect(left).to.not.include(word);
      await forgotten();
    });
  }

  it('directories of the host as those of a sparse image are asked for, too', async () => {
    const config = { hostDirs: [{ source: '/etc', target: '/usr' }] };
    for (const kind of ['sparse', 'layers']) {
      const about = manifest({ image: { ...manifest().image, kind, config } });
      await refuses(archive(about, root), 'EXPORT_UNTRUSTED');
    }
  });

  it('with --trust it gets what it asks for', async () => {
    const source = await given.host.file('shared');
    await writeFile(file, archive(manifest({}, { mount: [`${source}:/mnt`], net: ['none'] }), root));
    const { spec } = await given.host.json<{ spec: { mount: { source: string }[] } }>(['import', file, '--trust']);
    expect(spec.mount.map((mount) => mount.source)).to.deep.equal([source]);
    await forgotten();
  });
});
