// registry.mjs DIR: serves the packages of the tarballs in DIR as npm's registry would; prints its URL.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import process from 'node:process';

const [directory] = process.argv.slice(2);
const tarballs = readdirSync(directory).filter((name) => name.endsWith('.tgz'));
let url;

function describe(file) {
  const path = join(directory, file);
  const manifest = JSON.parse(execFileSync('tar', ['-xzOf', path, 'package/package.json'], { encoding: 'utf8' }));
  const integrity = `sha512-${createHash('sha512').update(readFileSync(path)).digest('base64')}`;
  return { ...manifest, dist: { tarball: `${url}${file}`, integrity } };
}

const server = createServer(({ url: asked }, response) => {
  const path = decodeURIComponent(asked.slice(1));
  if (tarballs.includes(path)) {
    response.end(readFileSync(join(directory, path)));
    return;
  }
  const manifest = tarballs.map(describe).find(({ name }) => name === path);
  response.statusCode = manifest === undefined ? 404 : 200;
  const { name, version } = manifest ?? {};
  response.end(JSON.stringify({ name, 'dist-tags': { latest: version }, versions: { [version]: manifest } }));
});
server.listen(0, '127.0.0.1', () => {
  url = `http://127.0.0.1:${server.address().port}/`;
  process.stdout.write(url);
});
