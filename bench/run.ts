/**
 * `npm run bench`: start, exec and memory of zones, side by side with peers that happen to be installed, in one run. Medians
 * and 90th percentiles in milliseconds; machines are noisy, so trust ratios. `npm run bench -- 50` takes 50 samples each.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openHost } from '../src/index.js';
import { deleteNetwork } from '../src/operations/network-delete.js';

const samples = Number(process.argv[2] ?? 20);
// Adds 38 ms to every start of node 20.
delete process.env.NODE_EXTRA_CA_CERTS;

interface Row {
  readonly what: string;
  readonly medianMs: number;
  readonly p90Ms: number;
}

async function measure(what: string, work: () => Promise<unknown> | unknown): Promise<Row> {
  await work();
  const times: number[] = [];
  for (let at = 0; at < samples; at += 1) {
    const startedAt = performance.now();
    await work();
    times.push(performance.now() - startedAt);
  }
  times.sort((a, b) => a - b);
  const at = (share: number) => times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0;
  return { what, medianMs: at(0.5), p90Ms: at(0.9) };
}

function run(program: string, ...args: string[]): void {
  const { status, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${stderr}`);
}

/** Kilobytes of proportional set size. proc_pid_smaps(5) */
function pssKb(pid: number): number {
  return Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1]);
}

async function zones(directory: string): Promise<{ rows: Row[]; memory: string }> {
  const roots = { root: join(directory, 'root'), runRoot: join(directory, 'run') };
  const host = await openHost(roots);
  const cli = (...args: string[]) =>
    run(process.execPath, 'bin/tszone.js', '--root', roots.root, '--run-root', roots.runRoot, ...args);
  const rows: Row[] = [];
  for (const net of ['none', 'bridge=default']) {
    const zone = await host.create({ name: `bench-${net.slice(0, 4)}`, image: 'sparse', net, memory: '64M' });
    rows.push(
      await measure(`library: start and stop, --net ${net}`, async () => {
        await zone.start();
        await zone.stop({ force: true });
      }),
    );
    await zone.delete();
  }
  await deleteNetwork(host.context, 'default');
  await using zone = await host.run({ name: 'bench', image: 'sparse', net: 'none' });
  rows.push(await measure('library: exec true', async () => await zone.exec(['true'])));
  rows.push(await measure('cli: exec true', () => cli('exec', 'bench', 'true')));
  rows.push(await measure('cli: version', () => run(process.execPath, 'bin/tszone.js', 'version')));
  const { pid = 0 } = await zone.inspect();
  const monitor = Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
  return { rows, memory: `monitor ${pssKb(monitor)} kB, pid 1 ${pssKb(pid)} kB (PSS)` };
}

const peers: Readonly<Record<string, readonly string[]>> = {
  'node: nothing': [process.execPath, '-e', '0'],
  'unshare: five namespaces': ['unshare', '-muipfr', 'true'],
  'bwrap: true': ['bwrap', '--unshare-all', '--ro-bind', '/', '/', 'true'],
};

const directory = mkdtempSync(join(tmpdir(), 'tszone-bench-'));
try {
  const { rows, memory } = await zones(directory);
  for (const [what, [program = '', ...args]] of Object.entries(peers)) {
    if (spawnSync(program, ['--version']).error === undefined)
      rows.push(await measure(what, () => run(program, ...args)));
  }
  for (const { what, medianMs, p90Ms } of rows) {
    console.log(`${what.padEnd(48)} ${medianMs.toFixed(1).padStart(8)} ${p90Ms.toFixed(1).padStart(8)}`);
  }
  console.log(memory);
} finally {
  rmSync(directory, { recursive: true, force: true });
}
