/** What the drivers on files have in common. */
import { zoneError } from '../errors/index.js';
import { runTool } from '../host/tool.js';

/** The loop device of a file that has grown is as large as it again. */
export async function growMountedFile(device: string): Promise<void> {
  await runTool({ tool: 'losetup', args: ['--set-capacity', device], package: 'mount' });
}

/** What a program of the host said of a full disk. */
export function asDiskFull(error: unknown, path: string): unknown {
  if (!isSaid(error, /no space left|disk quota exceeded/i)) return error;
  return zoneError('RESOURCE_DISK_FULL', `no space left for "${path}"`, {
    hint: 'Free space on the file system that it lies on, then repeat the command.',
    context: { path },
    cause: error,
  });
}

/** Whether a program that failed said so on stderr. */
export function isSaid(error: unknown, words: RegExp): boolean {
  const context = error instanceof Error && 'context' in error ? (error.context as { stderr?: unknown }) : {};
  return words.test(String(context.stderr ?? ''));
}
