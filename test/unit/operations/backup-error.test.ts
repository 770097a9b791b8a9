import { expect } from 'chai';
import { zoneError } from '../../../src/errors/index.js';
import { readBackupEnvironment } from '../../../src/host/index.js';
import { backupError } from '../../../src/operations/backup-error.js';

const read = (stderr: string): { code: string; message: string } =>
  backupError(zoneError('HOST_TOOL_FAILED', 'it failed', { context: { stderr } }), 'REPO') as never;
const there = 'Is there a repository at the following location?\nREPO';

describe('what restic says of a repository', () => {
  for (const said of [
    'unable to open config file: stat /backups/config: no such file or directory',
    'unable to open config file: Stat: The specified key does not exist.',
    'unable to open config file: client.Head: unexpected HTTP response (404): 404 Not Found',
    'unable to open config file: Lstat: file does not exist',
    'config file does not exist',
  ])
    it(`that is not there: ${said}`, () => {
      expect(read(`Fatal: ${said}\n${there}`)).to.have.property('code', 'BACKUP_REPOSITORY_NOT_FOUND');
    });

  for (const [said, reason] of [
    [
      'unable to open config file: Stat: Head "https://10.0.0.1/x/config": x509: certificate signed by unknown authority',
      'Stat: Head "https://10.0.0.1/x/config": x509: certificate signed by unknown authority',
    ],
    ['unable to open config file: Stat: Access Denied.', 'Stat: Access Denied.'],
    [
      'unable to open config file: client.Head: Head "http://10.0.0.1/config": dial tcp 10.0.0.1:80: connect: connection refused',
      'client.Head: Head "http://10.0.0.1/config": dial tcp 10.0.0.1:80: connect: connection refused',
    ],
    [
      'unable to open config file: client.Head: unexpected HTTP response (401): 401 Unauthorized',
      'client.Head: unexpected HTTP response (401): 401 Unauthorized',
    ],
    [
      'create repository at REPO failed: client.BucketExists: Head "https://10.0.0.1/x/": x509: expired',
      'client.BucketExists: Head "https://10.0.0.1/x/": x509: expired',
    ],
  ] as const)
    it(`that may well be there, but cannot be reached: ${said}`, () => {
      const { code, message } = read(`Fatal: ${said}\n${there}`);
      expect(code).to.equal('BACKUP_REPOSITORY_UNREACHABLE');
      expect(message).to.equal(`the repository "REPO" cannot be reached: ${reason}`);
    });

  it('a full disk is one, wherever the repository was about to be made', () => {
    const said = 'Fatal: create repository at REPO failed: write /backups/config: no space left on device';
    expect(read(said)).to.have.property('code', 'RESOURCE_DISK_FULL');
  });
});

describe('what restic is told of the environment', () => {
  it('is what leads to a repository elsewhere, and opens it; nothing else', () => {
    const given = {
      SSL_CERT_FILE: '/ca.pem',
      AWS_ACCESS_KEY_ID: 'a',
      https_proxy: 'p',
      RESTIC_REPOSITORY: 'r',
      HOME: '/',
    };
    expect(readBackupEnvironment(given)).to.deep.equal({
      backends: { SSL_CERT_FILE: '/ca.pem', AWS_ACCESS_KEY_ID: 'a', https_proxy: 'p' },
    });
  });
});
