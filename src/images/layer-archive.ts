/** From a layer's directory to an archive: the very one that it was unpacked from, or one that unpacks to the same. */
import { createReadStream } from 'node:fs';
import { text } from 'node:stream/consumers';
import { zoneError } from '../errors/index.js';
import { runTool } from '../helper/index.js';
import { parseFailure } from './unpack-error.js';

export interface LayerDirectory {
  readonly directory: string;
  /** A file: see native/unpack_outline.h. */
  readonly outline: string | undefined;
}

/** @throws IMAGE_DAMAGED a file is missing or shorter than it was · KERNEL_STEP_FAILED, HELPER_DIED */
export async function* layerArchive(
  { directory, outline }: LayerDirectory,
  signal?: AbortSignal,
): AsyncGenerator<Buffer> {
  const args = ['--root', directory, ...(outline === undefined ? ['--whiteouts', '.'] : ['--outline'])];
  const stdin = outline === undefined ? 'ignore' : 'pipe';
  const helper = runTool('pack', args, { stdin, stdout: 'pipe', stderr: 'pipe', signal });
  if (helper.stdout === null || helper.stderr === null) throw new Error('no pipes');
  const source = outline === undefined ? undefined : createReadStream(outline).on('error', () => helper.kill());
  if (source !== undefined && helper.stdin !== null) {
    // If the helper gives up, its own words say why.
    helper.stdin.on('error', () => undefined);
    source.pipe(helper.stdin);
  }
  const said = text(helper.stderr);
  try {
    for await (const chunk of helper.stdout) yield chunk as Buffer;
    const status = await helper.exited;
    signal?.throwIfAborted();
    if (status !== 0) throw packError(await said, status, directory);
  } finally {
    helper.kill();
    // The helper may end at the outline's last record: nobody reads on then, and the file would stay open.
    if (source?.closed === false) await new Promise<void>((resolve) => source.destroy().once('close', resolve));
  }
}

function packError(said: string, status: number, directory: string): Error {
  const failure = parseFailure(said);
  if (failure === undefined) {
    return zoneError('HELPER_DIED', `the packer ended with status ${status}`, {
      hint: 'Look into the kernel log (dmesg) for a process that was killed, then repeat the command.',
      context: { status, directory },
    });
  }
  const { error, entry, errno } = failure;
  const context = { directory, entry, errno, reason: error };
  if (errno === 0) {
    return zoneError('IMAGE_DAMAGED', `a layer is not as it was unpacked: ${error} ("${entry}")`, {
      hint: 'Run "tszone image verify" to see which images it is part of, then pull, import or build them anew.',
      context,
    });
  }
  return zoneError('KERNEL_STEP_FAILED', `reading a layer failed at "${entry}": ${error}`, {
    hint: 'Check the file system and the kernel log (dmesg), then repeat the command.',
    context: { ...context, step: 'pack', path: entry },
  });
}
