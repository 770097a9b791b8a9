/** What restic says, as an error of ours. */
import { type ErrorCode, hasCode, zoneError } from '../errors/index.js';

interface Reading {
  readonly said: RegExp;
  readonly code: ErrorCode;
  readonly message: (repository: string, reason: string) => string;
  readonly hint: (repository: string) => string;
}

/** The first that fits. */
const readings: readonly Reading[] = [
  {
    said: /wrong password or no key found/,
    code: 'BACKUP_PASSWORD_WRONG',
    message: (repository) => `the password does not open the repository "${repository}"`,
    hint: () => 'Pass --password-file with the file that the repository was made with.',
  },
  {
    said: /no space left|disk quota exceeded/i,
    code: 'RESOURCE_DISK_FULL',
    message: (repository) => `no space left for the repository "${repository}"`,
    hint: (repository) =>
      `Free space there, or run "tszone backup prune ${repository} --keep 7d,4w"; what is stored already is not stored again.`,
  },
  {
    said: /config file.*(does not exist|doesn't exist|no such file|not found|\b404\b|NoSuchKey)/i,
    code: 'BACKUP_REPOSITORY_NOT_FOUND',
    message: (repository) => `there is no repository at "${repository}"`,
    hint: (repository) => `Check the path; "tszone backup create ZONE --to ${repository}" makes one.`,
  },
  {
    said: /(?:unable to open (?:config file|repo[^:]*)|create repository at .* failed): ?(.*)/i,
    code: 'BACKUP_REPOSITORY_UNREACHABLE',
    message: (repository, reason) => `the repository "${repository}" cannot be reached: ${reason}`,
    hint: () =>
      'Check the address, and the variables with what opens it (AWS_*, RESTIC_REST_*, SSH_AUTH_SOCK, …); SSL_CERT_FILE names the certificate of an authority of your own.',
  },
  {
    said: /already locked|unable to create lock/i,
    code: 'LOCK_BUSY',
    message: (repository) => `the repository "${repository}" is being worked on`,
    hint: () => 'Repeat the command when the other one has ended.',
  },
  {
    said: /ciphertext verification failed|does not match|contains errors|invalid data|not found in (the )?index|failed to load|unexpected EOF|no such file|error loading|checksum|truncated|is damaged/i,
    code: 'BACKUP_DAMAGED',
    message: (repository) => `the repository "${repository}" is damaged`,
    hint: (repository) =>
      `Run "tszone backup verify ${repository} --read-data" to see what is; other backups of it may be whole. "context.said" is what restic found.`,
  },
];

/** Errors of other kinds are left as they are. */
export function backupError(error: unknown, repository: string): unknown {
  if (!hasCode(error, 'HOST_TOOL_FAILED')) return error;
  const said = String(error.context.stderr ?? '');
  const reading = readings.find((one) => one.said.test(said));
  if (reading === undefined) return error;
  const reason = reading.said.exec(said)?.[1]?.trim() ?? '';
  return zoneError(reading.code, reading.message(repository, reason), {
    hint: reading.hint(repository),
    context: { repository, said },
    cause: error,
  });
}
