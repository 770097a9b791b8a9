/** export | import of 300 MB, beside tar | zstd | tar of the same files on the same disk; both are on disk at the end. */
import { cpSync, existsSync, mkdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type Command, mustRun, run } from '../command.js';
import { type Step, timed, untimed } from '../measure.js';
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

export const exportRow: Row = {
  name: 'export',
  needsPeers: false,
  async measure(bench) {
    const { place, options, cold } = bench;
    const contest = new Contest('export', 'export | import of a stopped zone, on disk at the end');
    contest.lacksPeers();
    const tree = await makeTree(place);
    contest.note(`${tree.text}; zstd: tszone's level 1, tar's default 3`);
    const [out, upper] = [join(place.directory, 'unpacked'), join(cold.roots.root, 'zones/outgoing/rootfs/upper')];
    const [from, to] = [cold.command('export', 'outgoing', '-'), cold.command('import', '-', 'incoming')];
    const unpack = (level: number) =>
      script(`mkdir ${out}; tar -C ${upper} -c . | zstd -q -${level} | zstd -dq | tar -C ${out} -xp; sync -f ${out}`);
    const clean: Step[] = [untimed(script(`rm -rf ${out}; sync -f ${place.directory}`))];
    const groups: Step[][] = [
      [
        timed(contest.label('tszone'), script(`${words(from)} | ${words(to)}`, from.env)),
        untimed(cold.command('delete', 'incoming')),
        ...clean,
      ],
      [timed(contest.label('tar|zstd|tar'), unpack(3)), ...clean],
      [timed(contest.label('tar|zstd -1|tar'), unpack(1)), ...clean],
    ];
    try {
      await mustRun(cold.command('create', 'outgoing', '--image', 'bench', '--net', 'none'));
      await mustRun(cold.command('cp', tree.path, 'outgoing:/tree'));
      const few = { ...options, rounds: Math.min(options.rounds, 7), warmup: 1 };
      return await contend({ ...bench, options: few }, [contest], groups);
    } finally {
      await run(cold.command('delete', '--force', 'outgoing', 'incoming'));
    }
  },
};
