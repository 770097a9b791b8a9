/** `image pull` from a registry that encrypts, through a proxy: who the registry is has to be proved. */
import { once } from 'node:events';
import { mkdir, readFile, rm, rmdir, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import { outputOf } from '../helpers/cli.js';
import { type FakeRegistry, fakeRegistry } from '../helpers/fake-registry.js';
import { givenHost } from '../helpers/given.js';
import { rawTar } from '../helpers/tar.js';

/** A name that nobody has: only the proxy leads there. */
const name = `registry-${process.pid}.test`;
const authorities = `/etc/containers/certs.d/${name}`;

describe('image pull from a registry that encrypts, through a proxy', () => {
  let registry: FakeRegistry;
  let proxy: Server;
  let certificate: string;
  const sockets = new Set<Socket>();
  const asked: string[] = [];
  const given = givenHost({ ownImages: true }, async (host) => {
    const [key, cert] = [join(host.directory, 'key.pem'), join(host.directory, 'cert.pem')];
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
    const subject = ['-subj', `/CN=${name}`, '-addext', `subjectAltName=DNS:${name}`];
    await outputOf('openssl', ['req', '-x509', ...curve, ...subject, '-keyout', key, '-out', cert]);
    certificate = await readFile(cert, 'utf8');
    registry = await fakeRegistry({ key: await readFile(key, 'utf8'), cert: certificate });
    registry.image('1', [gzipSync(rawTar({ name: 'etc/', type: '5' }, { name: 'etc/a', content: 'a' }))]);
    proxy = createServer().on('connect', ({ url, headers }, socket: Socket) => {
      asked.push(`${url} ${headers['proxy-authorization'] ?? ''}`);
      sockets.add(socket);
      socket.on('error', () => undefined);
      if (headers['proxy-authorization'] === undefined) {
        socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n');
        return;
      }
      const port = Number(registry.host.split(':').at(-1));
      const onward = connect(port, '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n');
        onward.pipe(socket).pipe(onward);
      });
      onward.on('error', () => socket.destroy());
      sockets.add(onward);
    });
    proxy.listen(0, '127.0.0.1');
    await once(proxy, 'listening');
  });
  after(async () => {
    await rm(authorities, { recursive: true, force: true });
    await rmdir(join(authorities, '..')).catch(() => undefined);
    for (const socket of sockets) socket.destroy();
    proxy?.close();
    await registry?.[Symbol.asyncDispose]();
  });

  const pull = async (image: string, { login = 'u:p@', flags = [] }: { login?: string; flags?: string[] } = {}) => {
    const https_proxy = `http://${login}127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    const { status, stderr } = await given.host.cli(['-o', 'json', 'image', 'pull', image, ...flags], {
      env: { https_proxy },
    });
    if (status === 0) return 'pulled';
    const { error } = JSON.parse(stderr.trim().split('\n').at(-1) ?? '') as {
      error: { code: string; message: string };
    };
    expect(await given.host.json(['image', 'list'])).to.deep.equal([]);
    return `${error.code} ${error.message}`;
  };

  it('is refused while nobody says that its certificate is to be trusted', async () => {
    expect(await pull(`${name}/app:1`)).to.match(/^REGISTRY_UNREACHABLE .*self.signed certificate/);
    expect(registry.requests).to.deep.equal([]);
  });

  it('is refused by a proxy that wants to know who we are', async () => {
    expect(await pull(`${name}/app:1`, { login: '' })).to.match(/^REGISTRY_UNREACHABLE .*407/);
  });

  it('works with the authority that docker and podman trust for it, and with no other name', async () => {
    await mkdir(authorities, { recursive: true });
    await writeFile(join(authorities, 'ca.crt'), certificate);
    expect(await pull(`${name}/app:1`)).to.equal('pulled');
    expect(asked.at(-1)).to.equal(`${name}:443 Basic ${Buffer.from('u:p').toString('base64')}`);
    await given.host.ok(['image', 'delete', `${name}/app:1`]);
    // The same server under another name, with the same authority.
    const other = `other-${name}`;
    await mkdir(join(authorities, '..', other));
    try {
      await writeFile(join(authorities, '..', other, 'ca.crt'), certificate);
      expect(await pull(`${other}/app:1`)).to.match(/^REGISTRY_UNREACHABLE .*(altnames|does not match)/);
    } finally {
      await rm(join(authorities, '..', other), { recursive: true, force: true });
    }
  });

  it('works unproved with --insecure', async () => {
    await rm(authorities, { recursive: true, force: true });
    expect(await pull(`${name}/app:1`, { flags: ['--insecure'] })).to.equal('pulled');
  });
});
