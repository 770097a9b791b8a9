/**
 * The copy of a tree that a zone may be writing to (native/copy.c): made in passes, so that the zone has to stand still only for the last
 * one, in which no more is copied than what was changed meanwhile.
 */
import { createInterface } from 'node:readline';
import { runTool, type ToolProcess } from '../helper/index.js';
import { toolFailed } from './tool-failed.js';

export interface CopyInput {
  readonly from: string;
  /** Holds the layers; on the same file system, so that files can be shared. */
  readonly layers: string;
  readonly layer: string;
  /** An earlier copy there: files that have not changed since become one with its. */
  readonly base?: string | undefined;
  /**
   * The copy is to be known to a later one on another file system (`past` beside it). With the `past` of an earlier one: only what has changed since
   * is copied, to lie on top of that.
   */
  readonly remembers?: true | { readonly since: string } | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Of one pass. */
export interface CopyCounts {
  readonly entries: number;
  readonly made: number;
  readonly removed: number;
  /** One file with the base's. */
  readonly linked: number;
  readonly bytes: number;
  /** Bytes that the file system shares (FICLONE). */
  readonly shared: number;
}

/** Runs what it is given while nobody writes to the tree. */
export type HoldStill = <T>(work: () => Promise<T>) => Promise<T>;

/** More than that is worth another pass before the last one. */
const manyBytes = 32 << 20;
const mostPasses = 4;

export interface Copied {
  /** What had to be copied. */
  readonly bytes: number;
  /** It lies on top of the earlier one. */
  readonly isSince: boolean;
}

/** @returns bytes that had to be copied @throws RESOURCE_DISK_FULL, KERNEL_STEP_FAILED, the signal's reason */
export const copyTree = async (input: CopyInput, holdStill: HoldStill): Promise<number> =>
  (await copyTreeSince(input, holdStill)).bytes;

/** @throws as copyTree */
export async function copyTreeSince(input: CopyInput, holdStill: HoldStill): Promise<Copied> {
  const { signal } = input;
  const args = argumentsOf(input);
  const tool = runTool('copy', args, { stdin: 'pipe', stdout: 'pipe', stderr: 'pipe', signal });
  const talk = conversation(tool, input);
  let bytes = 0;
  const pass = async (word?: 'again' | 'last') => {
    if (word !== undefined) tool.stdin?.write(`${word}\n`);
    const counts = (await talk.next()) as CopyCounts;
    bytes += counts.bytes;
    return counts;
  };
  try {
    let last = await pass();
    for (let passes = 1; passes < mostPasses && last.bytes > manyBytes; passes += 1) last = await pass('again');
    await holdStill(() => pass('last'));
    const { since } = (await talk.next()) as { readonly since: boolean };
    await tool.exited;
    return { bytes, isSince: since };
  } finally {
    tool.kill();
    await tool.exited;
  }
}

function argumentsOf({ from, layers, layer, base, remembers }: CopyInput): string[] {
  const since = typeof remembers === 'object' ? ['--since', remembers.since] : [];
  return [
    ...['--from', from, '--in', layers, '--to', layer],
    ...(base === undefined ? [] : ['--base', base]),
    ...(remembers === undefined ? [] : ['--remember', ...since]),
  ];
}

/** Lines of JSON; its end before the next one is a failure, of which it has said why on stderr. */
function conversation(tool: ToolProcess, { signal, from }: CopyInput): { next(): Promise<unknown> } {
  if (tool.stdout === null || tool.stderr === null || tool.stdin === null) throw new Error('copy without pipes');
  tool.stdin.on('error', () => {});
  const lines = createInterface({ input: tool.stdout })[Symbol.asyncIterator]();
  let said = '';
  tool.stderr.on('data', (chunk: Buffer) => {
    if (said.length < 65_536) said += String(chunk);
  });
  return {
    async next() {
      const { value, done } = await lines.next();
      if (done !== true) return JSON.parse(value) as unknown;
      await tool.exited;
      signal?.throwIfAborted();
      throw toolFailed(said, { step: 'copy', path: from, what: 'what the zone has written could not be copied' });
    },
  };
}
