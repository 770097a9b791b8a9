/** Loads and removes profiles. */
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import { hasCode, zoneError } from '../errors/index.js';
import { apparmorInterface, apparmorParser, spawnTool } from '../host/index.js';
import type { HostOpHandler } from '../spec/index.js';
import { acquireLock, isErrno, makeStateDirectory, readSealed, writeSealed } from '../state/index.js';
import type { ApparmorLoadOp, ApparmorOp } from './ops.js';
import { profileText } from './profile.js';

export const apparmorHandlers: HostOpHandler<ApparmorOp> = {
  apply: (op) => (op.op === 'apparmor.load' ? load(op) : makeStateDirectory(op.path)),
  undo: async (op) => {
    if (op.op === 'apparmor.load') await removeIfUnused(op);
  },
  describe: (op) =>
    op.op === 'apparmor.load' ? `load AppArmor profile ${op.profile}` : `make directory ${op.path}, which zones share`,
};

/** @throws HOST_TOOL_MISSING, HOST_TOOL_FAILED, WAIT_TIMEOUT the parser · KERNEL_STEP_FAILED */
async function load(op: ApparmorLoadOp): Promise<void> {
  if (isLoaded(op.profile)) return;
  const found = readSealed(op.compiled);
  // It may be of another kernel, or another parser.
  if (found !== undefined && tryToLoad(found)) return;
  const policy = await compile(op);
  writeInterface('.replace', policy, op.profile);
  await writeSealed(op.compiled, policy);
}

function tryToLoad(policy: Buffer): boolean {
  try {
    writeInterface('.replace', policy, '');
    return true;
  } catch (error) {
    if (hasCode(error, 'KERNEL_STEP_FAILED')) return false;
    throw error;
  }
}

/** The helper of each zone under it has the share: who gets it alone is nobody's contemporary. */
async function removeIfUnused({ profile, share }: ApparmorLoadOp): Promise<void> {
  if (!isLoaded(profile)) return;
  try {
    await using _alone = await acquireLock(share, { what: `AppArmor profile "${profile}"`, timeoutMs: 0 });
    if (isLoaded(profile)) writeInterface('.remove', Buffer.from(profile), profile);
  } catch (error) {
    if (!hasCode(error, 'LOCK_BUSY')) throw error;
  }
}

/** Lines `NAME (MODE)`. One that somebody has set to complain is not what it says, and is loaded again. */
function isLoaded(profile: string): boolean {
  try {
    return readFileSync(`${apparmorInterface}/profiles`, 'utf8').split('\n').includes(`${profile} (enforce)`);
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'EACCES')) return false;
    throw error;
  }
}

const compileTimeoutMs = 60_000;

async function compile({ profile, kind }: ApparmorLoadOp): Promise<Buffer> {
  const tool = spawnTool({
    tool: apparmorParser,
    package: 'apparmor',
    args: ['--quiet', '--skip-cache', '--skip-kernel-load', '--stdout'],
    timeoutMs: compileTimeoutMs,
    dieWithParent: true,
  });
  tool.stdin.end(profileText(profile, kind));
  const chunks: Buffer[] = [];
  tool.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  await tool.done;
  return Buffer.concat(chunks);
}

/** The kernel takes a policy, or a name, by one write. */
function writeInterface(name: '.replace' | '.remove', bytes: Buffer, profile: string): void {
  const path = `${apparmorInterface}/${name}`;
  try {
    const fd = openSync(path, 'w');
    try {
      writeSync(fd, bytes);
    } finally {
      closeSync(fd);
    }
  } catch (cause) {
    const { code = '', message } = cause as NodeJS.ErrnoException;
    if (name === '.remove' && code === 'ENOENT') return;
    const what = name === '.remove' ? 'removed' : 'loaded';
    throw zoneError('KERNEL_STEP_FAILED', `AppArmor profile "${profile}" cannot be ${what}: ${code || message}`, {
      hint: 'See the last lines of "dmesg" for what the kernel says about the profile, and "tszone doctor".',
      context: { step: 'apparmor.load', errnoName: code, path, profile },
      cause,
    });
  }
}
