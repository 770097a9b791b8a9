/** What backups may go to on another machine, played on this one: `rest:` by rclone, `sftp:` by dropbear. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { outputOf, type RunningCli, startProgram } from './cli.js';
import { letLoopsGo } from './loop-mounts.js';
import { eventually } from './patience.js';
import { takePort } from './ports.js';

export interface BackupServer extends AsyncDisposable {
  /** As `--to` has it. */
  readonly repository: string;
  readonly data: string;
  /** Put in front of a command line that uses it. */
  readonly wrapper: readonly string[];
  /** From here on nobody answers. */
  stop(): Promise<void>;
}

export async function restServer(directory: string): Promise<BackupServer> {
  const data = join(directory, 'rest');
  const port = await takePort();
  mkdirSync(data);
  const settings = ['--config', '/dev/null', '--cache-objects=false', '--addr', `127.0.0.1:${port}`];
  const server = await serve('rclone', ['serve', 'restic', ...settings, '--user', 'u', '--pass', 'p', data], port);
  return { repository: `rest:http://u:p@127.0.0.1:${port}/web/`, data, wrapper: [], ...server };
}

/**
 * dropbear and OpenSSH's sftp-server, with keys of their own. The server has a home of its own in a mount namespace of its own, the client
 * one in which ssh knows that server and that key: nothing of root's own ssh is touched.
 */
export async function sftpServer(directory: string): Promise<BackupServer> {
  const base = join(directory, 'sftp');
  const data = join(base, 'data');
  mkdirSync(data, { recursive: true });
  const [host, user, known, config] = ['host', 'user', 'known', 'config'].map((name) => join(base, name));
  await outputOf('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', user ?? '']);
  const said = await outputOf('dropbearkey', ['-t', 'ed25519', '-f', host ?? '']);
  const port = await takePort();
  writeFileSync(known ?? '', `[127.0.0.1]:${port} ${/^ssh-ed25519 \S+/m.exec(said)?.[0]}\n`);
  const settings = [
    `IdentityFile ${user}`,
    `UserKnownHostsFile ${known}`,
    'GlobalKnownHostsFile /dev/null',
    'BatchMode yes',
  ];
  writeFileSync(config ?? '', `${settings.join('\n')}\n`);
  const script = `${letLoopsGo}; mount -t tmpfs -o mode=700 none /root && mkdir -m 700 /root/.ssh && cp "$1" /root/.ssh/authorized_keys && cd / &&
    exec dropbear -F -E -m -j -k -s -P "$2" -r "$3" -p "127.0.0.1:$4"`;
  const words = ['-m', 'sh', '-c', script, 'sh', `${user}.pub`, join(base, 'pid'), host ?? '', String(port)];
  const server = await serve('unshare', words, port);
  const wrapper = ['unshare', '-m', 'sh', '-c', `mount --bind ${config} /etc/ssh/ssh_config && exec "$0" "$@"`];
  return { repository: `sftp://root@127.0.0.1:${port}/${data}/web`, data, wrapper, ...server };
}

async function serve(name: string, args: readonly string[], port: number) {
  const server: RunningCli = startProgram(name, args);
  await eventually(`${name} answers`, () => answers(port));
  const stop = async () => {
    server.process.kill('SIGKILL');
    await server.ended;
  };
  return { stop, [Symbol.asyncDispose]: stop };
}

function answers(port: number): Promise<boolean> {
  return new Promise((done) => {
    const socket = connect(port, '127.0.0.1')
      .once('connect', () => done(socket.destroy() !== undefined))
      .once('error', () => done(false));
  });
}
