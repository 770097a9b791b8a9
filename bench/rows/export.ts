/** export | import of 300 MB, beside tar | zstd | tar of the same files on the same disk; both are on disk at the end. */
import { cpSync, existsSync, mkdirSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type Command, mustRun, run } from '../command.js';
import { type Step, timed } from '../measure.js';
import type { Place } from '../place.js';
import { Contest, contend, type Row } from './row.js';

const wantedBytes = 300 << 20;
/** Of the host, small files and large ones, until there is enough. */
const sources = [
  '/usr/lib/git-core',
  '/usr/include',
  '/usr/share/doc',
  '/usr/share/perl',
  '/usr/lib/python3',
  '/usr/share',
  '/usr/lib',
];

/** @returns what `du` says of it */
export async function makeTree(
  place: Place,
  name = 'tree',
  bytes = wantedBytes,
): Promise<{ readonly path: string; readonly text: string }> {
  const path = join(place.directory, name);
  mkdirSync(path);
  const size = async () => Number((await mustRun({ argv: ['du', '-sb', path] })).split('\t')[0]);
  for (const source of sources) {
    if ((await size()) >= bytes) break;
    if (existsSync(source)) cpSync(source, join(path, basename(source)), { recursive: true, verbatimSymlinks: true });
  }
  const count = (await mustRun({ argv: ['sh', '-c', `find ${path} | wc -l`] })).trim();
  return { path, text: `${Math.round((await size()) / 2 ** 20)} MB in ${count} files` };
}

/** One shell, so that neither side pays for another's. */
const script = (text: string, env: Command['env'] = {}): Command => ({
  argv: ['bash', '-c', `set -e -o pipefail; ${text}`],
  env,
});
const words = ({ argv }: Command) => argv.join(' ');

/**
 * What is made stays until the end: ext4 looks at each inode that was deleted in the last minutes before it gives another, 0.3 ms each time,
 * which whoever comes later would pay for.
 */
const mostRounds = 5;

export const exportRow: Row = {
  name: 'export',
  needsPeers: false,
  async measure(bench) {
    const { place, options, cold } = bench;
    const contest = new Contest('export', 'export | import of a stopped zone, on disk at the end');
    contest.lacksPeers();
    const tree = await makeTree(place);
    contest.note(`${tree.text}; both end with a syncfs; zstd: tszone's level 1, tar's default 3`);
    const [out, upper] = [join(place.directory, 'unpacked'), join(cold.roots.root, 'zones/outgoing/rootfs/upper')];
    const [from, to] = [cold.command('export', 'outgoing', '-'), cold.command('import', '-', 'incoming')];
    // $$ is another number each time.
    const unpack = (level: number) =>
      script(
        `o=${out}/$$; mkdir -p $o; tar -C ${upper} -c . | zstd -q -${level} | zstd -dq | tar -C $o -xp; sync -f $o`,
      );
    const groups: Step[][] = [
      [timed(contest.label('tszone'), script(`${words(from)} | ${words(to)}-$$`, from.env))],
      [timed(contest.label('tar|zstd|tar'), unpack(3))],
      [timed(contest.label('tar|zstd -1|tar'), unpack(1))],
    ];
    const zones = async () => (await mustRun(cold.command('list', '-q'))).split('\n');
    try {
      await mustRun(cold.command('create', 'outgoing', '--image', 'bench', '--net', 'none'));
      await mustRun(cold.command('cp', tree.path, 'outgoing:/tree'));
      const few = { ...options, rounds: Math.min(options.rounds, mostRounds), warmup: 1 };
      return await contend({ ...bench, options: few }, [contest], groups);
    } finally {
      const made = (await zones()).filter((name) => name === 'outgoing' || name.startsWith('incoming-'));
      await run(cold.command('delete', '--force', ...made));
      rmSync(out, { recursive: true, force: true });
    }
  },
};
