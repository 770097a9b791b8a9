/** Images of other engines, and for them: made and read by skopeo, umoci and buildah, kept by Debian's docker-registry. */
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { outputOf, runProgram } from '../helpers/cli.js';
import { type DockerRegistry, startDockerRegistry } from '../helpers/docker-registry.js';
import { sha256 } from '../helpers/fake-registry.js';
import { givenHost } from '../helpers/given.js';
import { eventually, patience } from '../helpers/patience.js';
import { podmanIn, podmanRun, requires } from '../helpers/requires.js';
import { rawTar } from '../helpers/tar.js';
import type { TempHost } from '../helpers/temp-host.js';
import { describeTree } from '../helpers/trees.js';

interface ImageJson {
  readonly layers: readonly string[];
  readonly directories: readonly string[];
  readonly config: Readonly<Record<string, unknown>>;
}

/** Others' groups go while they are looked through, and what podman has left may still be on its way out. @returns whether none is left */
async function removeGroups(name: string): Promise<boolean> {
  const found = ['/sys/fs/cgroup', '-depth', '-type', 'd', '-path', `*/${name}*`];
  await runProgram('find', [...found, '-delete']);
  return (await runProgram('find', found)).stdout === '';
}

describe('images of other engines', function () {
  this.timeout(patience(120_000));
  let registry: DockerRegistry;
  let env: Record<string, string>;
  let app = '';
  const given = givenHost(
    { ownImages: true, needs: ['skopeo', 'umoci', 'buildah', 'docker-registry', 'busybox'] },
    async (host) => {
      registry = await startDockerRegistry(await host.file('registry'));
      env = { DOCKER_CONFIG: registry.loginDirectory };
      app = `${registry.host}/team/app:1`;
      await makeApp(host);
    },
  );
  after(async () => registry?.[Symbol.asyncDispose]());

  const path = (name: string) => join(given.host.directory, name);

  /** Two layers by umoci: the second takes a file and the content of a directory away. */
  async function makeApp(host: TempHost): Promise<void> {
    const layout = join(host.directory, 'layout');
    const image = `${layout}:app`;
    const bundle = join(host.directory, 'bundle');
    const root = join(bundle, 'rootfs');
    await outputOf('umoci', ['init', '--layout', layout]);
    await outputOf('umoci', ['new', '--image', image]);
    await outputOf('umoci', ['unpack', '--image', image, bundle]);
    for (const name of ['bin', 'etc', 'd']) mkdirSync(join(root, name));
    cpSync('/bin/busybox', join(root, 'bin/busybox'));
    for (const name of ['sh', 'cat', 'ls', 'id', 'touch']) symlinkSync('busybox', join(root, 'bin', name));
    writeFileSync(join(root, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\nme:x:7:8::/:/bin/sh\n');
    writeFileSync(join(root, 'etc/gone'), 'old');
    writeFileSync(join(root, 'd/low'), 'low');
    await outputOf('umoci', ['repack', '--image', image, bundle]);
    rmSync(bundle, { recursive: true });
    await outputOf('umoci', ['unpack', '--image', image, bundle]);
    rmSync(join(root, 'etc/gone'));
    rmSync(join(root, 'd'), { recursive: true });
    mkdirSync(join(root, 'd'));
    writeFileSync(join(root, 'd/new'), 'new');
    await outputOf('umoci', ['repack', '--image', image, bundle]);
    const config = [
      '--config.entrypoint',
      '/bin/sh',
      '--config.entrypoint',
      '-c',
      '--config.cmd',
      'ls /d /etc; id -u; echo $FOO; pwd',
    ];
    const more = [
      '--config.env',
      'FOO=bar',
      '--config.user',
      'me',
      '--config.workingdir',
      '/etc',
      '--config.volume',
      '/d',
    ];
    await outputOf('umoci', ['config', '--image', image, ...config, ...more]);
    const to = ['--dest-tls-verify=false', '--dest-creds', 'u:p'];
    await outputOf('skopeo', ['copy', '-q', ...to, `oci:${image}`, `docker://${app}`]);
  }

  it('run by their names: pulled with the login of docker, and as their config says', async () => {
    const refused = await given.host.cli(['-o', 'json', 'run', '--rm', app]);
    expect(JSON.parse(refused.stderr)).to.have.nested.property('error.code', 'REGISTRY_AUTH_FAILED');
    const { status, stdout, stderr } = await given.host.cli(['run', '--rm', app], { env });
    expect(status, stderr).to.equal(0);
    expect(stdout.split(/\s+/).filter(Boolean)).to.include.members(['new', 'passwd', '7', 'bar', '/etc']);
    expect(stdout).to.not.match(/gone|low/);
    // What is here needs no login.
    expect(await given.host.ok(['run', '--rm', app, '--', 'echo given'])).to.equal('given\n');
    expect(await given.host.ok(['run', '--rm', '--entrypoint', '/bin/cat', app, '--', '/d/new'])).to.equal('new');
    const never = await given.host.cli([
      '-o',
      'json',
      'create',
      'x',
      '--pull',
      'never',
      '--image',
      `${registry.host}/no`,
    ]);
    expect(JSON.parse(never.stderr)).to.have.nested.property('error.code', 'IMAGE_NOT_FOUND');
  });

  it('have volumes that can be written in a root that cannot', async () => {
    const script = 'touch /d/x && ! touch /etc/x 2>/dev/null && echo right';
    expect(await given.host.ok(['run', '--rm', '--read-only', '--user', '0', app, '--', script])).to.equal('right\n');
  });

  it('are in use while a zone is made of them', async () => {
    await given.host.ok(['create', 'user', '--image', app]);
    const { stderr } = await given.host.cli(['-o', 'json', 'image', 'delete', app]);
    expect(JSON.parse(stderr)).to.have.nested.property('error.code', 'IMAGE_IN_USE');
    await given.host.ok(['delete', 'user']);
  });

  it('go out as a layout and come back as the same layers, by whichever way', async () => {
    const { layers, config } = await given.host.json<ImageJson>(['image', 'inspect', app]);
    await given.host.ok(['image', 'export', app, path('out')]);
    await given.host.ok(['image', 'export', '--compression', 'zstd', app, path('out.tar')]);
    await outputOf('skopeo', ['copy', '-q', `oci:${path('out')}:1`, `docker-archive:${path('saved.tar')}:app:latest`]);
    await outputOf('skopeo', ['copy', '-q', `oci-archive:${path('out.tar')}:1`, `dir:${path('dir')}`]);
    await outputOf('umoci', ['unpack', '--image', `${path('out')}:1`, path('by-umoci')]);
    const tree = await describeTree(path('by-umoci/rootfs'));
    expect(tree.some((line) => line.startsWith('d/new '))).to.equal(true);
    expect(tree.some((line) => /^(d\/low|etc\/gone) /.test(line))).to.equal(false);
    await given.host.ok(['image', 'delete', app]);
    for (const [name, source] of [
      ['one', 'out'],
      ['two', 'out.tar'],
      ['three', 'saved.tar'],
      ['four', 'layout'],
    ] as const) {
      await given.host.ok(['image', 'import', name, path(source)]);
      const found = await given.host.json<ImageJson>(['image', 'inspect', name]);
      expect([found.layers, found.config], source).to.deep.equal([layers, config]);
    }
    const exported = readFileSync(path('out.tar'));
    const { status } = await given.host.cli(['image', 'import', 'five', '-'], { input: exported });
    expect(status).to.equal(0);
    expect(readdirSync(join(given.host.root, 'images/layers')).length).to.equal(layers.length);
  });

  it('are refused by name where something is there already, or is no whole image', async () => {
    const code = async (...args: string[]) =>
      (JSON.parse((await given.host.cli(['-o', 'json', 'image', ...args])).stderr) as { error: { code: string } }).error
        .code;
    expect(await code('export', 'one', path('out'))).to.equal('USAGE_BAD_ARGUMENT');
    expect(await code('export', 'one', path('nowhere/out'))).to.equal('PATH_NOT_FOUND');
    expect(await code('export', 'nothing', path('new'))).to.equal('IMAGE_NOT_FOUND');
    expect(await code('import', 'one', path('out'))).to.equal('IMAGE_EXISTS');
    expect(await code('import', 'six', path('bundle'))).to.equal('IMAGE_ARCHIVE_INVALID');
    expect(readdirSync(given.host.directory).filter((name) => name.endsWith('.tmp'))).to.deep.equal([]);
  });

  it('say which one where there are several', async () => {
    await outputOf('umoci', ['tag', '--image', `${path('layout')}:app`, 'same']);
    await given.host.ok(['image', 'import', 'several', path('layout')]);
    await outputOf('umoci', ['config', '--image', `${path('layout')}:app`, '--tag', 'other', '--config.env', 'A=b']);
    const { stderr } = await given.host.cli(['-o', 'json', 'image', 'import', '--force', 'several', path('layout')]);
    expect(JSON.parse(stderr)).to.have.nested.property('error.code', 'USAGE_BAD_ARGUMENT');
    await given.host.ok(['image', 'import', '--force', 'several', path('layout'), '--ref', 'other']);
  });

  it('of ours are read by buildah, and those of buildah by us', async () => {
    const store = ['--storage-driver', 'vfs', '--root', path('store'), '--runroot', path('run-store')];
    const stored = `containers-storage:[vfs@${path('store')}+${path('run-store')}]localhost/app:1`;
    await outputOf('skopeo', ['copy', '-q', `oci:${path('out')}:1`, stored]);
    const ours = await outputOf('buildah', [...store, 'inspect', '--type', 'image', 'localhost/app:1']);
    expect(ours).to.contain('FOO=bar');
    const container = (await outputOf('buildah', [...store, 'from', '--name', 'c', 'scratch'])).trim();
    await outputOf('buildah', [...store, 'copy', '-q', container, '/bin/busybox', '/bin/sh']);
    await outputOf('buildah', [...store, 'config', '--cmd', 'sh -c "echo built"', container]);
    await outputOf('buildah', [...store, 'commit', '-q', container, `oci:${path('built')}:v2`]);
    await given.host.ok(['image', 'import', 'built', path('built')]);
    expect(await given.host.ok(['run', '--rm', 'built'])).to.equal('built\n');
  });

  const podman = (...args: string[]) => outputOf('podman', [...podmanIn(path('podman')), ...args]);

  it('of ours are loaded by podman under their names', async function () {
    requires('podman').call(this);
    await given.host.ok(['image', 'build', 'busybox']);
    for (const name of ['busybox', 'one']) {
      const archive = path(`${name}-loaded.tar`);
      await given.host.ok(['image', 'export', name, archive]);
      expect(await podman('load', '-q', '-i', archive)).to.contain(`localhost/${name}:latest`);
    }
  });

  it('of ours are run by podman, as their config says', async function () {
    requires('podman', 'podman-runs').call(this);
    const group = `tszone-test-${process.pid}`;
    const run = (...args: string[]) => podman(...podmanRun(group), ...args);
    try {
      const seen = await run('localhost/busybox:latest', 'sh', '-c', 'busybox | head -1; ls -ld /tmp');
      expect(seen)
        .to.match(/^BusyBox /)
        .and.contain('drwxrwxrwt');
      expect((await run('localhost/one:latest')).split(/\s+/)).to.include.members(['new', 'passwd', '7', 'bar']);
    } finally {
      await podman('rm', '--all', '--force');
      await eventually('its groups can be removed', () => removeGroups(group));
    }
  });

  it('are known to be damaged when a file of theirs has changed or is gone', async () => {
    const verify = async () => given.host.cli(['-o', 'json', 'image', 'verify', 'one']);
    const verdicts = JSON.parse((await verify()).stdout) as { verdict: string }[];
    expect(verdicts.map(({ verdict }) => verdict)).to.deep.equal(['ok', 'ok']);
    const { directories } = await given.host.json<ImageJson>(['image', 'inspect', 'one']);
    const file = join(directories[0] ?? '', 'd/new');
    for (const damage of [() => writeFileSync(file, 'bad'), () => rmSync(file)]) {
      damage();
      const { status, stderr } = await verify();
      expect([status, JSON.parse(stderr)]).to.have.nested.property('[1].error.code', 'IMAGE_DAMAGED');
      expect(stderr).to.contain('"damaged"').and.contain('"one"');
    }
  });

  it('of as many layers as there may be run', async () => {
    const layers = Array.from({ length: 126 }, (_, index) =>
      rawTar({ name: `f${index}`, content: `${index}` }, { name: 'last', content: `${index}` }),
    );
    const busybox = rawTar({ name: 'bin/sh', mode: 0o755, content: readFileSync('/bin/busybox') });
    const all = [busybox, ...layers];
    mkdirSync(path('many/blobs/sha256'), { recursive: true });
    const blob = (content: Buffer, mediaType: string) => {
      writeFileSync(path(`many/blobs/sha256/${sha256(content).slice(7)}`), content);
      return { mediaType, digest: sha256(content), size: content.length };
    };
    const config = { architecture: 'amd64', os: 'linux', rootfs: { type: 'layers', diff_ids: all.map(sha256) } };
    const manifest = {
      schemaVersion: 2,
      config: blob(Buffer.from(JSON.stringify(config)), 'application/vnd.oci.image.config.v1+json'),
      layers: all.map((layer) => blob(layer, 'application/vnd.oci.image.layer.v1.tar')),
    };
    const manifests = [blob(Buffer.from(JSON.stringify(manifest)), 'application/vnd.oci.image.manifest.v1+json')];
    writeFileSync(path('many/oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
    writeFileSync(path('many/index.json'), JSON.stringify({ schemaVersion: 2, manifests }));
    await given.host.ok(['image', 'import', 'many', path('many')]);
    const script = 'read a </f0; read b </f125; read c </last; echo $a $b $c';
    for (const flags of [[], ['--read-only']]) {
      expect(await given.host.ok(['run', '--rm', ...flags, 'many', '--', '/bin/sh', '-c', script])).to.equal(
        '0 125 125\n',
      );
    }
  });
});
