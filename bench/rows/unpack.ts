/** unpack: an image of 300 MB, beside GNU tar with the same archive on the same disk; plain, gzip, and three layers beside one. */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { type Command, mustRun, run } from '../command.js';
import { type Step, untimed } from '../measure.js';
import { Contest, contend, type Row } from './row.js';

/** What a root file system mostly is made of, taken from the host's own until there are 300 MB. */
const sources = [
  'usr/share',
  'usr/lib/python3',
  'usr/lib/python3.11',
  'usr/lib/x86_64-linux-gnu',
  'usr/bin',
  'usr/lib',
];
const wantedBytes = 300 << 20;

async function makeArchive(directory: string): Promise<string> {
  const archive = join(directory, 'root.tar');
  const list = sources.map((path) => `find ${path} -xdev -type f -size -2M -print0`).join('; ');
  // By size, not by number: as many files as it takes.
  const script = `cd / && { ${list}; } 2>/dev/null | head -c 4000000 | tar --null -T - -cf - 2>/dev/null | head -c ${wantedBytes} > ${archive}.cut; tar -tf ${archive}.cut >${archive}.names 2>/dev/null; sed -i '$d' ${archive}.names; cd / && tar -cf ${archive} -T ${archive}.names`;
  await mustRun({ argv: ['sh', '-c', script] });
  rmSync(`${archive}.cut`);
  return archive;
}

/** A layout of that many gzip layers, each a part of the names. */
async function makeLayout(directory: string, parts: number): Promise<string> {
  const layout = join(directory, `layout-${parts}`);
  mkdirSync(join(layout, 'blobs/sha256'), { recursive: true });
  const blob = (content: Buffer, mediaType: string) => {
    const hex = createHash('sha256').update(content).digest('hex');
    writeFileSync(join(layout, 'blobs/sha256', hex), content);
    return { mediaType, digest: `sha256:${hex}`, size: content.length };
  };
  const names = join(directory, 'root.tar.names');
  const layers: { mediaType: string; digest: string; size: number }[] = [];
  const diffIds: string[] = [];
  for (let part = 0; part < parts; part += 1) {
    const file = join(directory, 'part.tar.gz');
    const script = `cd / && awk 'NR % ${parts} == ${part}' ${names} | tar -T - -czf ${file}`;
    await mustRun({ argv: ['sh', '-c', script] });
    const content = readFileSync(file);
    layers.push(blob(content, 'application/vnd.oci.image.layer.v1.tar+gzip'));
    diffIds.push(`sha256:${createHash('sha256').update(gunzipSync(content)).digest('hex')}`);
  }
  const config = { architecture: 'amd64', os: 'linux', rootfs: { type: 'layers', diff_ids: diffIds } };
  const configBlob = blob(Buffer.from(JSON.stringify(config)), 'application/vnd.oci.image.config.v1+json');
  const manifest = Buffer.from(JSON.stringify({ schemaVersion: 2, config: configBlob, layers }));
  const entry = blob(manifest, 'application/vnd.oci.image.manifest.v1+json');
  writeFileSync(join(layout, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests: [entry] }));
  writeFileSync(join(layout, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  return layout;
}

export const unpackRow: Row = {
  name: 'unpack',
  needsPeers: false,
  async measure(bench) {
    const { place, cold } = bench;
    const directory = join(place.directory, 'unpack');
    mkdirSync(directory);
    const archive = await makeArchive(directory);
    await mustRun({ argv: ['gzip', '-k', archive] });
    const out = join(directory, 'out');
    const contests = {
      plain: new Contest('unpack', 'unpack 300 MB, on disk'),
      gzip: new Contest('unpack-gzip', 'unpack 300 MB of gzip, on disk'),
      layers: new Contest('unpack-layers', 'import a layout of gzip layers, on disk', 'one layer'),
    };
    const none = () => undefined;
    const byTar = (contest: Contest, file: string): Step[] => {
      const script = `mkdir ${out} && tar -C ${out} --numeric-owner -xpf ${file} && sync -f ${out}`;
      const timedStep = contest.step('tar', { argv: ['sh', '-c', script] }, async () => none());
      return [timedStep, untimed({ argv: ['rm', '-rf', out] })];
    };
    const byUs = (contest: Contest, name: string, file: string): Step[] => {
      const importing: Command = cold.command('image', 'import', '--force', 'unpack', file);
      return [contest.step(name, importing, async () => none()), untimed(cold.command('image', 'delete', 'unpack'))];
    };
    try {
      const layouts = [await makeLayout(directory, 1), await makeLayout(directory, 3)] as const;
      for (const contest of Object.values(contests)) contest.lacksPeers();
      contests.plain.note(`${Math.round(statSync(archive).size / 1e6)} MB; both are synced`);
      return await contend(bench, Object.values(contests), [
        byTar(contests.plain, archive),
        byUs(contests.plain, 'tszone', archive),
        byTar(contests.gzip, `${archive}.gz`),
        byUs(contests.gzip, 'tszone', `${archive}.gz`),
        byUs(contests.layers, 'one layer', layouts[0]),
        byUs(contests.layers, 'three layers', layouts[1]),
      ]);
    } finally {
      await run(cold.command('image', 'delete', 'unpack'));
      rmSync(directory, { recursive: true, force: true });
    }
  },
};
