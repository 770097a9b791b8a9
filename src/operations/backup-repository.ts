/** A repository of backups, and restic, which alone reads and writes it. */
import { readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { zoneError } from '../errors/index.js';
import { type BackupEnvironment, readBackupEnvironment, runTool, type ToolCall } from '../host/index.js';
import { isErrno } from '../state/index.js';
import { backupError } from './backup-error.js';
import type { HostContext } from './host-context.js';
import type { OperationOptions } from './zone-lock.js';

export interface RepositoryOptions extends OperationOptions {
  /** A directory, or as restic(1) has it: `sftp:…`, `rest:…`, `s3:…`. */
  readonly repository: string;
  /** The file whose content is the password; TSZONE_BACKUP_PASSWORD_FILE if not given. */
  readonly passwordFile?: string | undefined;
  /** This process's own if not given. */
  readonly environment?: BackupEnvironment | undefined;
}

export interface Repository {
  /** As it was given. */
  readonly name: string;
  /** Of one on this machine. */
  readonly directory?: string | undefined;
  /** What restic is started with, besides its command. */
  readonly call: Omit<ToolCall, 'args'>;
  readonly flags: readonly string[];
}

const elsewhere = /^(sftp|rest|s3|b2|azure|gs|swift|rclone):/;

/** @throws BACKUP_PASSWORD_MISSING */
export async function describeRepository(
  { roots }: Pick<HostContext, 'roots'>,
  { repository, passwordFile, environment = readBackupEnvironment(), signal }: RepositoryOptions,
): Promise<Repository> {
  const file = passwordFile ?? environment.passwordFile;
  await requirePassword(file);
  const directory = elsewhere.test(repository) ? undefined : resolve(repository.replace(/^local:/, ''));
  const isHere = directory !== undefined;
  return {
    name: repository,
    directory,
    call: {
      tool: 'restic',
      package: 'restic',
      // Interrupted, it takes its lock away; otherwise it leaves that.
      stopSignal: 'SIGINT',
      dieWithParent: true,
      env: isHere ? {} : environment.backends,
      signal,
    },
    flags: [
      '--repo',
      isHere ? `local:${directory}` : repository,
      '--password-file',
      resolve(file ?? ''),
      // What lies on this machine is as near as a cache of it would be.
      ...(isHere ? ['--no-cache'] : ['--cache-dir', join(roots.root, 'backup-cache')]),
    ],
  };
}

async function requirePassword(file: string | undefined): Promise<void> {
  const hint = (path: string) =>
    `Run "(umask 077; openssl rand -base64 32 > ${path})" once and keep a copy elsewhere: without it no backup can be read. Then pass --password-file ${path}, or set TSZONE_BACKUP_PASSWORD_FILE.`;
  if (file === undefined)
    throw zoneError('BACKUP_PASSWORD_MISSING', 'backups are encrypted, and no file with a password is given', {
      hint: hint('/root/backup-password'),
    });
  const content = await readFile(file, 'utf8').catch((cause: unknown) => {
    if (!isErrno(cause, 'ENOENT', 'ENOTDIR', 'EISDIR')) throw cause;
    return '';
  });
  if (content.trim() !== '') return;
  throw zoneError('BACKUP_PASSWORD_MISSING', `there is no password in "${file}"`, {
    hint: hint(file),
    context: { path: file },
  });
}

/** A call of restic with these words. */
export const resticCall = ({ call, flags }: Repository, words: readonly string[]): ToolCall => ({
  ...call,
  args: [...words, ...flags],
});

/** @returns stdout @throws what backup-error.ts makes of it, HOST_TOOL_MISSING */
export async function runRestic(repository: Repository, words: readonly string[], input?: string): Promise<string> {
  try {
    return (await runTool({ ...resticCall(repository, words), input })).stdout;
  } catch (error) {
    throw backupError(error, repository.name);
  }
}

/** For a look that leaves nothing behind: no lock in the repository, no cache here. */
export function withoutTraces(repository: Repository): Repository {
  const at = repository.flags.indexOf('--cache-dir');
  const others = at < 0 ? repository.flags : repository.flags.toSpliced(at, 2);
  return { ...repository, flags: [...others, '--no-cache', '--no-lock'] };
}

/** For what wants it alone. Locks whose process is gone, or that are older than half an hour, go; others stay. */
export async function runResticAlone(repository: Repository, words: readonly string[]): Promise<string> {
  if (await mayBeLocked(repository)) await runRestic(repository, ['unlock']);
  return runRestic(repository, words);
}

async function mayBeLocked({ directory }: Repository): Promise<boolean> {
  if (directory === undefined) return true;
  const names = await readdir(join(directory, 'locks')).catch(() => []);
  return names.length > 0;
}
