/** The entry of bin/tszone.js. */
import { takeEarlySpawner } from './cli/early-spawner.js';
import { forgetHugePages } from './cli/huge-pages.js';
import { main as runMain } from './cli/main.js';
import { commandTable } from './commands/index.js';

/** Runs one command line. @returns the exit status */
export async function main(argv: readonly string[]): Promise<number> {
  takeEarlySpawner();
  forgetHugePages();
  return runMain(argv, commandTable);
}

/** Loads everything, for the build: what is compiled then need not be compiled when it is used. */
export async function warmUp(): Promise<void> {
  for (const { load } of Object.values(commandTable)) await load();
  await Promise.all([import('./cli/run-command.js'), import('./cli/help.js'), import('./operations/host-context.js')]);
}
