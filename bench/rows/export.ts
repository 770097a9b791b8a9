/** export | import of 300 MB, beside tar | zstd | tar of the same files on the same file system; all is on disk at the end. */
import { cpSync, existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type Command, mustRun } from '../command.js';
import { openDisk } from '../disk.js';
import { type Step, timed, untimed } from '../measure.js';
import { Tszone } from '../peers/tszone.js';
import type { Place } from '../place.js';
import { Contest, contend, type Row } from './row.js';

const wantedBytes = 300 << 20;
/** Of the host, small files and large ones, until there is enough. */
const sources = ['/usr/lib/git-core', '/usr/include', '/usr/share/doc', '/usr/share/perl', '/usr/lib/python3'];
/** What is in these comes one by one after that, unless it is much too large. */
const further = ['/usr/share', '/usr/lib'];

/** @returns what `du` says of it */
export async function makeTree(
  place: Place,
  name = 'tree',
  bytes = wantedBytes,
): Promise<{ readonly path: string; readonly text: string }> {
  const path = join(place.directory, name);
  mkdirSync(path);
  const sizeOf = async (of: string) => Number((await mustRun({ argv: ['du', '-sb', of] })).split('\t')[0]);
  const rest = further.flatMap((directory) => readdirSync(directory).map((name) => join(directory, name)));
  for (const source of [...sources, ...rest.sort().filter((one) => !sources.includes(one))]) {
    if ((await sizeOf(path)) >= bytes) break;
    if (!sources.includes(source) && (await sizeOf(source)) > bytes / 4) continue;
    const copy = join(path, sources.includes(source) ? basename(source) : source);
    if (existsSync(source)) cpSync(source, copy, { recursive: true, verbatimSymlinks: true });
  }
  const count = (await mustRun({ argv: ['sh', '-c', `find ${path} | wc -l`] })).trim();
  return { path, text: `${Math.round((await sizeOf(path)) / 2 ** 20)} MB in ${count} files` };
}

/** One shell, so that neither side pays for another's. */
const script = (text: string, env: Command['env'] = {}): Command => ({
  argv: ['bash', '-c', `set -e -o pipefail; ${text}`],
  env,
});
const words = ({ argv }: Command) => argv.join(' ');

const diskBytes = 2 * 2 ** 30;
const flags = '--xattrs --acls --numeric-owner';

export const exportRow: Row = {
  name: 'export',
  needsPeers: false,
  async measure(bench) {
    const { place, options } = bench;
    const contest = new Contest('export', 'export | import of a stopped zone, on disk at the end');
    contest.lacksPeers();
    contest.showCpu();
    await using disk = await openDisk(place, 'export-disk', diskBytes);
    const tszone = new Tszone(place, 'off', disk.path);
    const tree = await makeTree(place);
    contest.note(`${tree.text}; ${disk.note}; all end with a syncfs; zstd: tszone's level 1, tar's default 3`);
    const [out, upper] = [join(disk.path, 'out'), join(tszone.roots.root, 'zones/outgoing/rootfs/upper')];
    const [from, to] = [tszone.command('export', 'outgoing', '-'), tszone.command('import', '-', 'incoming')];
    const copy = (level: number) =>
      script(
        `mkdir ${out}; tar -C ${upper} ${flags} -cf - . | zstd -q -${level} | zstd -dq | tar -C ${out} ${flags} -xpf -; sync -f ${out}`,
      );
    const remove = untimed({ argv: ['rm', '-rf', out] });
    const groups: Step[][] = [
      [
        timed(contest.label('tszone'), script(`${words(from)} | ${words(to)}`, from.env)),
        untimed(tszone.command('delete', 'incoming')),
      ],
      [timed(contest.label('tar|zstd|tar'), copy(3)), remove],
      [timed(contest.label('tar|zstd -1|tar'), copy(1)), remove],
    ];
    try {
      await mustRun(tszone.command('image', 'import', 'bench', place.archive));
      await mustRun(tszone.command('create', 'outgoing', '--image', 'bench', '--net', 'none'));
      await mustRun(tszone.command('cp', tree.path, 'outgoing:/tree'));
      return await contend(
        { ...bench, options: { ...options, warmup: Math.min(1, options.warmup) } },
        [contest],
        groups,
      );
    } finally {
      await tszone.close();
      rmSync(tree.path, { recursive: true, force: true });
    }
  },
};
