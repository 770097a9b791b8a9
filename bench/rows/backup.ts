/** backup: of a stopped zone into a repository that is not there yet, then unchanged, then with 3 MB changed; of 300 MB and of 1 GB. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findProgram, mustRun, run } from '../command.js';
import { type Step, timed, untimed } from '../measure.js';
import type { Table } from '../table.js';
import { makeTree } from './export.js';
import { type Bench, Contest, contend, mandatoryLacks, type Row } from './row.js';

const changedBytes = 3 << 20;
const sizes = [
  { id: 'backup', bytes: 300 << 20 },
  { id: 'backup-1g', bytes: 1 << 30 },
];
/** What restic takes before it does anything: nothing that calls it can be faster. */
const floor = 'restic opens it';

export const backupRow: Row = {
  name: 'backup',
  needsPeers: false,
  async measure(bench) {
    const tables: Table[] = [];
    for (const { id, bytes } of sizes) tables.push(...(await measureSize(bench, id, bytes)));
    return tables;
  },
};

async function measureSize(bench: Bench, id: string, bytes: number): Promise<Table[]> {
  const { place, options, cold } = bench;
  const contest = new Contest(id, 'backup create of a stopped zone', 'first');
  contest.lacksPeers();
  if (findProgram('restic') === undefined) {
    for (const name of ['first', 'unchanged', 'changed', floor]) contest.lacks(name, 'restic is not installed');
    return [await contest.table(new Map())];
  }
  const tree = await makeTree(place, 'saved-tree', bytes);
  contest.note(`${tree.text}; first: the repository is made, too; changed: ${changedBytes >> 20} MB are new`);
  const [repository, password] = [join(place.directory, 'backups'), join(place.directory, 'password')];
  const [weights, piece] = [join(place.directory, 'backup-sizes'), join(place.directory, 'piece')];
  writeFileSync(password, 'correct horse\n');
  const create = cold.command('backup', 'create', 'saved', '--to', repository, '--password-file', password);
  const open = { argv: ['restic', '-q', '-r', repository, '-p', password, 'cat', 'config'] };
  const shell = (text: string, env = {}): Step => untimed({ argv: ['sh', '-c', text], env });
  const weigh = (name: string) => shell(`echo ${name} $(du -sb ${repository} | cut -f1) >> ${weights}`);
  const change = cold.command('cp', piece, 'saved:/piece');
  const steps: Step[] = [
    shell(`rm -rf ${repository}`),
    timed(contest.label('first'), create),
    weigh('first'),
    timed(contest.label('unchanged'), create),
    weigh('unchanged'),
    timed(contest.label(floor), open),
    shell(`head -c ${changedBytes} /dev/urandom > ${piece}; exec ${change.argv.join(' ')}`, change.env),
    timed(contest.label('changed'), create),
    weigh('changed'),
  ];
  try {
    await mustRun(cold.command('create', 'saved', '--image', 'bench', '--net', 'none'));
    await mustRun(cold.command('cp', tree.path, 'saved:/tree'));
    const few = { ...options, rounds: Math.min(options.rounds, 5), warmup: 0 };
    const tables = await contend({ ...bench, options: few }, [contest], [steps]);
    return [...tables, bytesTable(`${id}-bytes`, weights)];
  } finally {
    await run(cold.command('delete', '--force', 'saved'));
    for (const path of [repository, tree.path, weights]) rmSync(path, { recursive: true, force: true });
  }
}

/** What each has added to the repository. */
function bytesTable(id: string, weights: string) {
  const samples = new Map<string, number[]>();
  let last = 0;
  for (const line of readFileSync(weights, 'utf8').trim().split('\n')) {
    const [name = '', bytes = ''] = line.split(' ');
    const added = Number(bytes) - (name === 'first' ? 0 : last);
    last = Number(bytes);
    samples.set(name, [...(samples.get(name) ?? []), added / 1024]);
  }
  const cells = [...samples].map(([name, values]) => ({ name, samples: values }));
  return {
    id,
    title: 'what a backup adds to the repository',
    unit: 'kB' as const,
    cells,
    lacks: mandatoryLacks(),
    reference: 'first',
  };
}
