/** Layered and archive templates: steps in zones, their cache, what is the same twice, what fails, and what is left then. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect } from 'chai';
import { givenHost } from '../helpers/given.js';
import { eventually } from '../helpers/patience.js';

interface Image {
  readonly layers: readonly string[];
  readonly sizeBytes: number;
  readonly config: Record<string, unknown>;
}

describe('templates of the user', () => {
  const given = givenHost({ ownImages: true });
  const host = () => given.host;

  before('a base', async () => {
    expect(await host().cli(['image', 'build', 'busybox'])).to.include({ status: 0 });
  });

  /** A folder with a template on busybox. */
  async function folder(name: string, template: object, files: Record<string, string> = {}): Promise<string> {
    const path = join(host().directory, `template-${name}`);
    await mkdir(path, { recursive: true });
    const whole = { templateVersion: 1, name, kind: 'layered', description: 'd', base: 'busybox', ...template };
    await writeFile(join(path, 'template.json'), JSON.stringify(whole));
    for (const [file, content] of Object.entries(files)) await writeFile(join(path, file), content);
    return path;
  }

  const build = (...args: string[]) => host().cli(['-o', 'json', 'image', 'build', ...args]);
  async function built(...args: string[]): Promise<Image> {
    const { status, stdout, stderr } = await build(...args);
    expect(status, stderr).to.equal(0);
    return JSON.parse(stdout) as Image;
  }
  async function refused(
    ...args: string[]
  ): Promise<{ code: string; message: string; context: Record<string, string> }> {
    const { status, stdout, stderr } = await build(...args);
    expect(status, stderr).to.not.equal(0);
    expect(stdout).to.equal('');
    return (JSON.parse(stderr) as { error: { code: string; message: string; context: Record<string, string> } }).error;
  }
  const run = (image: string, script: string) =>
    host().cli(['run', '--rm', '--net', 'none', image, '--', 'sh', '-c', script]);
  const leftZones = async () => (await host().cli(['list', '-q'])).stdout;
  const staged = async () =>
    (await readdir(join(host().root, 'images/layers'))).filter((name) => !name.startsWith('sha256-'));

  const steps = [
    {
      files: [
        { path: '/etc/motd', content: 'from a template\n' },
        { path: '/opt/tool', source: 'tool', mode: '0750', owner: '8:12' },
      ],
    },
    {
      run: 'rm /etc/shells; mkdir -p /srv/data; echo "$(cat /etc/motd)!" > /srv/data/copy; chown 33:33 /srv/data; rm -rf /etc/rc.d; mkdir /etc/rc.d',
    },
  ];

  it('become an image: files with owners and modes, what scripts write and remove, config and limits', async () => {
    const config = {
      env: { GREETING: 'hello' },
      cmd: ['sh', '-c', 'echo $GREETING'],
      limits: { memory: '64M', pids: 50 },
    };
    const path = await folder('whole', { steps, config }, { tool: '#!/bin/sh\necho tool\n' });
    const image = await built(path);
    expect(image.layers).to.have.length(3);
    const script =
      'cat /etc/motd; stat -c %a:%u:%g /opt/tool /srv/data /tmp; cat /srv/data/copy; ls /etc/shells /etc/rc.d 2>&1; cat /sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/pids.max 2>/dev/null';
    const { stdout } = await run('whole', script);
    expect(stdout.trim().split('\n')).to.deep.equal([
      'from a template',
      '750:8:12',
      '755:33:33',
      '1777:0:0',
      'from a template!',
      'ls: /etc/shells: No such file or directory',
      '/etc/rc.d:',
      '50',
    ]);
    expect((await host().cli(['run', '--rm', '--net', 'none', 'whole'])).stdout).to.equal('hello\n');
    expect(await host().cli(['create', 'bounded', '--image', 'whole', '--memory', '32M'])).to.include({ status: 0 });
    expect((await host().cli(['get', 'bounded', 'memory'])).stdout.trim()).to.match(/^(32M|33554432)$/);
    expect((await host().cli(['get', 'bounded', 'pids'])).stdout.trim()).to.equal('50');
    expect(await host().cli(['delete', 'bounded'])).to.include({ status: 0 });
  });

  it('are built from the cache, up to the first step that changed', async () => {
    const counted = (second: string) => [{ run: 'head -c 16 /dev/urandom > /one' }, { run: `echo ${second} > /two` }];
    const first = await built(await folder('cached', { steps: counted('a') }));
    expect((await built(await folder('cached', { steps: counted('a') }))).layers).to.deep.equal(first.layers);
    const second = await built(await folder('cached', { steps: counted('b') }));
    expect(second.layers.slice(1)).to.deep.equal(first.layers.slice(1));
    expect(second.layers[0]).to.not.equal(first.layers[0]);
    expect((await built(await folder('cached', { steps: counted('b') }), '--no-cache')).layers[1]).to.not.equal(
      first.layers[1],
    );
  });

  it('give the same digests when they are built again without the cache', async () => {
    const path = await folder('twice', { steps }, { tool: 'x' });
    const first = await built(path);
    await new Promise((resolve) => setTimeout(resolve, 1100));
    expect((await built(path, '--no-cache')).layers).to.deep.equal(first.layers);
  });

  it('tell what a step said when it fails, and leave the image as it was and nothing else', async () => {
    await built(await folder('broken', { steps: [{ run: 'echo good > /state' }] }));
    const path = await folder('broken', {
      steps: [{ run: 'echo worse > /state' }, { run: 'echo so it goes >&2; exit 3' }],
    });
    const error = await refused(path);
    expect(error.code).to.equal('IMAGE_BUILD_FAILED');
    expect(error.message).to.contain('status 3').and.to.contain('so it goes');
    expect((await run('broken', 'cat /state')).stdout).to.equal('good\n');
    expect(await leftZones()).to.equal('');
    expect(await staged()).to.deep.equal([]);
  });

  it('are not listed unless a zone of the image becomes healthy', async () => {
    const steps = [{ run: 'true' }];
    const cmd = ['sh', '-c', 'sleep 1; touch /tmp/up; exec sleep 1000'];
    const check = (command: string[], timeoutSeconds: number) => ({
      steps,
      config: { cmd },
      healthcheck: { command, timeoutSeconds },
    });
    await built(await folder('well', check(['test', '-e', '/tmp/up'], 300)));
    // The first try comes to its end, the second is cut off: what is told is what the first one said.
    const once = '[ -e /tmp/tried ] && sleep 1000; touch /tmp/tried; echo not yet; exit 1';
    const error = await refused(await folder('ill', check(['sh', '-c', once], 5)));
    expect(error.code).to.equal('IMAGE_BUILD_FAILED');
    expect(error.message).to.contain('ended with 1');
    expect(error.context.output).to.equal('not yet\n');
    const images = (await host().cli(['image', 'list', '-q'])).stdout.split('\n');
    expect(images).to.include('well').and.to.not.include('ill');
    expect(await leftZones()).to.equal('');
  });

  /** In the zone in which it waits. @returns what it says */
  const inSecondStep = (script: string) =>
    eventually('the second step runs', async () => {
      const [zone = ''] = /^build-\S+/.exec(await leftZones()) ?? [];
      const { status, stdout } = await host().cli(['exec', zone, '--', 'sh', '-c', `[ -e /waits ] && ${script}`]);
      return status === 0 && stdout;
    });

  /** The zone may end before whoever told it so has. */
  async function endSecondStep(): Promise<void> {
    await inSecondStep('true');
    await eventually('it goes on', async () => {
      const [zone] = /^build-\S+/.exec(await leftZones()) ?? [];
      return zone === undefined || (await host().cli(['exec', zone, '--', 'touch', '/go'])).status === 0;
    });
  }

  it('that are killed on the way leave no zone, and the next build goes on with what was done', async () => {
    const waits = 'touch /waits; until [ -e /go ]; do sleep 0.05; done; rm /waits /go; echo done > /two';
    const path = await folder('killed', { steps: [{ run: 'head -c 17 /dev/urandom > /one' }, { run: waits }] });
    const running = host().start(['image', 'build', path]);
    const one = await inSecondStep('md5sum /one').finally(() => running.process.kill('SIGKILL'));
    await running.ended;
    await eventually('the zone is gone', async () => (await leftZones()) === '');
    const again = host().start(['-o', 'json', 'image', 'build', path]);
    await endSecondStep().catch(() => again.process.kill('SIGKILL'));
    const { status, stdout, stderr } = await again.ended;
    expect(status, stderr).to.equal(0);
    expect((JSON.parse(stdout) as Image).layers).to.have.length(3);
    expect((await run('killed', 'md5sum /one; cat /two')).stdout).to.equal(`${one}done\n`);
    expect(await staged()).to.deep.equal([]);
  });

  it('are refused with what is wrong in them', async () => {
    const messageOf = async (template: object) => {
      const error = await refused(await folder('bad', template));
      expect(error.code).to.equal('TEMPLATE_INVALID');
      return error.message;
    };
    expect(await messageOf({ steps: [{ run: 'true', packages: ['a'] }] })).to.contain('exactly one');
    expect(await messageOf({ steps: [{ files: [{ path: '/a/../b', content: '' }] }] })).to.contain(
      'steps.0.files.0.path',
    );
    expect(await messageOf({ steps: [{ files: [{ path: '/a', source: '../../etc/shadow' }] }] })).to.contain('inside');
    expect(await messageOf({ steps: [{ files: [{ path: '/a', source: 'missing' }] }] })).to.contain('is not a file');
    expect(await messageOf({ steps: [{ packages: ['a; rm -rf /'] }] })).to.contain('is not a package');
    expect(await messageOf({ steps: [{ runs: 'x' }] })).to.contain('did you mean "run"');
    expect(await messageOf({ base: 'bad', steps: [{ run: 'true' }] })).to.contain('its own base');
    expect((await refused(await folder('bad', { base: 'nowhere', steps: [{ run: 'true' }] }))).code).to.equal(
      'IMAGE_NOT_FOUND',
    );
  });

  it('keep a layer that a cached step needs until the images are pruned', async () => {
    await built(await folder('pruned', { steps: [{ run: 'echo p > /p' }] }));
    expect(await host().cli(['image', 'prune'])).to.include({ status: 0 });
    await built(await folder('pruned', { steps: [{ run: 'echo p > /p' }] }));
    const count = async () => (await readdir(join(host().root, 'images/layers'))).length;
    const before = await count();
    expect(await host().cli(['image', 'delete', 'pruned'])).to.include({ status: 0 });
    expect(await count()).to.equal(before);
    expect(await host().cli(['image', 'prune'])).to.include({ status: 0 });
    expect(await count()).to.be.lessThan(before);
  });
});

describe('archive templates', () => {
  const own = givenHost({ ownImages: true });
  let archive: string;
  let digest: string;
  let server: Server;
  let address: string;

  before('a root as others pack it, and a server of it', async () => {
    const { host } = own;
    expect(await host.cli(['image', 'build', 'busybox'])).to.include({ status: 0 });
    archive = join(host.directory, 'root.tar');
    const layers = join(host.root, 'images/layers');
    const [layer = ''] = await readdir(layers);
    execFileSync('tar', ['-C', join(layers, layer), '-cf', archive, '.']);
    const bytes = await readFile(archive);
    digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
    server = createServer((request, response) => {
      if (request.url === '/moved') response.writeHead(302, { location: '/root.tar' }).end();
      else if (request.url === '/root.tar') response.end(bytes);
      else if (request.url === '/cut') {
        response.writeHead(200, { 'content-length': bytes.length });
        response.write(bytes.subarray(0, 100_000), () => response.destroy());
      } else response.writeHead(404).end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  after(() => server.close());

  const build = (...args: string[]) => own.host.cli(['-o', 'json', 'image', 'build', 'alpine', ...args]);
  async function codeOf(...args: string[]): Promise<string> {
    const { stderr, stdout } = await build(...args);
    expect(stdout).to.equal('');
    return (JSON.parse(stderr) as { error: { code: string } }).error.code;
  }

  it('take a file, with or without a digest, and an address with one', async () => {
    for (const args of [
      ['--from', archive],
      ['--from', archive, '--digest', digest],
      ['--from', `${address}/moved`, '--digest', digest],
    ])
      expect(await build(...args)).to.include({ status: 0 });
    const { stdout } = await own.host.cli(['run', '--rm', '--net', 'none', 'alpine', '--', 'busybox', 'echo', 'hello']);
    expect(stdout).to.equal('hello\n');
  });

  it('refuse what is not what was asked for, and leave nothing', async () => {
    const wrong = `sha256:${'0'.repeat(64)}`;
    expect(await codeOf()).to.equal('USAGE_BAD_ARGUMENT');
    expect(await codeOf('--from', `${address}/root.tar`)).to.equal('USAGE_BAD_ARGUMENT');
    expect(await codeOf('--from', archive, '--digest', wrong)).to.equal('IMAGE_ARCHIVE_INVALID');
    expect(await codeOf('--from', `${address}/root.tar`, '--digest', wrong)).to.equal('IMAGE_ARCHIVE_INVALID');
    expect(await codeOf('--from', `${address}/cut`, '--digest', digest)).to.equal('HOST_TOOL_FAILED');
    expect(await codeOf('--from', `${address}/none`, '--digest', digest)).to.equal('HOST_TOOL_FAILED');
    expect(await codeOf('--from', `${archive}.missing`)).to.equal('PATH_NOT_FOUND');
    const left = (await readdir(join(own.host.root, 'images/layers'))).filter((name) => !name.startsWith('sha256-'));
    expect(left).to.deep.equal([]);
  });
});
