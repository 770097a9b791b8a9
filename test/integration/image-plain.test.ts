/** Archives that are not compressed, which the unpacker reads by itself: what is kept is what was hashed, whatever happens to the file. */
import {
  appendFileSync,
  createReadStream,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { openHostContext } from '../../src/operations/host-context.js';
import { imageImport } from '../../src/operations/image-import.js';
import { imageInspect } from '../../src/operations/image-inspect.js';
import { imageList } from '../../src/operations/image-list.js';
import { imageVerify } from '../../src/operations/image-verify.js';
import { entry, outputOf, startProgram } from '../helpers/cli.js';
import { sha256 } from '../helpers/fake-registry.js';
import { failsWith, type ImageHost, imageHost } from '../helpers/image-host.js';
import { eventually, inTime, patience } from '../helpers/patience.js';
import { requires } from '../helpers/requires.js';
import { mountSmallDisk } from '../helpers/small-disk.js';
import { rawEntry, rawTar } from '../helpers/tar.js';
import { describeTree, makeTree } from '../helpers/trees.js';

/** Processes that name the directory. */
const unpackersOf = (directory: string) =>
  readdirSync('/proc').filter((pid) => {
    try {
      return (
        /^\d+$/.test(pid) &&
        readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(`unpack\0`) &&
        readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(directory)
      );
    } catch {
      return false;
    }
  }).length;

describe('an archive that is not compressed', function () {
  this.timeout(patience(60_000));
  let host: ImageHost;
  let archive: string;

  before('root', requires('root'));
  beforeEach(async () => {
    host = await imageHost();
    archive = join(host.directory, 'root.tar');
  });
  afterEach(() => host[Symbol.dispose]());

  const many = (count: number, size: number) =>
    rawTar(
      ...Array.from({ length: count }, (_, index) => ({
        name: `d${index % 7}/file-${index}`,
        content: Buffer.alloc(size + index, `${index} `),
        uid: index % 3,
        mode: index % 2 === 0 ? 0o640 : 0o755,
      })),
    );

  /** Followed by so much that it is not at its end when it is looked at, however slow who looks is; all of that is one hole. @returns the names of that */
  function writeEndless(path: string, first: Buffer): string[] {
    const [size, names] = [7 * 2 ** 30, ['tail-0', 'tail-1', 'tail-2', 'tail-3']];
    writeFileSync(path, first.subarray(0, -1024));
    for (const name of names) {
      appendFileSync(path, rawEntry({ name, size: size.toString(8) }));
      truncateSync(path, statSync(path).size + size);
    }
    truncateSync(path, statSync(path).size + 1024);
    return names;
  }

  it('becomes from a file what it becomes through a pipe, with the digest of the archive', async () => {
    const tree = join(host.directory, 'tree');
    mkdirSync(tree);
    await makeTree(tree);
    for (let index = 0; index < 600; index += 1)
      writeFileSync(join(tree, `dir/sub/${index}`), `${index} `.repeat(index));
    await outputOf('tar', ['-c', '--format=posix', '--numeric-owner', '-C', tree, '-f', archive, '.']);
    const seen: number[] = [];
    const progress = ({ bytes }: { readonly bytes: number }) => void seen.push(bytes);
    const ofFile = await imageImport(host.context, { name: 'file', source: archive, progress });
    expect(ofFile.layers).to.deep.equal([sha256(readFileSync(archive))]);
    expect(seen.at(-1)).to.equal(readFileSync(archive).length);
    const [directory = ''] = (await imageInspect(host.context, 'file')).directories;
    const ofFileTree = await describeTree(directory);
    expect(ofFileTree).to.deep.equal(await describeTree(tree));
    // The layer is kept by its digest, so the other one has a root of its own.
    using other = await imageHost();
    const ofPipe = await imageImport(other.context, { name: 'pipe', source: createReadStream(archive) });
    expect({ layers: ofPipe.layers, sizeBytes: ofPipe.sizeBytes }).to.deep.equal({
      layers: ofFile.layers,
      sizeBytes: ofFile.sizeBytes,
    });
    expect(await describeTree((await imageInspect(other.context, 'pipe')).directories[0] ?? '')).to.deep.equal(
      ofFileTree,
    );
  });

  it('that is written to meanwhile is kept under the digest of what was unpacked of it', async () => {
    const [one, two] = ['one ', 'two!'].map((word) => Buffer.alloc(1 << 20, word)) as [Buffer, Buffer];
    writeFileSync(archive, rawTar(...Array.from({ length: 48 }, (_, index) => ({ name: `f${index}`, content: one }))));
    await using file = await open(archive, 'r+');
    let isOver = false;
    const importing = imageImport(host.context, { name: 'changing', source: archive }).finally(() => {
      isOver = true;
    });
    for (let round = 0; !isOver; round += 1)
      await file.write(
        round % 2 === 0 ? two : one,
        0,
        1 << 20,
        512 + ((47 - (round % 48)) << 20) + (47 - (round % 48)) * 512,
      );
    const { layers } = await importing;
    const verified = await imageVerify(host.context, ['changing']);
    expect(verified.map(({ layer, verdict }) => ({ layer, verdict }))).to.deep.equal([
      { layer: layers[0], verdict: 'ok' },
    ]);
  });

  it('that is cut off, empty or damaged is refused, and nothing of it is left', async () => {
    const content = many(400, 3000);
    for (const bad of [Buffer.alloc(0), Buffer.alloc(3), content.subarray(0, 700_000), Buffer.alloc(4096, 'x')]) {
      writeFileSync(archive, bad);
      await failsWith('IMAGE_ARCHIVE_INVALID', imageImport(host.context, { name: 'bad', source: archive }));
      expect(host.files()).to.deep.equal([]);
    }
    expect(await imageList(host.context)).to.deep.equal([]);
  });

  it('leaves no file open when it is verified, wherever the packer stops reading', async () => {
    writeFileSync(archive, many(3, 3));
    const { layers } = await imageImport(host.context, { name: 'one', source: archive });
    const outline = join(host.context.roots.root, 'images/outlines', (layers[0] ?? '').replace(':', '-'));
    appendFileSync(outline, Buffer.alloc(4 << 20));
    expect(await imageVerify(host.context, ['one'])).to.have.length(1);
    const links = readdirSync('/proc/self/fd').map((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`);
      } catch {
        return ''; // of the list itself
      }
    });
    expect(links).not.to.include(outline);
  });

  it('is not larger than it may be, with any number of files', async () => {
    writeFileSync(archive, many(50, 100_000));
    const importing = (limits: object) => imageImport(host.context, { name: 'large', source: archive, ...limits });
    await failsWith('IMAGE_TOO_LARGE', importing({ maxSizeBytes: 4_000_000 }));
    await failsWith('IMAGE_TOO_LARGE', importing({ maxEntries: 20 }));
    expect(host.files()).to.deep.equal([]);
    await importing({ maxSizeBytes: 6_000_000, maxEntries: 60 });
  });

  it('is given up when whoever imports it is killed, and the next import takes away what was begun', async () => {
    const tails = writeEndless(archive, many(30, 60_000));
    const { directory, context } = host;
    const env = { TSZONE_ROOT: context.roots.root, TSZONE_RUN_ROOT: context.roots.runRoot };
    const layers = join(context.roots.root, 'images/layers');
    const begun = () => (existsSync(layers) ? readdirSync(layers) : []).filter((name) => name.startsWith('tmp-'));
    const written = () =>
      begun().flatMap((name) => readdirSync(join(layers, name), { recursive: true, encoding: 'utf8' }));
    const importing = startProgram(process.execPath, [entry, 'image', 'import', 'killed', archive], { env });
    await inTime('a file is there', () => written().some((name) => name.includes('file-')));
    importing.process.kill('SIGKILL');
    await importing.ended;
    await eventually('the unpacker is gone', async () => unpackersOf(directory) === 0);
    expect(written())
      .to.include(join('tree', 'd0', 'file-0'))
      .and.not.include(join('tree', tails.at(-1) ?? ''));
    writeFileSync(archive, many(3, 3));
    await imageImport(context, { name: 'next', source: archive });
    expect(begun()).to.deep.equal([]);
    expect((await imageList(context)).map(({ name }) => name)).to.deep.equal(['next']);
  });

  it('for which there is no room says at which file, and nothing of it is left', async () => {
    const place = join(host.directory, 'small');
    mkdirSync(place);
    const disk = await mountSmallDisk(place, 8);
    try {
      const context = await openHostContext({ root: join(place, 'root'), runRoot: join(host.directory, 'small-run') });
      writeFileSync(archive, many(3000, 4000));
      const error = await failsWith('RESOURCE_DISK_FULL', imageImport(context, { name: 'large', source: archive }));
      expect(error.message).to.match(/at "d\d\/file-\d+"/);
      expect(await imageList(context)).to.deep.equal([]);
      truncateSync(archive, 0);
      writeFileSync(archive, many(300, 4000));
      await imageImport(context, { name: 'small', source: archive });
      expect((await imageVerify(context, ['small'])).map(({ verdict }) => verdict)).to.deep.equal(['ok']);
    } finally {
      await disk.unmount();
    }
  });
});
