/** What was made once with effort and is found again: behind a digest of itself, taken only if it is root's own and whole. */
import { createHash } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { writeRunTimeFile } from './json-file.js';

const digestBytes = 32;

/** @returns `undefined` if it is not there, or not as it was written */
export function readSealed(path: string): Buffer | undefined {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch {
    return undefined;
  }
  try {
    const { uid, mode } = fstatSync(fd);
    if (uid !== 0 || (mode & constants.S_IFMT) !== constants.S_IFREG || (mode & 0o022) !== 0) return undefined;
    const bytes = readFileSync(fd);
    const body = bytes.subarray(digestBytes);
    return sha256(body).equals(bytes.subarray(0, digestBytes)) ? body : undefined;
  } finally {
    closeSync(fd);
  }
}

export async function writeSealed(path: string, body: Buffer): Promise<void> {
  await writeRunTimeFile(path, Buffer.concat([sha256(body), body]));
}

function sha256(data: Buffer): Buffer {
  return createHash('sha256').update(data).digest();
}
