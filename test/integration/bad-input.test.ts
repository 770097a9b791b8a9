/** What goes wrong is said clearly: code, hint and exit status, for people and as JSON, and nothing is left behind. */

import { once } from 'node:events';
import { chmod, cp, mkdir } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Zone } from '../../src/index.js';
import { type CliResult, entry, outputOf, runProgram, startCli } from '../helpers/cli.js';
import { givenHost } from '../helpers/given.js';
import { mountSmallDisk } from '../helpers/small-disk.js';
import { expectNothingLeftNow, type Snapshot } from '../helpers/snapshot.js';

interface ErrorJson {
  readonly error: {
    readonly code: string;
    readonly message: string;
    readonly hint: string;
    readonly exitStatus: number;
    readonly context: Readonly<Record<string, unknown>>;
  };
}

describe('bad input', () => {
  let running: Zone;
  let before: Snapshot;
  const given = givenHost({ images: ['busybox'] }, async (host) => {
    running = await host.run({ name: 'running', image: 'busybox', net: 'none' });
    await host.ok(['create', 'stopped', '--image', 'busybox', '--net', 'none']);
    before = await host.snapshot();
  });

  /** Code, exit status, what the message and the hint have to say. */
  const cases: readonly (readonly [string, readonly string[], string, number, RegExp, RegExp])[] = [
    ['an unknown command', ['craete', 'x'], 'USAGE_UNKNOWN_COMMAND', 2, /"craete"/, /"tszone create"/],
    ['no name', ['start'], 'USAGE_BAD_ARGUMENT', 2, /ZONE/, /--help/],
    [
      'an unknown flag',
      ['create', 'x', '--image', 'busybox', '--memroy', '1G'],
      'USAGE_UNKNOWN_FLAG',
      2,
      /"--memroy"/,
      /"--memory"/,
    ],
    ['an unknown flag of set', ['set', 'stopped', '--memry', '1G'], 'USAGE_UNKNOWN_FLAG', 2, /"--memry"/, /"--memory"/],
    ['an unknown setting', ['get', 'stopped', 'memry'], 'SPEC_INVALID', 2, /memory/, /memory/],
    [
      'a bad size',
      ['create', 'x', '--image', 'busybox', '--memory', '12Q'],
      'SPEC_INVALID',
      2,
      /"memory".*512M.*12Q/,
      /\w/,
    ],
    ['a negative size', ['create', 'x', '--image', 'busybox', '--memory=-1'], 'SPEC_INVALID', 2, /"memory"/, /\w/],
    ['a tiny size', ['create', 'x', '--image', 'busybox', '--memory', '1K'], 'SPEC_INVALID', 2, /less than 1M/, /\w/],
    ['a bad number of CPUs', ['create', 'x', '--image', 'busybox', '--cpus', '0'], 'SPEC_INVALID', 2, /"cpus"/, /\w/],
    ['a bad name', ['create', 'Not_A/Name', '--image', 'busybox'], 'SPEC_INVALID', 2, /"name"/, /\w/],
    ['a name that climbs', ['create', '../up', '--image', 'busybox'], 'SPEC_INVALID', 2, /"name"/, /\w/],
    ['a long name', ['create', 'a'.repeat(64), '--image', 'busybox'], 'SPEC_INVALID', 2, /63/, /\w/],
    ['a bad port', ['create', 'x', '--image', 'busybox', '-p', '99999:80'], 'SPEC_INVALID', 2, /"port/, /\w/],
    ['a bad mount', ['create', 'x', '--image', 'busybox', '--mount', 'relative:/x'], 'SPEC_INVALID', 2, /"mount/, /\w/],
    [
      'a mount of nothing',
      ['create', 'x', '--image', 'busybox', '--mount', '/no/such:/x'],
      'PATH_NOT_FOUND',
      3,
      /"\/no\/such"/,
      /mkdir/,
    ],
    ['a bad signal', ['kill', '-s', 'NOPE', 'running'], 'USAGE_BAD_ARGUMENT', 2, /NOPE/, /TERM/],
    ['a bad format', ['list', '-o', 'xml'], 'USAGE_BAD_ARGUMENT', 2, /xml/, /\w/],
    ['an image that there is not', ['create', 'x', '--image', 'busybx'], 'IMAGE_NOT_FOUND', 3, /"busybx"/, /busybox/],
    [
      'an image that may not be built',
      ['create', 'x', '--image', 'debian:sid', '--pull', 'never'],
      'IMAGE_NOT_FOUND',
      3,
      /debian:sid/,
      /image build/,
    ],
    ['a zone that there is not', ['start', 'stoped'], 'ZONE_NOT_FOUND', 3, /"stoped"/, /"stopped"/],
    ['an archive that there is not', ['image', 'import', '/no/such.tar'], 'PATH_NOT_FOUND', 3, /no\/such\.tar/, /\w/],
    [
      'a network that there is not',
      ['create', 'x', '--image', 'busybox', '--net', 'bridge=lab'],
      'NETWORK_NOT_FOUND',
      3,
      /"lab"/,
      /network create/,
    ],
    [
      'create of what exists',
      ['create', 'stopped', '--image', 'busybox'],
      'ZONE_EXISTS',
      4,
      /"stopped" exists/,
      /delete stopped/,
    ],
    ['start of what runs', ['start', 'running'], 'ZONE_RUNNING', 4, /zone "running" is running/, /\w/],
    [
      'delete of what runs',
      ['delete', 'running'],
      'ZONE_RUNNING',
      4,
      /zone "running" is running/,
      /tszone stop running.*--force/,
    ],
    [
      'rename of what runs',
      ['rename', 'running', 'other'],
      'ZONE_RUNNING',
      4,
      /zone "running" is running/,
      /tszone stop running/,
    ],
    [
      'kill in what is stopped',
      ['kill', 'stopped'],
      'ZONE_NOT_RUNNING',
      4,
      /zone "stopped" is not running/,
      /tszone start stopped/,
    ],
    ['pause of what is stopped', ['pause', 'stopped'], 'ZONE_NOT_RUNNING', 4, /not running/, /tszone start stopped/],
    ['resume of what is not paused', ['resume', 'running'], 'ZONE_STATE', 4, /not paused/, /tszone/],
    [
      'a wait that ends unmet',
      ['wait', '--for', 'stopped', '--timeout', '100ms', 'running'],
      'WAIT_TIMEOUT',
      8,
      /\w/,
      /\w/,
    ],
    [
      'a CPU that there is not',
      ['run', '-d', '--cpuset', '900', 'busybox'],
      'SPEC_INVALID',
      125,
      /names CPU 900/,
      /\w/,
    ],
    [
      'exec in what is stopped',
      ['exec', 'stopped', '--', 'true'],
      'ZONE_NOT_RUNNING',
      125,
      /zone "stopped" is not running/,
      /tszone start stopped/,
    ],
    ['exec of nothing', ['exec', 'running'], 'USAGE_BAD_ARGUMENT', 125, /COMMAND/, /\w/],
    [
      'exec as nobody known',
      ['exec', '-u', 'no-such-user', 'running', '--', 'true'],
      '',
      125,
      /no-such-user|user/,
      /\w/,
    ],
    [
      'run of an unknown flag',
      ['run', '--memroy', '1G', 'busybox'],
      'USAGE_UNKNOWN_FLAG',
      125,
      /"--memroy"/,
      /"--memory"/,
    ],
    ['run of an image that there is not', ['run', 'busybx'], 'IMAGE_NOT_FOUND', 125, /"busybx"/, /busybox/],
  ];

  for (const [what, args, code, status, message, hint] of cases) {
    it(`${what} is ${code === '' ? 'an error' : code}, exit status ${status}`, async () => {
      const [people, json] = await Promise.all([
        given.host.cli(args),
        given.host.cli(['-o', 'json', ...withoutFormat(args)]),
      ]);
      expect(people.status, people.stderr).to.equal(status);
      expect(people.stdout).to.equal('');
      expect(people.stderr).to.match(/^error: [^\n]+\nhint: [^\n]+\n$/);
      if (args.includes('xml')) return;
      const { error } = JSON.parse(json.stderr) as ErrorJson;
      expect(json.status).to.equal(status);
      if (code !== '') expect(error.code).to.equal(code);
      expect(error.message).to.match(message);
      expect(error.message)
        .to.match(/^["a-z0-9]/)
        .and.not.match(/\.$|\n/);
      expect(error.hint).to.match(hint);
      expect(people.stderr).to.include(error.hint);
    });
  }

  const withoutFormat = (args: readonly string[]) => (args.includes('-o') ? args.slice(0, -2) : args);

  it('all issues of a spec are named at once', async () => {
    const args = ['create', 'Bad', '--image', 'busybox', '--memory', 'x', '--cpus', 'y', '--umask', '9', '-o', 'json'];
    const { error } = JSON.parse((await given.host.cli(args)).stderr) as ErrorJson;
    const issues = error.context.issues as { path: string }[];
    expect(issues.map(({ path }) => path).toSorted()).to.deep.equal(['cpus', 'memory', 'name', 'umask']);
  });

  it('delete of what is not there is no error, and a note names the nearest zone', async () => {
    const { status, stderr } = await given.host.cli(['delete', 'stoped']);
    expect([status, stderr]).to.deep.equal([0, 'note: there is no zone "stoped"; did you mean "stopped"?\n']);
  });

  it('control characters of a zone or of an argument are not printed to the terminal', async () => {
    const { stderr } = await given.host.cli(['start', 'evil\u001b[2Jname']);
    expect(stderr).not.to.include('\u001b');
  });

  it('a port of a program of the host is refused', async () => {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const { status, stderr } = await given.host.cli(['-o', 'json', 'run', '-d', '-p', `${port}:80`, 'busybox']);
    expect([status, (JSON.parse(stderr) as ErrorJson).error.code]).to.deep.equal([125, 'PORT_IN_USE']);
    server.close();
  });

  it('and nothing of all this is left', async () => {
    expect((await running.status()).status).to.equal('running');
    await given.host.cli(['network', 'delete', 'default']);
    await expectNothingLeftNow(before, given.host.snapshotOptions);
    expect(await given.host.ok(['list', '-q'])).to.equal('running\nstopped\n');
  });
});

describe('a corrupt archive', () => {
  const given = givenHost({ ownImages: true });
  let before: Snapshot;

  it('of any kind is refused, and no image is made', async () => {
    const { host } = given;
    const source = await host.file('source');
    await host.file('source/file', 'x'.repeat(100_000));
    await outputOf('tar', ['-C', source, '-cf', join(host.directory, 'good.tar'), '.']);
    await outputOf('sh', [
      '-c',
      `cd ${host.directory}; gzip -k good.tar; head -c 5000 good.tar > cut.tar; head -c 150 good.tar.gz > cut.tar.gz`,
    ]);
    await host.file('noise.tar', Buffer.from(Array.from({ length: 20_000 }, (_, index) => (index * 7919) % 251)));
    await host.file('empty.tar', '');
    before = await host.snapshot();
    for (const name of ['cut.tar', 'cut.tar.gz', 'noise.tar', 'empty.tar']) {
      const result = await host.cli(['-o', 'json', 'image', 'import', join(host.directory, name)]);
      expect(result.status, name + result.stderr).to.equal(2);
      expect((JSON.parse(result.stderr) as ErrorJson).error.code, name).to.equal('IMAGE_ARCHIVE_INVALID');
    }
    expect(await host.ok(['image', 'list', '-q'])).to.equal('');
    await expectNothingLeftNow(before, host.snapshotOptions);
    const layers = await outputOf('find', [join(host.root, 'images'), '-mindepth', '2', '-path', '*layers*']);
    expect(layers).to.equal('');
  });
});

describe('a full disk', () => {
  const given = givenHost();

  it('is said to be full, with exit status 6, and nothing is left on it', async () => {
    const root = await given.host.file('small');
    const runRoot = await given.host.file('small-run');
    const disk = await mountSmallDisk(root, 8);
    try {
      const env = { TSZONE_ROOT: root, TSZONE_RUN_ROOT: runRoot };
      const zone = await startCli(['-o', 'json', 'create', 'small', '--image', 'sparse', '--net', 'none'], { env })
        .ended;
      expect(zone.status, zone.stderr).to.equal(0);
      await outputOf('sh', ['-c', `head -c 20000000 /dev/zero > ${root}/fill || true`]);
      const results: CliResult[] = [];
      for (const args of [
        ['create', 'big', '--image', 'sparse', '--net', 'none'],
        ['image', 'build', 'busybox'],
        ['set', 'small', '--description', 'x'.repeat(20_000)],
        ['start', 'small'],
      ]) {
        results.push(await startCli(['-o', 'json', ...args], { env }).ended);
      }
      for (const { status, stderr } of results.slice(0, 3)) {
        expect((JSON.parse(stderr) as ErrorJson).error.code).to.equal('RESOURCE_DISK_FULL');
        expect(status).to.equal(6);
      }
      const start = results[3];
      if (start?.status !== 0) expect(start?.status, start?.stderr).to.equal(6);
      await outputOf('rm', [`${root}/fill`]);
      const list = JSON.parse((await startCli(['-o', 'json', 'list'], { env }).ended).stdout) as { name: string }[];
      expect(list.map(({ name }) => name)).to.deep.equal(['small']);
      expect((await startCli(['delete', '--force', 'small'], { env }).ended).status).to.equal(0);
      const left = await outputOf('find', [
        join(root, 'zones'),
        join(root, 'journal'),
        join(root, 'locks'),
        '-mindepth',
        '1',
      ]);
      expect(left).to.equal('');
    } finally {
      await disk.unmount();
    }
  });
});

describe('without root', () => {
  const given = givenHost();

  it('every command but help and version says so, with exit status 9', async () => {
    const copy = await given.host.file('copy');
    await mkdir(join(copy, 'bin'));
    await chmod(given.host.directory, 0o755);
    const project = join(entry, '../..');
    for (const name of ['bin', 'dist', 'package.json'])
      await cp(join(project, name), join(copy, name), { recursive: true, dereference: true });
    const asNobody = (args: readonly string[]) =>
      runProgram('setpriv', [
        '--reuid=65534',
        '--regid=65534',
        '--clear-groups',
        process.execPath,
        join(copy, 'bin/tszone.js'),
        ...args,
      ]);
    for (const args of [
      ['list'],
      ['create', 'x', '--image', 'sparse'],
      ['start', 'x'],
      ['delete', 'x'],
      ['network', 'list'],
      ['image', 'list'],
    ]) {
      const { status, stderr } = await asNobody([...args, '-o', 'json']);
      expect(status, `${args.join(' ')}: ${stderr}`).to.equal(9);
      expect((JSON.parse(stderr) as ErrorJson).error).to.include({ code: 'NOT_ROOT', exitStatus: 9 });
    }
    expect((await asNobody(['exec', 'x', 'true'])).status).to.equal(125);
    expect((await asNobody(['list'])).stderr).to.match(/sudo/);
    expect((await asNobody(['--help'])).status).to.equal(0);
    expect((await asNobody(['version'])).status).to.equal(0);
  });
});
