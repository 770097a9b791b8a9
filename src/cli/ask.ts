/** A question on the terminal. */
import { createInterface } from 'node:readline/promises';
import { zoneError } from '../errors/index.js';
import { printable } from './printable.js';

/** @throws USAGE_BAD_ARGUMENT unless the answer is yes */
export async function ask(question: string): Promise<void> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await terminal.question(`${printable(question)} [y/N] `);
    if (/^y(es)?$/i.test(answer.trim())) return;
  } finally {
    terminal.close();
  }
  throw zoneError('USAGE_BAD_ARGUMENT', 'not confirmed', { hint: 'Answer "y", or pass --yes.' });
}
