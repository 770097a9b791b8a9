/**
 * Images for tests. They are built once and kept between runs in a store that all temporary hosts share; what the store
 * is called depends on the recipes, so that after a change of one all are built anew.
 */
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { canIdmap, probeHost } from '../../src/host/index.js';
import { acquireLock } from '../../src/state/index.js';
import type { CliResult } from './cli.js';
import { patience } from './patience.js';
import { requires } from './requires.js';
import { type TempHost, tempHost, zoneFriendlyDirectory } from './temp-host.js';

const project = fileURLToPath(new URL('../..', import.meta.url));
/** What an image is made from. */
const recipes = /^(rootfs-templates\/.*|src\/images\/(base-files|build.*|tar-builder)\.ts)$/;

let store: Promise<string> | undefined;

/** A directory that a host can have as its `images`. */
export function imageStore(): Promise<string> {
  store ??= makeStore();
  return store;
}

async function makeStore(): Promise<string> {
  const path = join(await storeParent(), 'images', await recipesKey());
  await mkdir(path, { recursive: true, mode: 0o700 });
  return path;
}

/** TSZONE_TEST_CACHE or /var/cache/tszone-test, unless its file system cannot hold layers. */
async function storeParent(): Promise<string> {
  const usual = process.env.TSZONE_TEST_CACHE ?? '/var/cache/tszone-test';
  await mkdir(usual, { recursive: true });
  const { kernel } = await probeHost();
  return (await canIdmap(usual, kernel)).ok ? usual : join(await zoneFriendlyDirectory(), 'tszone-test-cache');
}

async function recipesKey(): Promise<string> {
  const hash = createHash('sha256');
  for (const folder of ['rootfs-templates', 'src/images']) {
    for (const name of (await readdir(join(project, folder), { recursive: true })).toSorted()) {
      const path = join(folder, name);
      if (recipes.test(path)) hash.update(path).update(await readFile(join(project, path)).catch(() => ''));
    }
  }
  return hash.digest('hex').slice(0, 12);
}

/**
 * `before(needsImage('debian:i386'))`: builds it unless it is there. `./FOLDER` is a test's own template: it is built each time, from the
 * cache of steps if nothing has changed. Skips where neither is possible.
 */
export function needsImage(name: string): (this: Mocha.Context) => Promise<void> {
  return async function build(this: Mocha.Context) {
    this.timeout(patience(600_000));
    await using host = await tempHost();
    // Who runs beside this one wants it as well.
    await using _lock = await acquireLock(join(await imageStore(), '..', `${name.replaceAll('/', '-')}.lock`), {
      what: `image ${name}`,
      timeoutMs: patience(500_000),
    });
    if (!name.startsWith('./') && (await hasImage(host, name))) return;
    if (name.startsWith('debian')) requires('mmdebstrap').call(this);
    const { status, stderr } = await buildPatiently(host, name);
    if (status === 0) return;
    // The mirror's updates are out of step with one another now and then; what is tested is not what is in them.
    if (!stderr.includes('--no-updates')) throw new Error(`image ${name}: ${stderr}`);
    await host.ok(['image', 'build', '--no-updates', name]);
  };
}

/** What a mirror answers late or wrongly once is, as apt says it, there a little later. */
async function buildPatiently(host: TempHost, name: string): Promise<CliResult> {
  for (const pauseMs of [5000, 30_000]) {
    const built = await host.cli(['image', 'build', name]);
    const isMirrors = /Failed to fetch|Temporary failure|Could not connect|Connection (failed|timed out)/.test(
      built.stderr,
    );
    if (built.status === 0 || !isMirrors || built.stderr.includes('--no-updates')) return built;
    await sleep(pauseMs);
  }
  return host.cli(['image', 'build', name]);
}

async function hasImage(host: TempHost, name: string): Promise<boolean> {
  const { status } = await host.cli(['image', 'inspect', name]);
  return status === 0;
}
