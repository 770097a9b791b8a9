/** A Debian server as people have one: systemd starts its services, under what every zone is under, without a flag. */
import { expect } from 'chai';
import type { Zone } from '../../src/index.js';
import { aptInstall } from '../helpers/apt.js';
import { filtered, filtersIn } from '../helpers/filters.js';
import { givenHost } from '../helpers/given.js';
import { eventually, patience } from '../helpers/patience.js';
import { sh } from '../helpers/temp-host.js';

describe('a debian zone whose init is systemd', function () {
  this.timeout(patience(240_000));
  let zone: Zone;
  const given = givenHost(
    { images: ['./test/fixtures/templates/servers'], needs: ['mmdebstrap', 'unified'] },
    async (host) => {
      zone = await host.run({ name: 'srv', image: 'test-servers' });
      await booted();
      // At some moment of the day they take what apt-get locks.
      await sh(
        zone,
        'systemctl stop apt-daily.timer apt-daily-upgrade.timer apt-daily.service apt-daily-upgrade.service',
      );
    },
  );

  const booted = () =>
    eventually(
      'it has booted',
      async () => {
        const { stdout } = await zone.exec(['systemctl', 'is-system-running']);
        return /^(running|degraded)$/m.test(stdout);
      },
      90_000,
    );
  const asPostgres = (sql: string) => sh(zone, `su postgres -c 'psql -qAt -v ON_ERROR_STOP=1'`, { stdin: sql });

  it('boots, and nothing of it has failed', async () => {
    expect(await sh(zone, 'cat /proc/1/comm; systemctl is-system-running')).to.equal('systemd\nrunning');
    expect(await sh(zone, 'systemctl --failed --no-legend')).to.equal('');
    expect(filtersIn(await sh(zone, 'cat /proc/1/status'))).to.deep.equal(filtered);
  });

  it('apt installs a service, which is started', async () => {
    await aptInstall(zone, 'cron', patience(100_000));
    expect(await sh(zone, 'systemctl is-active cron; systemctl is-enabled cron')).to.equal('active\nenabled');
  });

  it('postgres is made, keeps what it is told over a restart, and is told more', async () => {
    await sh(zone, 'pg_createcluster 15 main && systemctl start postgresql@15-main', { timeoutMs: patience(60_000) });
    await asPostgres("create table kept (id serial primary key, what text); insert into kept (what) values ('one');");
    await sh(zone, 'systemctl restart postgresql@15-main');
    await asPostgres("insert into kept (what) select 'n' || n from generate_series(2, 1000) n;");
    expect(await asPostgres('select count(*), min(what) from kept;')).to.equal('1000|n10');
  });

  it('nginx serves a page to the host', async () => {
    await sh(zone, 'echo from the zone > /var/www/html/page');
    expect(await sh(zone, 'systemctl is-active nginx')).to.equal('active');
    const [address] = (await zone.inspect()).addresses;
    const answer = await fetch(`http://${address}/page`);
    expect([answer.status, await answer.text()]).to.deep.equal([200, 'from the zone\n']);
  });

  it('node has threads, files and sockets', async () => {
    const script = `
      const { Worker } = require('worker_threads');
      const fs = require('fs');
      const http = require('http');
      new Worker('require("worker_threads").parentPort.postMessage(6 * 7)', { eval: true }).on('message', (sum) => {
        fs.writeFileSync('/tmp/sum', String(sum));
        const server = http.createServer((_, response) => response.end(fs.readFileSync('/tmp/sum')));
        server.listen(0, () => http.get({ port: server.address().port }, (answer) => {
          answer.on('data', (chunk) => { console.log(String(chunk)); server.close(); });
        }));
      });`;
    expect(await sh(zone, 'node -', { stdin: script })).to.equal('42');
  });

  it('gdb breaks into a program that is running, and lets it go on', async () => {
    await sh(zone, `systemd-run -q --unit ticks sh -c 'while :; do sleep 0.1; echo tick; done'`);
    const said = await sh(
      zone,
      `gdb -q -batch -p $(systemctl show -P MainPID ticks) -ex 'break write' -ex continue -ex bt -ex delete -ex detach`,
    );
    expect(said).to.match(/Breakpoint 1, .*write/);
    const ticks = async () => Number(await sh(zone, 'journalctl -u ticks -o cat | grep -c tick || :'));
    const before = await ticks();
    await eventually('it goes on', async () => (await ticks()) > before);
    await sh(zone, 'systemctl stop ticks');
  });

  it('none of them was refused what it asked for', async () => {
    expect(await sh(zone, 'systemctl --failed --no-legend')).to.equal('');
    const complaints = (await sh(zone, 'journalctl -b -o cat'))
      .split('\n')
      .filter((line) => /not permitted|not implemented|access.?denied/i.test(line))
      // CAP_SYS_RESOURCE is not every host's to give.
      .filter((line) => !line.includes('Failed to set fd limit'));
    expect(complaints).to.deep.equal([]);
  });

  it('has a number of groups that it cannot exceed, and can change no limit of its own', async () => {
    const groups = `cd $(grep -q . /sys/fs/cgroup/cgroup.procs 2>/dev/null && echo /sys/fs/cgroup || echo /sys/fs/cgroup/unified)`;
    const make = `${groups}; i=0; while mkdir full-$i 2>/tmp/why && [ $i -lt 2000 ]; do i=$((i+1)); done; cat /tmp/why; rmdir full-*; echo $i`;
    const said = await sh(zone, make);
    expect(said).to.match(/Resource temporarily unavailable/);
    expect(Number(said.split('\n').at(-1))).to.be.within(300, 512);
    for (const file of ['cgroup.max.descendants', 'cgroup.freeze', '../cgroup.procs']) {
      const { exitCode } = await zone.exec(['sh', '-c', `${groups} && echo 1 > ${file}`]);
      expect(exitCode, file).to.not.equal(0);
    }
  });

  it('stops in order when it is told to, and starts again with what it had', async () => {
    const host = given.host;
    // As long as it takes: what it is not is killed.
    const stopped = await host.ok(['stop', '--stop-timeout', `${patience(100_000)}ms`, 'srv']);
    expect(stopped).to.equal('zone "srv" is stopped\n');
    expect(await host.ok(['logs', 'srv'])).to.match(/Reached target.*System Shutdown/);
    await host.ok(['start', 'srv']);
    await booted();
    expect(await asPostgres('select count(*) from kept;')).to.equal('1000');
  });

  it('is refused where there are no groups to give it', async () => {
    const create = ['create', 'odd', '--image', 'test-servers'];
    for (const flags of [
      ['--userns', 'host'],
      ['--net', 'host'],
    ]) {
      await given.host.ok([...create, ...flags]);
      const { status, stderr } = await given.host.cli(['-o', 'json', 'start', 'odd']);
      expect(status).to.equal(5);
      expect(stderr)
        .to.match(/HOST_FEATURE_MISSING/)
        .and.match(/needs cgroups of its own/);
      await given.host.ok(['delete', 'odd']);
    }
  });
});
