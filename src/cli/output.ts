/** What a command returns, and how it is shown: table, json, jsonl, yaml or csv. */
import { zoneError } from '../errors/index.js';
import { nearest } from '../spec/nearest.js';
import { formatCsv } from './csv.js';
import type { OutputFormat } from './flags.js';
import { formatTable } from './table.js';
import { formatYaml } from './yaml.js';

/** A column of a list: `key` is its name for --columns and csv. */
export interface Column<Row> {
  readonly key: string;
  /** As a person reads it: sizes as `512M`. */
  readonly text: (row: Row) => string | number | undefined;
  /** Shown only if it is asked for. */
  readonly hidden?: boolean;
}

export type Output =
  | {
      readonly kind: 'list';
      readonly rows: readonly object[];
      readonly columns: readonly Column<object>[];
      readonly nameOf: (row: object) => string;
      /** 0 if not given. */
      readonly exitStatus?: number | undefined;
    }
  | {
      readonly kind: 'record';
      readonly data: object;
      readonly lines: readonly (readonly [string, string])[];
      readonly name: string;
    }
  | {
      readonly kind: 'done';
      readonly data: object;
      readonly name: string;
      readonly message: string;
      /** What is left to do behind a caller that need not wait for it. */
      readonly behind?: Promise<unknown> | undefined;
    }
  | {
      readonly kind: 'text';
      readonly text: string;
      readonly data?: object | undefined;
      readonly exitStatus?: number | undefined;
    }
  | { readonly kind: 'stream'; readonly chunks: AsyncIterable<string> }
  | { readonly kind: 'status'; readonly exitStatus: number };

/** A list; -q prints `nameOf` of each. */
export function list<Row extends object>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  nameOf: (row: Row) => string,
): ListOutput {
  return {
    kind: 'list',
    rows,
    columns: columns as readonly Column<object>[],
    nameOf: nameOf as (row: object) => string,
  };
}

/** One thing, shown as `label: value` lines. */
export function record(name: string, data: object, lines: readonly (readonly [string, string])[]): Output {
  return { kind: 'record', name, data, lines };
}

/** Something was done: one line for people, `data` for programs. */
export function done(name: string, message: string, data: object): Done {
  return { kind: 'done', name, message, data };
}

export type ListOutput = Extract<Output, { kind: 'list' }>;
export type Done = Extract<Output, { kind: 'done' }>;

/** Several things were done: a line each; with -o json a list, unless it is one. */
export function doneAll(all: readonly Done[]): Output {
  const [only] = all;
  return all.length === 1 && only !== undefined
    ? only
    : {
        kind: 'done',
        name: all.map(({ name }) => name).join('\n'),
        message: all.map(({ message }) => message).join('\n'),
        data: all.map(({ data }) => data),
        behind: Promise.all(all.map(({ behind }) => behind)),
      };
}

/** Text as it is; `data` with -o json and the like. */
export function text(content: string, data?: object): Extract<Output, { kind: 'text' }> {
  return { kind: 'text', text: content, data };
}

/** Nothing more to print; the exit status of what ran. */
export function exitWith(exitStatus: number): Output {
  return { kind: 'status', exitStatus };
}

/** Text that comes bit by bit, such as a log that is followed. */
export function stream(chunks: AsyncIterable<string>): Output {
  return { kind: 'stream', chunks };
}

export interface RenderOptions {
  readonly format: OutputFormat;
  readonly quiet: boolean;
  readonly columns?: string | undefined;
}

/** @returns what goes to stdout, with its final newline; empty for nothing */
export function render(output: Output, options: RenderOptions): string {
  const { format, quiet } = options;
  if (output.kind === 'status' || output.kind === 'stream') return '';
  if (output.kind === 'text') {
    return format === 'table' || output.data === undefined ? output.text : structured(output.data, format);
  }
  if (output.kind === 'list') return renderList(output, options);
  if (quiet) return lines([output.name]);
  if (format !== 'table') return structured(output.data, format);
  if (output.kind === 'done') return lines([output.message]);
  return formatTable(
    [],
    output.lines.map(([label, value]) => [`${label}:`, value]),
  );
}

function renderList(
  { rows, columns, nameOf }: Extract<Output, { kind: 'list' }>,
  { format, quiet, columns: wanted }: RenderOptions,
): string {
  if (quiet) return lines(rows.map(nameOf));
  const chosen = chooseColumns(columns, wanted);
  const keys = chosen.map(({ key }) => key);
  if (format === 'table') {
    const cells = rows.map((row) => chosen.map((column) => column.text(row) ?? ''));
    return formatTable(keys, cells);
  }
  if (format === 'csv') {
    const cells = rows.map((row) => chosen.map(({ key, text: show }) => plain(row, key, show)));
    return formatCsv(keys, cells);
  }
  return structured(wanted === undefined ? rows : rows.map((row) => pick(row, chosen)), format);
}

function structured(data: object, format: OutputFormat): string {
  const items: readonly object[] = Array.isArray(data) ? data : [data];
  if (format === 'jsonl') return lines(items.map((item) => JSON.stringify(item)));
  if (format === 'yaml') return formatYaml(data);
  if (format === 'csv') {
    const keys = [...new Set(items.flatMap((item) => Object.keys(item)))];
    return formatCsv(
      keys,
      items.map((item) => keys.map((key) => plain(item, key))),
    );
  }
  return `${JSON.stringify(data, undefined, 2)}\n`;
}

/** For programs: the datum itself if there is one of that name, else what people read. */
function plain(row: object, key: string, show?: (row: object) => unknown): unknown {
  return key in row ? (row as Readonly<Record<string, unknown>>)[key] : show?.(row);
}

function pick(row: object, columns: readonly Column<object>[]): object {
  return Object.fromEntries(columns.map(({ key, text: show }) => [key, plain(row, key, show) ?? null]));
}

function chooseColumns(known: readonly Column<object>[], wanted: string | undefined): readonly Column<object>[] {
  if (wanted === undefined) return known.filter(({ hidden }) => hidden !== true);
  return wanted.split(',').map((word) => {
    const column = known.find(({ key }) => key.toLowerCase() === word.trim().toLowerCase());
    if (column !== undefined) return column;
    const keys = known.map(({ key }) => key);
    const near = nearest(word, keys);
    throw zoneError('USAGE_BAD_ARGUMENT', `unknown column "${word}"`, {
      hint:
        near === undefined
          ? `The columns are ${keys.join(', ')}.`
          : `Did you mean "${near}"? The columns are ${keys.join(', ')}.`,
      context: { columns: keys },
    });
  });
}

function lines(items: readonly string[]): string {
  return items.map((item) => `${item}\n`).join('');
}
