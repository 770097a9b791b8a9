/** The entry of bin/tszone.js. */
import { main as runMain } from './cli/main.js';
import { commandTable } from './commands/index.js';

/** Runs one command line. @returns the exit status */
export async function main(argv: readonly string[]): Promise<number> {
  return runMain(argv, commandTable);
}
