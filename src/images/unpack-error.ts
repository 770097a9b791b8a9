/** Why an archive was not unpacked. */
import { zoneError } from '../errors/index.js';

export function tooLarge(problem: string, context: object): Error {
  return zoneError('IMAGE_TOO_LARGE', `the archive ${problem}`, {
    hint: 'If it is to be trusted, say with --max-size (and --max-entries) how large it may be.',
    context: { ...context },
  });
}

interface UnpackFailure {
  readonly error: string;
  readonly entry: string;
  readonly errno: number;
}

/** What a helper that packs or unpacks says of its failure. */
export function parseFailure(stderr: string): UnpackFailure | undefined {
  try {
    return JSON.parse(stderr) as UnpackFailure;
  } catch {
    // Killed, or died in a way that it could not report.
    return undefined;
  }
}

/** ENOSPC, EDQUOT. */
const fullErrnos = new Set([28, 122]);
/** EIO, ENOMEM, ENFILE, EMFILE, EROFS: not the archive's fault. */
const hostErrnos = new Set([5, 12, 23, 24, 30]);

export function unpackError(said: string, status: number, directory: string): Error {
  const failure = parseFailure(said);
  if (failure === undefined) {
    return zoneError('HELPER_DIED', `the unpacker ended with status ${status}`, {
      hint: 'Look into the kernel log (dmesg) for a process that was killed, then repeat the command.',
      context: { status, directory, said: said.slice(-1024) },
    });
  }
  const { error, entry, errno } = failure;
  const context = { entry, errno, directory, reason: error };
  if (error.includes('--max-bytes')) return tooLarge('has more bytes than it may have', context);
  if (error.includes('--max-entries')) return tooLarge('has more entries than it may have', context);
  if (fullErrnos.has(errno)) {
    return zoneError('RESOURCE_DISK_FULL', `no space left to unpack the image (at "${entry}")`, {
      hint: `Free space on the file system of "${directory}" (df "${directory}"), or use another --root.`,
      context,
    });
  }
  if (hostErrnos.has(errno) || error.startsWith('unshare') || error.startsWith('open the root')) {
    return zoneError('KERNEL_STEP_FAILED', `unpacking failed at "${entry}": ${error}`, {
      hint: 'Check the file system and the kernel log (dmesg), then repeat the command.',
      context: { ...context, step: 'unpack', path: entry },
    });
  }
  return zoneError(
    'IMAGE_ARCHIVE_INVALID',
    `the archive cannot be unpacked: ${error}${entry === '' ? '' : ` (at "${entry}")`}`,
    { hint: error.startsWith('make a hard link') && errno === enoent ? hardLinkHint : hint, context },
  );
}

const enoent = 2;
const hint = 'Check that it is a tar archive of a root file system (tar -tvf FILE), and that it is whole.';
/** Layers are shared by what is in them, whatever is below: a link out of one would be another file in each image. */
const hardLinkHint =
  'It is a hard link to what the archive does not have. If it is a layer, what it links to may be in a lower one: squash the image, for instance with "podman build --squash-all", and take that one.';
