/** `npm run bench -- --rounds 20 --only exec,run --zones 1000 --json FILE` */
import { parseArgs } from 'node:util';

export interface Options {
  readonly rounds: number;
  readonly warmup: number;
  /** Between two timed commands, so that what the kernel still takes down for one is not charged to the next. */
  readonly pauseMs: number;
  /** Names of rows; all if empty. */
  readonly only: readonly string[];
  readonly zones: number;
  readonly parallel: number;
  readonly boot: number;
  readonly memoryZones: number;
  /** How many share one image. */
  readonly manyOfOne: number;
  /** What a small image has. */
  readonly smallBytes: number;
  /** What a large one has, and a zone has written. */
  readonly bigBytes: number;
  readonly json: string | undefined;
  readonly install: boolean;
}

export const usage = `npm run bench -- [--rounds N] [--warmup N] [--pause MS] [--only ROW,…] [--zones N] [--parallel N]
  [--boot N] [--memory-zones N] [--many N] [--small SIZE] [--big SIZE] [--json FILE] [--no-install]`;

export function parseOptions(argv: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      rounds: { type: 'string', default: '20' },
      warmup: { type: 'string', default: '2' },
      pause: { type: 'string', default: '30' },
      only: { type: 'string', default: '' },
      zones: { type: 'string', default: '1000' },
      parallel: { type: 'string', default: '100' },
      boot: { type: 'string', default: '200' },
      'memory-zones': { type: 'string', default: '20' },
      many: { type: 'string', default: '200' },
      small: { type: 'string', default: '300M' },
      big: { type: 'string', default: '3G' },
      json: { type: 'string' },
      'no-install': { type: 'boolean', default: false },
    },
  });
  const number = (text: string): number => {
    if (!/^\d+$/.test(text)) throw new Error(`"${text}" is not a number\n${usage}`);
    return Number(text);
  };
  const size = (text: string): number => {
    const [, count = '', unit = ''] = /^(\d+)([MG])$/.exec(text) ?? [];
    if (count === '') throw new Error(`"${text}" is not a size, such as 3G or 600M\n${usage}`);
    return Number(count) * (unit === 'G' ? 1 << 30 : 1 << 20);
  };
  return {
    rounds: Math.max(1, number(values.rounds)),
    warmup: number(values.warmup),
    pauseMs: number(values.pause),
    only: values.only.split(',').filter((name) => name !== ''),
    zones: number(values.zones),
    parallel: number(values.parallel),
    boot: number(values.boot),
    memoryZones: Math.max(1, number(values['memory-zones'])),
    manyOfOne: Math.max(2, number(values.many)),
    smallBytes: size(values.small),
    bigBytes: size(values.big),
    json: values.json,
    install: !values['no-install'],
  };
}
