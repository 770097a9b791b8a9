/** A copy of a file that shares what it can with the original, and has its holes. */
import { runTool } from '../host/tool.js';
import { asDiskFull } from './grow-file.js';

/** @throws RESOURCE_DISK_FULL */
export async function copySparse(from: string, to: string): Promise<void> {
  const args = ['--reflink=auto', '--sparse=always', '--', from, to];
  await runTool({ tool: 'cp', args, package: 'coreutils' }).catch((error: unknown) => {
    throw asDiskFull(error, to);
  });
}
