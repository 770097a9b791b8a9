/**
 * `npm run pack:release [-- --out DIR]`: the tarballs to publish, in release/ or DIR. One has the package, and one for each
 * architecture the native programs, compiled. See docs/internals/release.md.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { platformPackages } from '../src/helper/platform-package.js';
import { compileFor } from './pack-release/compile.js';
import { stageMainPackage } from './pack-release/main-package.js';
import { type Manifest, platformManifest } from './pack-release/manifests.js';
import { stagePlatformPackage } from './pack-release/platform-package.js';
import { root } from './pack-release/run.js';
import { packTarball, type Tarball } from './pack-release/tarball.js';

process.umask(0o022);
const { values } = parseArgs({ options: { out: { type: 'string', default: join(root, 'release') } } });
const out = resolve(values.out);
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Manifest;
mkdirSync(out, { recursive: true });
// Beside its destination, to be renamed.
const scratch = mkdtempSync(join(out, '.tmp-'));
process.once('exit', () => rmSync(scratch, { recursive: true, force: true }));

const tarballs = pack(join(scratch, 'packed'));
const sums = tarballs.map((tarball) => ({ ...tarball, sha256: sha256(join(scratch, 'packed', tarball.filename)) }));
for (const { filename } of sums) renameSync(join(scratch, 'packed', filename), join(out, filename));
writeFileSync(join(out, 'SHA256SUMS'), sums.map(({ sha256, filename }) => `${sha256}  ${filename}\n`).join(''));
for (const { filename, size, unpackedSize, files, sha256 } of sums) {
  console.log(`${filename}: ${kib(size)}, ${files.length} files of ${kib(unpackedSize)}\n  sha256 ${sha256}`);
}

function pack(packed: string): Tarball[] {
  mkdirSync(packed);
  const main = join(scratch, 'main');
  stageMainPackage(manifest, main);
  const platforms = Object.keys(platformPackages).map((cpu) => {
    const directory = join(scratch, cpu);
    stagePlatformPackage(platformManifest(manifest, cpu), compileFor(cpu, join(scratch, `native-${cpu}`)), directory);
    return packTarball(directory, packed);
  });
  return [packTarball(main, packed), ...platforms];
}

function sha256(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}

function kib(bytes: number): string {
  return `${Math.ceil(bytes / 1024)} KiB`;
}
