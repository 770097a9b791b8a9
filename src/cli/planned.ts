/** How --dry-run is shown. */
import { counted } from '../spec/count.js';
import { type Output, text } from './output.js';
import { printable } from './printable.js';

interface Planned {
  readonly operation: string;
  readonly name: string;
  readonly steps: readonly { readonly phase: string; readonly text: string }[];
  readonly notes?: readonly string[] | undefined;
}

/** One line a step; with -o json the plan itself. */
export function planned(plans: readonly Planned[]): Output {
  const lines = plans.flatMap(({ operation, name, steps, notes = [] }) => [
    `${operation} ${name}: ${countOf(steps)}`,
    ...steps.map((step) => lineOf(step.phase, step.text)),
    ...notes.map((note) => lineOf('note', note)),
  ]);
  const [only] = plans;
  return text(lines.map((line) => `${line}\n`).join(''), plans.length === 1 ? only : plans);
}

const lineOf = (label: string, words: string) => `  ${label.padEnd(7)}  ${printable(words, { oneLine: true })}`;

function countOf({ length }: readonly unknown[]): string {
  return length === 0 ? 'nothing to do' : counted(length, 'step');
}
