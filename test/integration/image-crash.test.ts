/** kill -9 and a full disk at every step of image import, export and build: an image or file is whole or not there, nothing is left, the next run finishes. */
import { existsSync } from 'node:fs';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import type { HostContext } from '../../src/operations/host-context.js';
import { imageDelete, imagePrune } from '../../src/operations/image-delete.js';
import { imageExport } from '../../src/operations/image-export.js';
import { imageImport } from '../../src/operations/image-import.js';
import { imageList } from '../../src/operations/image-list.js';
import { imageVerify } from '../../src/operations/image-verify.js';
import { isAlive } from '../helpers/alive.js';
import { outputOf } from '../helpers/cli.js';
import { type Crasher, makeCrasher } from '../helpers/crash.js';
import { givenHost } from '../helpers/given.js';
import { eventually, patience } from '../helpers/patience.js';
import { mountSmallDisk } from '../helpers/small-disk.js';
import { expectNothingLeftNow, type Snapshot } from '../helpers/snapshot.js';

describe('an image that is imported, exported or built, ended in the midst', function () {
  this.timeout(patience(400_000));
  let crasher: Crasher;
  let before: Snapshot;
  /** A command line for each of what is done between two kills would take most of the time. */
  let context: HostContext;
  const given = givenHost({ ownImages: true, needs: ['skopeo', 'umoci'] }, async (host) => {
    crasher = await makeCrasher();
    await host.ok(['image', 'build', 'busybox']);
    await makeTemplate();
    await host.ok(['image', 'build', template()]);
    await host.ok(['image', 'export', 'small', beside('layout')]);
    await outputOf('skopeo', [
      'copy',
      '-q',
      `oci:${beside('layout')}:latest`,
      `docker-archive:${beside('saved')}:app:1`,
    ]);
    const tree = beside('tree');
    await outputOf('umoci', ['unpack', '--rootless', '--image', `${beside('layout')}:latest`, tree]);
    await outputOf('tar', ['-C', join(tree, 'rootfs'), '-cf', beside('plain'), '.']);
    await outputOf('tar', ['-C', join(tree, 'rootfs'), '-czf', beside('packed'), '.']);
    await host.ok(['image', 'delete', 'small']);
    await host.ok(['image', 'prune']);
    context = (await host.open()).context;
    before = await host.snapshot();
  });
  after(async () => crasher?.[Symbol.asyncDispose]());

  /** Where the crasher's operations find things. */
  const beside = (name: string) => `${given.host.root}.${name}`;
  const template = () => join(given.host.directory, 'template');
  const listed = async (name: string) => (await imageList(context)).some((image) => image.name === name);
  const code = ({ stderr }: { readonly stderr: string }) =>
    (JSON.parse(stderr.trim().split('\n').at(-1) ?? '') as { error: { code: string } }).error.code;

  /** Two steps, of which the second hides something and is large enough to fill a disk with. */
  async function makeTemplate(): Promise<void> {
    await mkdir(template());
    const steps = [
      { files: [{ path: '/etc/motd', content: 'here\n' }] },
      { run: 'rm -f /etc/shells; head -c 3000000 /dev/zero | tr "\\0" x > /large' },
    ];
    await writeTemplate(template(), 'small', steps);
  }

  async function writeTemplate(folder: string, name: string, steps: readonly unknown[]): Promise<void> {
    const whole = { templateVersion: 1, name, kind: 'layered', description: 'd', base: 'busybox', steps };
    await writeFile(join(folder, 'template.json'), JSON.stringify(whole));
  }

  async function expectWhole(name: string): Promise<void> {
    const script = 'cat /etc/motd; [ -e /etc/shells ] || wc -c < /large';
    expect(await given.host.ok(['run', '--rm', '--net', 'none', name, '--', 'sh', '-c', script])).to.equal(
      'here\n3000000\n',
    );
    await imageVerify(context, [name]);
  }

  async function expectNothing(what: string): Promise<void> {
    await imagePrune(context);
    await expectNothingLeftNow(before, given.host.snapshotOptions).catch((error: unknown) => {
      throw new Error(`${what}: ${String(error)}`);
    });
  }

  for (const [source, least] of [
    ['plain', ['image: stage', 'image: unpacked', 'image: layer', 'image: list']],
    ['packed', ['image: unpacked']],
    ['saved', ['image: unpacked', 'pull: record', 'pull: list', 'pull: done']],
    ['layout', ['pull: record', 'pull: list', 'pull: done']],
  ] as const) {
    it(`killed at any step, an import of ${source} leaves an image that is whole or not there; the next one finishes`, async () => {
      const order = { operation: 'image import', zone: { name: source, image: 'web' } } as const;
      const steps = await crasher.boundaries(given.host, order);
      expect(steps).to.include.members([...least]);
      const ends = new Set<boolean>();
      for (const [at, step] of steps.entries()) {
        await imageDelete(context, 'web');
        expect(await crasher.killAt(given.host, { ...order, at }), step).to.equal(true);
        const isThere = await listed('web');
        ends.add(isThere);
        if (isThere) await imageVerify(context, ['web']);
        // Without a prune in between: what was left is swept or taken over.
        await imageImport(context, { name: 'web', source: beside(source), force: true });
        if (at === steps.length - 1) await expectWhole('web');
        const left = (await readdir(join(given.host.root, 'images/layers'))).filter(
          (name) => !name.startsWith('sha256-'),
        );
        expect(left, `killed at ${step}`).to.deep.equal([]);
        await imageDelete(context, 'web');
        await expectNothing(`killed at ${step}`);
      }
      expect([...ends]).to.have.members([true, false]);
    });
  }

  for (const [place, least] of [
    ['out', ['image export: written', 'image export: done']],
    ['out.tar', ['image export: written', 'image export: packed', 'image export: done']],
  ] as const) {
    it(`killed at any step, an export to ${place} leaves nothing under that name, or all of it; the next one takes away what was begun`, async () => {
      const order = { operation: 'image export', zone: { name: place, image: 'busybox' } } as const;
      const names = await readdir(given.host.directory);
      const found = async () => (await readdir(given.host.directory)).filter((name) => !names.includes(name));
      const file = beside(place);
      const steps = await crasher.boundaries(given.host, order);
      expect(steps).to.deep.equal(least);
      for (const [at, step] of steps.entries()) {
        await rm(file, { recursive: true });
        expect(await crasher.killAt(given.host, { ...order, at }), step).to.equal(true);
        expect(existsSync(file), step).to.equal(step === 'image export: done');
        if (step === 'image export: done') await rm(file, { recursive: true });
        await imageExport(context, 'busybox', { destination: file });
        expect(await found(), step).to.deep.equal([`root.${place}`]);
        await outputOf('skopeo', ['inspect', `${place === 'out' ? 'oci' : 'oci-archive'}:${file}:latest`]);
        await expectNothing(`killed at ${step}`);
      }
      await rm(file, { recursive: true });
    });
  }

  it('killed at any step, a build leaves the image as it was, or whole; the next one finishes with what was done', async () => {
    const order = { operation: 'image build', zone: { name: 'x', image: template() } } as const;
    const all = await crasher.boundaries(given.host, order);
    const own = ['build: ran', 'build: unpacked', 'build: layer', 'build: kept'];
    const steps = [...all.entries()].filter(([, step]) => step.startsWith('build:'));
    expect(steps.map(([, step]) => step)).to.deep.equal([...own, ...own, 'build: list']);
    await given.host.ok(['image', 'delete', 'small']);
    await expectNothing('built');
    // What a zone's own steps leave is looked at by crash-safety.test.ts: here one of each kind, in the first and in the second zone.
    const others = ['journal', 'go', 'done'].flatMap((name) => {
      const found = [...all.entries()].filter(([, step]) => step.endsWith(`: ${name}`) && !step.startsWith('build:'));
      return [found[0], found.at(-1)].filter((one) => one !== undefined);
    });
    expect(others.length).to.be.at.least(4);
    for (const [at, step] of [...others, ...steps]) {
      expect(await crasher.killAt(given.host, { ...order, at }), step).to.equal(true);
      expect(await listed('small'), step).to.equal(step === 'build: list');
      await given.host.ok(['image', 'build', template()]);
      await expectWhole('small');
      const left = (await readdir(join(given.host.root, 'images/layers'))).filter(
        (name) => !name.startsWith('sha256-'),
      );
      expect(left, `killed at ${step}`).to.deep.equal([]);
      await imageDelete(context, 'small');
      await expectNothing(`killed at ${step}`);
    }
  });

  it('killed while a script runs, a build takes that along, and all of its zone', async () => {
    const folder = join(given.host.directory, 'endless');
    await mkdir(folder);
    await writeTemplate(folder, 'endless', [{ run: 'sleep 86399' }]);
    const build = given.host.start(['image', 'build', folder]);
    try {
      const pid = await eventually('the script runs', async () => {
        const zones = await given.host.json<readonly { name: string; status: string; pid?: number }[]>(['list']);
        return zones.find(({ status }) => status === 'running')?.pid;
      });
      build.process.kill('SIGKILL');
      await eventually('the script is gone', () => !isAlive(pid));
      await eventually('its zone is gone', async () => (await readdir(join(given.host.root, 'zones'))).length === 0);
      await expectNothing('killed');
    } finally {
      build.process.kill('SIGKILL');
      await build.ended;
      await rm(folder, { recursive: true });
    }
  });

  it('on a full disk, an export says so and leaves nothing, wherever it goes', async () => {
    await given.host.ok(['image', 'build', template()]);
    const directory = await given.host.file('small-out');
    const disk = await mountSmallDisk(directory, 1);
    try {
      for (const [name, ...flags] of [
        ['out'],
        ['out.tar'],
        ['zstd', '--compression', 'none'],
        ['none.tar', '--compression', 'none'],
      ]) {
        const result = await given.host.cli([
          '-o',
          'json',
          'image',
          'export',
          'small',
          join(directory, name ?? ''),
          ...flags,
        ]);
        expect(code(result), name).to.equal('RESOURCE_DISK_FULL');
        expect(
          (await readdir(directory)).filter((one) => one !== 'lost+found'),
          name,
        ).to.deep.equal([]);
      }
    } finally {
      await disk.unmount();
    }
    await given.host.ok(['image', 'delete', 'small']);
    await rm(directory, { recursive: true });
    await expectNothing('full');
  });

  describe('on a full disk', () => {
    type Run = (...args: string[]) => ReturnType<typeof given.host.cli>;
    const directory = () => given.host.file('small-root');
    const places: Readonly<Record<string, RegExp>> = {
      'images/.': /^\./,
      'images/layers': /^(?!sha256-)/,
      'images/outlines': /^(?!sha256-)/,
      'images/blobs': /./,
      'images/pulls': /./,
      'images/building': /./,
      zones: /./,
    };

    /** What there is where nothing should be. */
    async function leftIn(root: string): Promise<string[]> {
      const found = await Promise.all(
        Object.entries(places).map(async ([place, odd]) => {
          const names = existsSync(join(root, place)) ? await readdir(join(root, place)) : [];
          return names.filter((name) => odd.test(name)).map((name) => `${place}/${name}`);
        }),
      );
      return found.flat();
    }

    /** @returns whether it came to its end */
    async function within(kilobytes: number, work: (run: Run) => ReturnType<Run>): Promise<boolean> {
      const place = await directory();
      const disk = await mountSmallDisk(place, kilobytes / 1024);
      const env = { TSZONE_ROOT: join(place, 'root'), TSZONE_RUN_ROOT: join(given.host.directory, 'run-small') };
      try {
        const result = await work((...args) => given.host.cli(['-o', 'json', ...args], { env }));
        if (result.status === 0) return true;
        // A script of a template's own says it in its own words.
        const found = /No space left on device/.test(result.stderr) ? 'RESOURCE_DISK_FULL' : code(result);
        expect(found, `with ${kilobytes} kB: ${result.stderr}`).to.equal('RESOURCE_DISK_FULL');
        expect(await leftIn(env.TSZONE_ROOT), `with ${kilobytes} kB`).to.deep.equal([]);
        return false;
      } finally {
        // Of a build's zones.
        const { status, stderr } = await given.host.cli(['network', 'delete', 'default'], { env });
        await disk.unmount();
        expect(status, stderr).to.be.oneOf([0, 3]);
      }
    }

    /** With so much room, more each time, until it has come to its end twice. */
    async function grow(work: (run: Run) => ReturnType<Run>, [first, step]: readonly [number, number]): Promise<void> {
      const ends: boolean[] = [];
      while (ends.filter(Boolean).length < 2) {
        expect(ends.length).to.be.lessThan(40);
        ends.push(await within(first + ends.length * step, work));
      }
      expect(ends.length).to.be.greaterThan(4);
      await rm(await directory(), { recursive: true });
      await rm(join(given.host.directory, 'run-small'), { recursive: true, force: true });
      await expectNothing('full');
    }

    for (const source of ['plain', 'packed', 'saved', 'layout']) {
      it(`an import of ${source} says so and leaves nothing; with room it finishes`, () =>
        grow((run) => run('image', 'import', 'web', beside(source)), [300, 1000]));
    }

    it('a build says so and leaves nothing; with room it finishes', () =>
      grow(
        async (run) => {
          const base = await run('image', 'import', 'busybox', beside('plain'));
          return base.status === 0 ? run('image', 'build', template()) : base;
        },
        [6000, 1500],
      ));
  });
});
