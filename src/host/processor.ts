/** What this processor can do by itself. */
import { open } from 'node:fs/promises';

let known: Promise<boolean> | undefined;

/** The helper hashes with them, and only with them (native/unpack_sha256.c). */
export function hasHashInstructions(): Promise<boolean> {
  known ??= readCpuinfo().then(namesHashInstructions, () => false);
  return known;
}

/** Pure. */
export function namesHashInstructions(cpuinfo: string): boolean {
  const flags = /^flags\s*:(.*)$/m.exec(cpuinfo)?.[1]?.split(/\s+/) ?? [];
  return process.arch === 'x64' && ['sha_ni', 'ssse3', 'sse4_1'].every((flag) => flags.includes(flag));
}

/** The first processor's; the kernel writes down as many as are read. */
async function readCpuinfo(): Promise<string> {
  await using file = await open('/proc/cpuinfo', 'r');
  const { buffer, bytesRead } = await file.read(Buffer.alloc(8192), 0, 8192, 0);
  return buffer.toString('utf8', 0, bytesRead);
}
