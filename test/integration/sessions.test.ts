/** Zones outlive whoever started them: a terminal, a login session, a service. */
import { mkdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { expect } from 'chai';
import { program, startProgram } from '../helpers/cli.js';
import { givenHost } from '../helpers/given.js';
import { groupOfProcess } from '../helpers/observe.js';
import { eventually } from '../helpers/patience.js';
import { sh } from '../helpers/temp-host.js';
import { onTerminal } from '../helpers/terminal.js';

describe('a zone lives on', () => {
  const given = givenHost({ images: ['busybox'] });

  it('when the session that started it is killed as a whole', async () => {
    const { host } = given;
    await host.ok(['create', 'session', '--image', 'busybox']);
    const script = `${program.join(' ')} start session; echo started; exec sleep 1000`;
    const session = startProgram('setsid', ['sh', '-c', script], { env: host.env });
    await session.seen(/started/);
    // No leader of its group, setsid(1) need not fork; nor does the script any more, whose pids are looked for once.
    expect(await killSession(session.pid)).to.include(session.pid);
    await session.ended;
    const zone = await (await host.open()).zone('session');
    expect((await zone.status()).status).to.equal('running');
    expect(await sh(zone, 'hostname')).to.equal('session');
  });

  it('when the terminal of run -d is closed', async () => {
    const terminal = await onTerminal(given.host, ['run', '-d', '--name', 'closed', 'busybox']);
    expect(await terminal.ended).to.equal(0);
    const zone = await (await given.host.open()).zone('closed');
    expect(await sh(zone, 'hostname')).to.equal('closed');
  });

  it('when the service that started it is stopped: none of its processes is in the group of the service', async () => {
    const { host } = given;
    const { path } = await groupOfProcess(process.pid, 'pids');
    const service = `${path}/test-service-${process.pid}`;
    await mkdir(service);
    const members = async () =>
      (await readFile(`${service}/cgroup.procs`, 'utf8')).trim().split('\n').filter(Boolean).map(Number);
    const killMembers = async () => {
      for (const pid of await members()) process.kill(pid, 'SIGKILL');
    };
    try {
      const script = `echo $$ > ${service}/cgroup.procs; ${program.join(' ')} run -d --name service busybox; echo started; sleep 1000`;
      const running = startProgram('sh', ['-c', script], { env: host.env });
      await running.seen(/started/);
      const names = async () => {
        const all = (await members()).map((pid) => readFile(`/proc/${pid}/comm`, 'utf8').catch(() => ''));
        return (await Promise.all(all)).map((name) => name.trim()).toSorted();
      };
      // What has helped the command may still be on its way out.
      await eventually('the service sleeps, and nobody else is in its group', async () => {
        expect(await names()).to.deep.equal(['sh', 'sleep']);
        return true;
      });
      await killMembers();
      await running.ended;
      const zone = await (await host.open()).zone('service');
      expect(await sh(zone, 'hostname')).to.equal('service');
    } finally {
      await eventually('the group of the service is empty, and gone', async () => {
        await killMembers();
        await rmdir(service);
        return true;
      });
    }
  });

  it('when the node that is attached to it by run is killed, and it can be stopped later', async () => {
    const { host } = given;
    const cli = host.start(['run', '--name', 'attached', 'busybox', '--', 'sh', '-c', 'echo up; exec sleep 1000']);
    await cli.seen(/up/);
    cli.process.kill('SIGKILL');
    await cli.ended;
    const zone = await (await host.open()).zone('attached');
    expect((await zone.status()).status).to.equal('running');
    expect((await zone.stop()).status).to.be.a('number');
  });

  it('and a throw-away one, killed so, still deletes itself when it ends', async () => {
    const { host } = given;
    const go = await host.file('go', '');
    const script = 'echo up; while [ ! -s /go ]; do sleep 0.05; done';
    const options = ['--rm', '--name', 'thrown', '--mount', `${go}:/go`];
    const cli = host.start(['run', ...options, 'busybox', '--', 'sh', '-c', script]);
    await cli.seen(/up/);
    cli.process.kill('SIGKILL');
    await cli.ended;
    expect((await (await host.open()).list()).map(({ name }) => name)).to.include('thrown');
    await writeFile(go, 'x');
    await eventually(
      'it is gone',
      async () => !(await (await host.open()).list()).some(({ name }) => name === 'thrown'),
    );
  });

  it('a monitor that is killed takes its zone along, and the next start works', async () => {
    const { host } = given;
    const zone = await host.run({ name: 'orphan', image: 'busybox' });
    const before = await zone.inspect();
    const running = JSON.parse(await readFile(`${host.runRoot}/zones/orphan/running.json`, 'utf8')) as {
      monitorPid: number;
    };
    process.kill(running.monitorPid, 'SIGKILL');
    await eventually('it has ended', async () => (await zone.status()).status === 'stopped');
    await zone.start();
    const after = await zone.inspect();
    expect(after.addresses).to.deep.equal(before.addresses);
    expect(await sh(zone, 'ip addr show eth0 | grep -c "inet 10"')).to.equal('1');
  });
});

/** Every process of the session, as the end of a login does. @returns their pids */
async function killSession(leader: number): Promise<number[]> {
  const { stdout } = await startProgram('ps', ['-o', 'pid=', '--sid', String(leader)]).ended;
  const pids = stdout
    .split('\n')
    .map(Number)
    .filter((one) => one > 0);
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It ended by itself.
    }
  }
  return pids;
}
