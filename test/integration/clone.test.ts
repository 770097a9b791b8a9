/** Clones and forks: what another zone is, and a machine of their own. */
import { existsSync } from 'node:fs';
import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { cloneZone } from '../../src/operations/clone-zone.js';
import { forkZone } from '../../src/operations/fork-zone.js';
import { imageDelete } from '../../src/operations/image-delete.js';
import { createSnapshot } from '../../src/operations/snapshot-create.js';
import { deleteSnapshot } from '../../src/operations/snapshot-delete.js';
import { makeHostKey } from '../../src/operations/ssh-host-keys.js';
import { outputOf } from '../helpers/cli.js';
import { givenHost } from '../helpers/given.js';
import { eventually, patience } from '../helpers/patience.js';
import { takePort } from '../helpers/ports.js';
import { expectNothingLeftNow } from '../helpers/snapshot.js';
import { sh } from '../helpers/temp-host.js';

describe('clones', function () {
  this.timeout(patience(180_000));
  const given = givenHost({ images: ['busybox'] });
  const context = async () => (await given.host.open()).context;
  const zone = async (name: string) => (await given.host.open()).zone(name);
  const layersLeft = () => readdir(join(given.host.root, 'layers')).catch(() => []);
  const upperOf = (name: string) => join(given.host.root, 'zones', name, 'rootfs/upper');

  it('of a stopped and of a running zone have its files, and are other machines', async () => {
    const host = await context();
    const port = await takePort();
    const web = await given.host.run({
      name: 'web',
      image: 'busybox',
      hostname: 'shop',
      memory: '64M',
      port: [`${port}:80`],
      net: 'bridge=default,mac=02:00:00:00:00:77',
    });
    await sh(web, 'echo data >/root/data; mkdir -p /var/lib/dbus; cp /etc/machine-id /var/lib/dbus/machine-id');
    const fromRunning = await cloneZone(host, { source: 'web', name: 'r1' });
    expect(fromRunning.notes.join()).to.include(`127.0.0.1:${port}:80`);
    expect(fromRunning.frozenMs).to.be.a('number');
    await web.stop();
    const fromStopped = await cloneZone(host, { source: 'web', name: 's1', change: { memory: '32M' } });
    expect([fromStopped.copiedBytes, fromStopped.frozenMs]).to.deep.equal([0, undefined]);
    await web.start();
    const looks: Record<string, string> = {};
    for (const name of ['web', 'r1', 's1']) {
      const one = await zone(name);
      if (name !== 'web') await one.start();
      expect(await sh(one, 'cat /root/data')).to.equal('data');
      looks[name] = await sh(
        one,
        'cat /etc/machine-id; cat /var/lib/dbus/machine-id; hostname; cat /sys/class/net/eth0/address; hostname -i',
      );
      await sh(one, `echo ${name} >/root/data`);
      expect(await sh(one, 'cat /root/data')).to.equal(name);
    }
    for (const line of [0, 1, 2, 3, 4]) {
      const values = Object.values(looks).map((text) => text.split('\n')[line]);
      expect(new Set(values).size, `${line}: ${values.join()}`).to.equal(3);
    }
    const [machineId, dbusId, hostname] = looks.r1?.split('\n') ?? [];
    expect([machineId, hostname]).to.deep.equal([dbusId, 'r1']);
    expect((await (await zone('s1')).inspect()).spec.memory).to.equal(32 << 20);
    const bases = await Promise.all(
      ['web', 'r1', 's1'].map(async (name) => (await (await zone(name)).inspect()).ids.base),
    );
    expect(new Set(bases).size).to.equal(3);
    await given.host.deleteZones();
    expect(await layersLeft()).to.deep.equal([]);
  });

  it('get ssh host keys of their own, of the kinds that were there', async () => {
    const host = await context();
    await (await given.host.open()).create({ name: 'ssh', image: 'busybox', net: 'none' });
    const directory = join(upperOf('ssh'), 'etc/ssh');
    await mkdir(directory, { recursive: true, mode: 0o750 });
    await chmod(directory, 0o750);
    for (const kind of ['ed25519', 'ecdsa']) {
      const { name, privateText, publicText } = makeHostKey(kind, 'root@ssh');
      await writeFile(join(directory, name), privateText, { mode: 0o600 });
      await writeFile(join(directory, `${name}.pub`), publicText);
    }
    await writeFile(join(directory, 'ssh_host_rsa_key'), 'old');
    await writeFile(join(directory, 'sshd_config'), 'x');
    const { notes } = await cloneZone(host, { source: 'ssh', name: 'ssh2' });
    expect(notes.join()).to.include('rsa');
    const same = await cloneZone(host, { source: 'ssh', name: 'twin', keepIdentity: true });
    expect(same.notes).to.deep.equal([]);
    const clone = await zone('ssh2');
    await clone.start();
    expect(await sh(clone, 'ls /etc/ssh; stat -c %a /etc/ssh /etc/ssh/ssh_host_ecdsa_key')).to.equal(
      'ssh_host_ecdsa_key\nssh_host_ecdsa_key.pub\nssh_host_ed25519_key\nssh_host_ed25519_key.pub\nsshd_config\n750\n600',
    );
    const source = await zone('ssh');
    await source.start();
    for (const kind of ['ed25519', 'ecdsa']) {
      const path = `/etc/ssh/ssh_host_${kind}_key`;
      const key = await given.host.file(`key-${kind}`, `${await sh(clone, `cat ${path}`)}\n`, 0o600);
      const told = (await sh(clone, `cat ${path}.pub`)).split(' ').slice(0, 2);
      expect((await outputOf('ssh-keygen', ['-y', '-f', key])).trim().split(' ').slice(0, 2)).to.deep.equal(told);
      expect((await sh(source, `cat ${path}.pub`)).split(' ')[1]).to.not.equal(told[1]);
    }
    const twin = await zone('twin');
    await twin.start();
    const identity = 'cat /etc/machine-id /etc/ssh/ssh_host_*_key';
    expect(await sh(twin, identity)).to.equal(await sh(source, identity));
    await given.host.deleteZones();
  });

  it('have what a sparse zone keeps in /usr/local, stopped, running and from a snapshot', async () => {
    const host = await context();
    const sparse = await given.host.run({ name: 'sparse', image: 'sparse', net: 'none' });
    await sh(sparse, 'echo one >/usr/local/mine');
    await createSnapshot(host, 'sparse', { name: 's' });
    await sh(sparse, 'echo two >/usr/local/mine');
    await cloneZone(host, { source: 'sparse', name: 'running' });
    await sparse.stop();
    await cloneZone(host, { source: 'sparse', name: 'stopped' });
    await cloneZone(host, { source: 'sparse', snapshot: 's', name: 'older' });
    const seen: string[] = [];
    for (const name of ['running', 'stopped', 'older']) {
      const one = await zone(name);
      await one.start();
      seen.push(await sh(one, 'cat /usr/local/mine; touch /usr/local/own'));
    }
    expect(seen).to.deep.equal(['two', 'two', 'one']);
    await given.host.ok(['snapshot', 'restore', 'sparse@s']);
    await sparse.start();
    expect(await sh(sparse, 'cat /usr/local/mine; ls /usr/local'))
      .to.include('one')
      .and.not.include('own');
    expect(await readdir(join(given.host.root, 'zones/sparse'))).to.not.include.members(['restoring', 'cloning']);
    await given.host.deleteZones();
    expect(await layersLeft()).to.deep.equal([]);
  });

  it('outlive their source and its snapshots, and the image they are made of', async () => {
    const host = await context();
    const source = await given.host.run({ name: 'source', image: 'busybox', net: 'none' });
    await sh(source, 'echo kept >/root/f');
    await createSnapshot(host, 'source', { name: 's' });
    await cloneZone(host, { source: 'source', snapshot: 's', name: 'child' });
    await cloneZone(host, { source: 'child', name: 'grandchild' });
    await deleteSnapshot(host, { zone: 'source', snapshot: 's' });
    await given.host.ok(['delete', '--force', 'source']);
    await (await zone('child')).delete();
    // What the child had written was its identity.
    expect((await layersLeft()).length).to.equal(2);
    const refused = await imageDelete(host, 'busybox').catch((error: unknown) => error);
    expect(refused).to.have.property('code', 'IMAGE_IN_USE');
    const grandchild = await zone('grandchild');
    await grandchild.start();
    expect(await sh(grandchild, 'cat /root/f')).to.equal('kept');
    await grandchild.delete({ force: true });
    expect(await layersLeft()).to.deep.equal([]);
  });

  it('are refused when the name is taken, or what they keep is', async () => {
    const host = await context();
    await (await given.host.open())
      .create({ name: 'one', image: 'busybox', net: 'bridge=default,ip=10.77.0.9/24' })
      .catch(() => {});
    await (await given.host.open()).create({ name: 'two', image: 'busybox', net: 'none' });
    const taken = await cloneZone(host, { source: 'two', name: 'two' }).catch((error: unknown) => error);
    expect(taken).to.have.property('code', 'ZONE_EXISTS');
    const missing = await cloneZone(host, { source: 'twoo', name: 'x' }).catch((error: unknown) => error);
    expect(missing).to.have.property('code', 'ZONE_NOT_FOUND');
    expect((await (await given.host.open()).list()).map(({ name }) => name)).to.not.include('x');
    await given.host.deleteZones();
  });

  it('share what they are made of: two hundred of them take little disk, and leave nothing', async () => {
    const host = await context();
    const source = await given.host.run({ name: 'many', image: 'busybox', net: 'none' });
    await sh(source, 'dd if=/dev/urandom of=/root/big bs=1M count=20 2>/dev/null');
    await source.stop();
    const before = await given.host.snapshot();
    const used = async () => Number((await outputOf('du', ['-sk', given.host.root])).split('\t')[0]);
    const usedBefore = await used();
    for (let at = 0; at < 200; at += 1) await cloneZone(host, { source: 'many', name: `c${at}` });
    expect((await used()) - usedBefore).to.be.lessThan(200 * 64);
    expect((await layersLeft()).length).to.equal(1);
    for (let at = 0; at < 200; at += 1) await (await zone(`c${at}`)).delete();
    // The source itself is made of one layer more.
    const plain = (line: string) => !/zones\/many\/(zone.json|rootfs)/.test(line);
    const without = { ...before, files: before.files.filter(plain) };
    const after = await given.host.snapshot();
    expect(after.files.filter(plain)).to.deep.equal(without.files);
    await given.host.deleteZones();
  });

  it('that are forked run at once, and with --rm leave nothing when they end', async () => {
    const host = await context();
    const source = await given.host.run({ name: 'parent', image: 'busybox', net: 'none' });
    await sh(source, 'echo here >/root/f');
    const before = await given.host.snapshot();
    const forked = await forkZone(host, { source: 'parent', ephemeral: true });
    const child = await zone(forked.name);
    expect(await sh(child, 'cat /root/f; hostname')).to.equal(`here\n${forked.name}`);
    await child.stop({ force: true });
    await eventually('it is deleted', async () => !existsSync(join(given.host.root, 'zones', forked.name)));
    await eventually('its layer is, too', async () => (await layersLeft()).length === 0);
    await expectNothingLeftNow(before, given.host.snapshotOptions);
    const failed = await given.host.cli(['fork', 'parent', 'bad', '--mount', '/nowhere:/x']);
    expect(failed.status).to.not.equal(0);
    expect(await layersLeft()).to.deep.equal([]);
    await expectNothingLeftNow(before, given.host.snapshotOptions);
    expect(await readFile(join(upperOf('parent'), 'root/f'), 'utf8')).to.equal('here\n');
    await given.host.deleteZones();
  });
});
