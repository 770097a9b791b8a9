/** unpack: a Debian of 300 MB, beside GNU tar with the same archive on the same file system: plain, gzip, zstd, and an image of three gzip layers. */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { type Command, mustRun } from '../command.js';
import { type Disk, openDisk } from '../disk.js';
import { cpuOf, measure, type Step, timed, untimed } from '../measure.js';
import { Tszone } from '../peers/tszone.js';
import type { Table } from '../table.js';
import { type Listed, listDebian, split } from './debian-files.js';
import { type Bench, Contest, mandatoryLacks, type Row } from './row.js';

const wantedBytes = 300 << 20;
const diskBytes = 2 * 2 ** 30;

async function pack(files: readonly Listed[], archive: string): Promise<void> {
  writeFileSync(`${archive}.names`, files.map(({ name }) => `${name}\n`).join(''));
  const list = ['--no-recursion', '--numeric-owner', '--verbatim-files-from', '-T', `${archive}.names`];
  await mustRun({ argv: ['tar', '-C', '/', '-cf', archive, ...list] });
}

/** A layout of these gzip layers. */
function makeLayout(layout: string, archives: readonly string[]): string {
  mkdirSync(join(layout, 'blobs/sha256'), { recursive: true });
  const blob = (content: Buffer, mediaType: string) => {
    const hex = createHash('sha256').update(content).digest('hex');
    writeFileSync(join(layout, 'blobs/sha256', hex), content);
    return { mediaType, digest: `sha256:${hex}`, size: content.length };
  };
  const contents = archives.map((path) => readFileSync(path));
  const layers = contents.map((content) => blob(content, 'application/vnd.oci.image.layer.v1.tar+gzip'));
  const hashes = contents.map((content) => createHash('sha256').update(gunzipSync(content)).digest('hex'));
  const rootfs = { type: 'layers', diff_ids: hashes.map((hex) => `sha256:${hex}`) };
  const config = Buffer.from(JSON.stringify({ architecture: 'amd64', os: 'linux', rootfs }));
  const configBlob = blob(config, 'application/vnd.oci.image.config.v1+json');
  const manifest = Buffer.from(JSON.stringify({ schemaVersion: 2, config: configBlob, layers }));
  const entry = blob(manifest, 'application/vnd.oci.image.manifest.v1+json');
  writeFileSync(join(layout, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests: [entry] }));
  writeFileSync(join(layout, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  return layout;
}

interface Archives {
  readonly plain: string;
  readonly parts: readonly string[];
  readonly layout: string;
  readonly text: string;
}

async function makeArchives(directory: string): Promise<Archives> {
  const plain = join(directory, 'root.tar');
  const files = await listDebian(wantedBytes);
  await pack(files, plain);
  const zip = (archive: string) => mustRun({ argv: ['gzip', '-k', archive] });
  const parts = split(files, 3).map((part, index) => ({ part, archive: join(directory, `part-${index}.tar`) }));
  for (const { part, archive } of parts) await pack(part, archive);
  await Promise.all([
    zip(plain).then(() => mustRun({ argv: ['zstd', '-q', plain] })),
    ...parts.map(({ archive }) => zip(archive)),
  ]);
  const text = `${Math.round(statSync(plain).size / 2 ** 20)} MB in ${files.length} entries`;
  const zipped = parts.map(({ archive }) => `${archive}.gz`);
  return { plain, parts: zipped, layout: makeLayout(join(directory, 'layout'), zipped), text };
}

interface Ground {
  readonly tszone: Tszone;
  /** Where tar unpacks to. */
  readonly out: string;
}

const script = (text: string): Command => ({ argv: ['sh', '-c', text] });

function tarSteps({ out }: Ground, label: string, line: string): Step[] {
  return [timed(label, script(`mkdir ${out} && ${line} && sync -f ${out}`)), untimed({ argv: ['rm', '-rf', out] })];
}

const tarLine = (out: string, file: string, how: string) => `tar -C ${out} --numeric-owner ${how} -xpf ${file}`;

function importSteps({ tszone }: Ground, label: string, file: string): Step[] {
  return [
    timed(label, tszone.command('image', 'import', 'unpack', file)),
    untimed(tszone.command('image', 'delete', 'unpack')),
  ];
}

/** In a directory each, as layers are; together they end when the last one does. */
function layerLines(out: string, parts: readonly string[]) {
  const lines = parts.map((part, at) => `mkdir ${out}/${at} && ${tarLine(`${out}/${at}`, part, '-z')}`);
  const waits = parts.map((_part, at) => `wait $p${at}`).join(' && ');
  return {
    inTurn: lines.join(' && '),
    sideBySide: `{ ${lines.map((line, at) => `{ ${line}; } & p${at}=$!`).join('; ')}; ${waits}; }`,
  };
}

/** How many were at work on average, while the command ran. */
function coresTable(samples: ReadonlyMap<string, readonly number[]>, { id }: Contest): Table {
  const names = ['tszone', 'tar, in turn', 'tar, side by side'];
  const cells = names.map((name) => {
    const label = `${id}/${name}`;
    const cpu = samples.get(cpuOf(label)) ?? [];
    return { name, samples: (samples.get(label) ?? []).map((ms, round) => (cpu[round] ?? Number.NaN) / ms) };
  });
  const title = 'three layers: CPU time by time taken';
  return { id: 'unpack-cores', title, unit: 'cores', cells, lacks: mandatoryLacks(), reference: undefined };
}

async function measureOn(disk: Disk, bench: Bench): Promise<Table[]> {
  const { place, options } = bench;
  const directory = place.make('unpack-archives');
  const ground = { tszone: new Tszone(place, 'off', disk.path), out: join(disk.path, 'out') };
  const contests = {
    plain: new Contest('unpack', 'unpack a Debian of 300 MB'),
    gzip: new Contest('unpack-gzip', 'the same, of gzip'),
    zstd: new Contest('unpack-zstd', 'the same, of zstd'),
    layers: new Contest('unpack-layers', 'the same, of three gzip layers (an OCI layout)'),
  };
  try {
    const { plain, parts, layout, text } = await makeArchives(directory);
    for (const contest of Object.values(contests)) {
      contest.lacksPeers();
      contest.showCpu();
    }
    contests.plain.note(`${text}; ${disk.note}; archives are in the page cache, and all end with a syncfs`);
    const { inTurn, sideBySide } = layerLines(ground.out, parts);
    const forms = [
      [contests.plain, plain, ''],
      [contests.gzip, `${plain}.gz`, '-z'],
      [contests.zstd, `${plain}.zst`, '--zstd'],
    ] as const;
    const groups = [
      ...forms.flatMap(([contest, file, how]) => [
        importSteps(ground, contest.label('tszone'), file),
        tarSteps(ground, contest.label('tar'), tarLine(ground.out, file, how)),
      ]),
      importSteps(ground, contests.layers.label('tszone'), layout),
      tarSteps(ground, contests.layers.label('tar, in turn'), inTurn),
      tarSteps(ground, contests.layers.label('tar, side by side'), sideBySide),
    ];
    const samples = await measure(place, groups, { ...options, warmup: Math.min(1, options.warmup) });
    const tables = await Promise.all(Object.values(contests).map((contest) => contest.table(samples)));
    return [...tables, coresTable(samples, contests.layers)];
  } finally {
    await ground.tszone.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

export const unpackRow: Row = {
  name: 'unpack',
  needsPeers: false,
  async measure(bench) {
    await using disk = await openDisk(bench.place, 'unpack-disk', diskBytes);
    return await measureOn(disk, bench);
  },
};
