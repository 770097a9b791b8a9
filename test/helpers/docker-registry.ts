/** Debian's docker-registry on this machine, where user "u" with password "p" may do everything. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startProgram } from './cli.js';
import { eventually } from './patience.js';
import { takePort } from './ports.js';

export interface DockerRegistry extends AsyncDisposable {
  readonly host: string;
  /** For DOCKER_CONFIG: holds the login. */
  readonly loginDirectory: string;
}

/** bcrypt of "p". */
const htpasswd = 'u:$2y$05$0bxlZAB2Es9RzVgxtqnJWue8VTvLapV0UctCJ1.CzqRbAhi9xqKt6\n';

export async function startDockerRegistry(directory: string): Promise<DockerRegistry> {
  const port = await takePort();
  const host = `127.0.0.1:${port}`;
  mkdirSync(join(directory, 'login'), { recursive: true });
  writeFileSync(join(directory, 'htpasswd'), htpasswd);
  const auths = { [host]: { auth: Buffer.from('u:p').toString('base64') } };
  writeFileSync(join(directory, 'login/config.json'), JSON.stringify({ auths }));
  const settings = {
    version: 0.1,
    log: { level: 'error', accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: join(directory, 'data') } },
    http: { addr: host },
    auth: { htpasswd: { realm: 'test', path: join(directory, 'htpasswd') } },
  };
  // JSON is YAML, too.
  writeFileSync(join(directory, 'settings.yml'), JSON.stringify(settings));
  const server = startProgram('docker-registry', ['serve', join(directory, 'settings.yml')]);
  await eventually('the registry answers', async () => (await fetch(`http://${host}/v2/`)).status === 401);
  return {
    host,
    loginDirectory: join(directory, 'login'),
    [Symbol.asyncDispose]: async () => {
      server.process.kill('SIGKILL');
      await server.ended;
    },
  };
}
