/** For which architecture an unpacked tree is: told by a program that every root has. */
import { constants, open } from 'node:fs/promises';
import { join } from 'node:path';
import { elfArch } from './elf.js';

const programs = [
  'usr/bin/dash',
  'usr/bin/bash',
  'bin/busybox',
  'bin/dash',
  'bin/bash',
  'usr/bin/busybox',
  'usr/bin/env',
];
const headSize = 64;

export async function detectArch(tree: string): Promise<string | undefined> {
  for (const program of programs) {
    const arch = elfArch(await readHead(join(tree, program)));
    if (arch !== undefined) return arch;
  }
  return undefined;
}

/** Nothing is done with the bytes but to compare a few, so a link that leads out of the tree tells at most the host's. */
async function readHead(path: string): Promise<Buffer> {
  try {
    await using file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(headSize), 0, headSize, 0);
    return buffer.subarray(0, bytesRead);
  } catch {
    // Not there, a link, or not a file: then the next one tells.
    return Buffer.alloc(0);
  }
}
