/** What was measured, as tables for people and as JSON. */
import { ratiosPerRound, type Summary, summarize } from './statistics.js';
import type { Table } from './table.js';
import type { Verdict } from './targets.js';

function format(value: number): string {
  if (Number.isNaN(value)) return '–';
  if (value > 0 && value < 0.1) return value.toFixed(3);
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

const range = ({ p10, p90 }: Summary): string => `${format(p10)}–${format(p90)}`;

const referenceOf = ({ cells, reference }: Table) => cells.find(({ name }) => name === reference)?.samples ?? [];

function rows(table: Table): string[][] {
  const reference = referenceOf(table);
  const head = [
    table.unit,
    'median',
    'p10–p90',
    'n',
    table.reference === undefined ? '' : `÷ ${table.reference}`,
    table.cells.some(({ cpu }) => cpu !== undefined) ? 'CPU' : '',
    table.cells.some(({ calls }) => calls !== undefined) ? 'calls' : '',
  ];
  const body = table.cells.map(({ name, samples, cpu, calls }) => {
    const summary = summarize(samples);
    const ratio = summarize(ratiosPerRound(samples, reference));
    const compared = Number.isNaN(ratio.median) ? '' : `${format(ratio.median)} (${range(ratio)})`;
    const used = cpu === undefined ? '' : format(summarize(cpu).median);
    const count = calls?.toString() ?? '';
    return [name, format(summary.median), range(summary), String(samples.length), compared, used, count];
  });
  const reasons = [...new Set(table.lacks.map(({ reason }) => reason))];
  const namesOf = (reason: string) => table.lacks.filter((lack) => lack.reason === reason).map(({ name }) => name);
  return [head, ...body, ...reasons.map((reason) => [namesOf(reason).join(', '), '–', reason])];
}

/** Columns as wide as their widest cell; numbers at the right. */
function align(lines: readonly (readonly string[])[]): string {
  const widths = [0, 1, 2, 3, 4, 5, 6].map((column) =>
    Math.max(0, ...lines.filter((line) => line.length > 3).map((line) => line[column]?.length ?? 0)),
  );
  return lines
    .map((line) => {
      const text = line.map((cell, at) =>
        at === 0 || (line.length === 3 && at === 2) ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0),
      );
      return `  ${text.join('  ')}`.trimEnd();
    })
    .join('\n');
}

export function tableText(table: Table): string {
  const notes = (table.notes ?? []).map((note) => `  ${note}`);
  return [`${table.id}: ${table.title}`, align(rows(table)), ...notes, ''].join('\n');
}

export function verdictText(verdicts: readonly Verdict[]): string {
  const asked = verdicts.filter(({ isAsked }) => isAsked);
  const lines = asked.map(({ text, measured, limit, atLeast, unit, holds, why }) => {
    const word = holds === undefined ? '  ?   ' : holds ? 'holds ' : 'MISSED';
    const value =
      measured === undefined
        ? `not measured: ${why}`
        : `${format(measured)}${unit} (${atLeast ? '>=' : '<='} ${limit}${unit})`;
    return `  ${word} ${text}: ${value}`;
  });
  const others = verdicts.length - asked.length;
  if (others > 0) lines.push(`  ${others} more are about rows that were not asked for`);
  return ['targets (ratios of medians of this run)', ...lines, ''].join('\n');
}

export function toJson(conditions: object, tables: readonly Table[], verdicts: readonly Verdict[]): string {
  const measured = tables.map((table) => ({
    ...table,
    cells: table.cells.map((cell) => {
      const ratios = ratiosPerRound(cell.samples, referenceOf(table));
      return { ...cell, ...summarize(cell.samples), ratio: ratios.length === 0 ? undefined : summarize(ratios) };
    }),
  }));
  return `${JSON.stringify({ version: 1, conditions, tables: measured, targets: verdicts }, null, 2)}\n`;
}
