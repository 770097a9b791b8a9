import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { parseReference } from '../../../src/images/reference.js';
import { parseChallenges } from '../../../src/images/registry/challenge.js';
import { findCredentials } from '../../../src/images/registry/credentials.js';
import { isLoopback, proxyFor } from '../../../src/images/registry/proxy.js';
import { parseRegistryReference } from '../../../src/images/registry/reference.js';

describe('names of a registry', () => {
  const digest = `sha256:${'a'.repeat(64)}`;

  it('are taken apart, and have one form', () => {
    const cases: Readonly<Record<string, readonly [string, string, string, string]>> = {
      'docker.io/alpine': ['docker.io', 'library/alpine', 'latest', 'docker.io/alpine'],
      'docker.io/alpine:latest': ['docker.io', 'library/alpine', 'latest', 'docker.io/alpine'],
      'ghcr.io/a/b__c/d-e:v1.2': ['ghcr.io', 'a/b__c/d-e', 'v1.2', 'ghcr.io/a/b__c/d-e:v1.2'],
      'localhost/x': ['localhost', 'x', 'latest', 'localhost/x'],
      'registry:5000/x': ['registry:5000', 'x', 'latest', 'registry:5000/x'],
      '[::1]:5000/x': ['[::1]:5000', 'x', 'latest', '[::1]:5000/x'],
      [`127.0.0.1:5000/x:1@${digest}`]: ['127.0.0.1:5000', 'x', '1', `127.0.0.1:5000/x@${digest}`],
    };
    for (const [text, [host, repository, tag, name]] of Object.entries(cases)) {
      expect(parseRegistryReference(text), text).to.include({ host, repository, tag, name });
      expect(parseReference(text)).to.deep.equal({ name, tag: undefined });
      expect(parseRegistryReference(name)?.name, name).to.equal(name);
    }
  });

  it('are none without a host, and none that lead somewhere else', () => {
    const others = [
      'alpine',
      'alpine:3',
      'team/app',
      'docker.io/../x',
      'docker.io/A',
      'docker.io//x',
      'a.b/x/',
      'a.b/x:',
      'a.b/x@sha256:00',
    ];
    for (const text of [...others, 'user@a.b/x', 'a.b:123456/x', `a.b/${'x'.repeat(255)}`, 'a.b/x\n', 'a.b/x?y']) {
      expect(parseRegistryReference(text), text).to.equal(undefined);
    }
  });
});

describe('challenges of a registry', () => {
  it('are read with quotes, commas in them, and several schemes', () => {
    expect(
      parseChallenges('Bearer realm="https://a/t?x=1,2",service="r",scope="repository:a/b:pull,push"'),
    ).to.deep.equal([
      { scheme: 'bearer', parameters: { realm: 'https://a/t?x=1,2', service: 'r', scope: 'repository:a/b:pull,push' } },
    ]);
    expect(parseChallenges('Negotiate, Basic realm="a \\"b\\"", Bearer realm=x')).to.deep.equal([
      { scheme: 'negotiate', parameters: {} },
      { scheme: 'basic', parameters: { realm: 'a "b"' } },
      { scheme: 'bearer', parameters: { realm: 'x' } },
    ]);
    expect(parseChallenges('')).to.deep.equal([]);
    expect(parseChallenges('="",,,=')).to.deep.equal([]);
  });
});

describe('the proxy of a request', () => {
  const proxies = {
    http_proxy: 'http://p:1',
    HTTPS_PROXY: 'q:2',
    no_proxy: 'a.example, .b.example,c.example:8443,10.0.0.1',
  };
  const through = (url: string, given: Record<string, string> = proxies) => proxyFor(new URL(url), given)?.host;

  it('is that of the scheme, with exceptions, and never for this machine', () => {
    expect(through('http://x.example/')).to.equal('p:1');
    expect(through('https://x.example/')).to.equal('q:2');
    for (const host of ['a.example', 'x.a.example', 'b.example', 'x.b.example', 'c.example:8443', '10.0.0.1']) {
      expect(through(`https://${host}/`), host).to.equal(undefined);
    }
    for (const host of ['xa.example', 'c.example', '10.0.0.10'])
      expect(through(`https://${host}/`), host).to.equal('q:2');
    for (const host of ['localhost', '127.9.9.9', '[::1]'])
      expect(through(`https://${host}/`), host).to.equal(undefined);
    expect(through('http://x.example/', { HTTP_PROXY: 'http://evil:1' })).to.equal(undefined);
    expect(through('https://x.example/', { all_proxy: 'http://r:3' })).to.equal('r:3');
    expect(through('https://x.example/', { https_proxy: 'http://r:3', no_proxy: '*' })).to.equal(undefined);
  });

  it('knows this machine', () => {
    expect(['127.0.0.1', 'localhost', 'x.localhost', '[::1]'].every(isLoopback)).to.equal(true);
    expect(['128.0.0.1', 'localhost.example', '127.0.0.1.example', '[::2]'].some(isLoopback)).to.equal(false);
  });
});

describe('logins at registries', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'tszone-logins-'));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  function file(name: string, content: unknown): string {
    writeFileSync(join(directory, name), typeof content === 'string' ? content : JSON.stringify(content));
    return join(directory, name);
  }
  const auth = Buffer.from('me:a:b').toString('base64');

  it('are found under the names that docker and podman write', async () => {
    const me = { kind: 'password', username: 'me', password: 'a:b' };
    const files = [join(directory, 'none'), file('one', { auths: { 'other.example': { auth } } })];
    const two = file('two', {
      auths: { 'https://index.docker.io/v1/': { auth }, 'a.example': {}, 'b.example:5000': { auth } },
    });
    expect(await findCredentials({ host: 'docker.io' }, [...files, two])).to.deep.equal(me);
    expect(await findCredentials({ host: 'b.example:5000' }, [...files, two])).to.deep.equal(me);
    expect(await findCredentials({ host: 'b.example' }, [...files, two])).to.equal(undefined);
    expect(await findCredentials({ host: 'a.example' }, [...files, two])).to.equal(undefined);
  });

  it('may be for a part of a registry: the longest one counts', async () => {
    const login = (name: string) => ({ auth: Buffer.from(`${name}:p`).toString('base64') });
    const auths = { 'r.example/a/b': login('b'), 'r.example/a': login('a'), 'r.example': login('all') };
    const path = file('parts', { auths });
    const who = async (repository: string) => {
      const found = await findCredentials({ host: 'r.example', repository }, [path]);
      return found?.kind === 'password' ? found.username : undefined;
    };
    expect(await Promise.all(['a/b', 'a/b/c', 'a/x', 'ab', 'x/a/b'].map(who))).to.deep.equal([
      'b',
      'b',
      'a',
      'all',
      'all',
    ]);
  });

  it('that cannot be read are an error, and so is a helper that is a path', async () => {
    for (const content of ['{', { auths: { x: 1 } }, { credsStore: '../../bin/sh' }]) {
      const error = await findCredentials({ host: 'x' }, [file('bad', content)]).catch((reason: unknown) => reason);
      expect(error, JSON.stringify(content)).to.have.property('code', 'USAGE_BAD_ARGUMENT');
    }
  });
});
