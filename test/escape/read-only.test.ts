/** Read-only that comes undone: by remount, umount, bind, and mounts that travel. The attempts by themselves are in zone-isolation.test.ts. */
import { execFile } from 'node:child_process';
import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import {
  type Alter,
  hostsCapabilities,
  startAltered,
  withoutUserNamespace,
  withoutWord,
} from '../helpers/altered-zone.js';
import { attackMount } from '../helpers/attack-programs.js';
import { givenHost } from '../helpers/given.js';
import { eventually } from '../helpers/patience.js';
import { sh } from '../helpers/temp-host.js';

const run = promisify(execFile);
const treeFlag = (word: string) => withoutWord('tree.open', 'flags', word);
const altered = (enter?: Alter) => (enter === undefined ? {} : { enter });

describe('A read-only mount is made writable by the zone’s root', () => {
  const given = givenHost({ images: ['busybox'] });
  const attack = async (enter?: Alter) => {
    const source = await given.host.file('fixed');
    await writeFile(join(source, 'file'), 'stays\n');
    const spec = { name: 'undoes', image: 'busybox', mount: [`${source}:/fixed:ro`], capAdd: ['ALL' as const] };
    await using zone = await startAltered(given.host, spec, altered(enter));
    await zone.exec(['sh', '-c', 'mount -o remount,bind,rw /fixed; echo evil > /fixed/file']);
    return await readFile(join(source, 'file'), 'utf8');
  };

  it('it stays as it is', async () => {
    expect(await attack()).to.equal('stays\n');
  });

  it('gets through without "locked" in tree.open', async () => {
    expect(await attack(treeFlag('locked'))).to.equal('evil\n');
  });
});

describe('The host’s /usr of a sparse zone is made writable', () => {
  const given = givenHost();
  // Says it of the mount alone: nothing of the host's is written.
  const attack = async (enter?: Alter) => {
    await using zone = await startAltered(given.host, { name: 'sparse', image: 'sparse' }, altered(enter));
    await zone.exec(['mount', '-o', 'remount,bind,rw', '/usr']);
    return await sh(zone, 'awk \'$5 == "/usr" { print $6 }\' /proc/self/mountinfo | tail -1 | cut -d, -f1');
  };

  it('it stays read-only', async () => {
    expect(await attack()).to.equal('ro');
  });

  it('gets through without "locked" in tree.open, to a mount whose files are still nobody’s', async () => {
    expect(await attack(treeFlag('locked'))).to.equal('rw');
  });
});

describe('A mask or a read-only path of /proc is taken off', () => {
  const given = givenHost({ images: ['busybox'] });
  const attack = async (enter?: Alter, spec = {}) => {
    await using zone = await startAltered(
      given.host,
      { name: 'masks', image: 'busybox', ...hostsCapabilities, ...spec },
      altered(enter),
    );
    // What is there already is written.
    const script = `umount /proc/sys /proc/sysrq-trigger /proc/kcore /proc/keys; mount -o remount,rw /proc/sys
      for f in /proc/sys/kernel/core_pattern /proc/sys/kernel/panic /proc/sys/vm/drop_caches; do
        value=$(cat $f); { echo "\${value:-0}" > $f; } && echo "wrote $f"
      done
      head -c 64 /proc/kcore | wc -c`;
    return (await zone.exec(['sh', '-c', `(${script}) 2>/dev/null`])).stdout.trim();
  };

  it('what is below belongs to ids that the zone does not have', async () => {
    expect(await attack()).to.equal('0');
  });

  it('gets through without "user" in ns.flags', async () => {
    expect(await attack(withoutUserNamespace)).to.match(/^wrote \/proc\/sys\/kernel\/core_pattern$/m);
  });
});

describe('A mount that a zone makes appears on the host', () => {
  const given = givenHost({ images: ['busybox'], needs: ['gcc', 'x86_64'] });
  const attack = async (enter?: Alter, tamper?: readonly string[]) => {
    const place = await given.host.file('shared');
    await run('mount', ['--bind', place, place]);
    try {
      await run('mount', ['--make-shared', place]);
      await given.host.file('shared/inner');
      const spec = { name: 'mounts', image: 'busybox', mount: [`${place}:/shared`], ...hostsCapabilities };
      await using zone = await startAltered(given.host, spec, {
        ...altered(enter),
        ...(tamper === undefined ? {} : { tamper }),
      });
      await sh(zone, 'mount -t tmpfs evil /shared/inner');
      return (await readFile('/proc/self/mountinfo', 'utf8')).includes(`${place}/inner`);
    } finally {
      // The zone's own mounts of it go with its namespace, which may take a moment longer than the zone.
      await eventually('it is unmounted', async () => (await run('umount', ['-R', place])) !== undefined);
      await rm(place, { recursive: true });
    }
  };

  it('it does not', async () => {
    expect(await attack()).to.equal(false);
  });

  it('nor does it with one protection less: "locked", "user", or what mount_setattr says', async () => {
    expect(await attack(treeFlag('locked'))).to.equal(false);
    expect(await attack(undefined, ['private'])).to.equal(false);
  });

  it('gets through without MS_PRIVATE in mount_setattr and "locked" in tree.open', async () => {
    expect(await attack(treeFlag('locked'), ['private'])).to.equal(true);
  });
});

describe('A set-uid program on a shared mount', () => {
  const given = givenHost({ images: ['busybox'], needs: ['gcc'] });
  /** One zone makes it, another one's ordinary user runs it. */
  const attack = async (enter?: Alter) => {
    const place = await given.host.file('tools', undefined, 0o755);
    await using maker = await given.host.run({
      name: 'maker',
      image: 'busybox',
      net: 'none',
      mount: [`${place}:/tools`, await attackMount('euid')],
      command: ['sleep', '1000'],
    });
    await sh(maker, 'cp /attack/euid /tools/euid && chmod 4755 /tools/euid');
    await using user = await startAltered(
      given.host,
      { name: 'user', image: 'busybox', mount: [`${place}:/tools`] },
      altered(enter),
    );
    return await sh(user, '/tools/euid', { user: '1000' });
  };

  it('gives nobody anything in a zone', async () => {
    expect(await attack()).to.equal('1000');
  });

  it('gets through without "nosuid" in tree.open, inside of that zone', async () => {
    expect(await attack(treeFlag('nosuid'))).to.equal('0');
  });

  it('nor on the host, as long as only root can enter the directory above it', async () => {
    const { mode } = await stat(given.host.directory);
    expect(mode & 0o077).to.equal(0);
    const program = join(given.host.directory, 'tools/euid');
    const user = run('setpriv', ['--reuid=65533', '--regid=65533', '--clear-groups', 'sh', '-c', 'exec "$0"', program]);
    expect(
      await user.then(
        () => 'ran',
        (error: { stderr: string }) => error.stderr,
      ),
    ).to.match(/denied/i);
    expect(await readdir(join(given.host.directory, 'tools'))).to.deep.equal(['euid']);
  });
});
