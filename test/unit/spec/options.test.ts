import { expect } from 'chai';
import { parseZoneOptions, type ZoneOptions, zoneOptionsOf } from '../../../src/spec/index.js';

describe('zoneOptionsOf', () => {
  const specs: Readonly<Record<string, Omit<ZoneOptions, 'name' | 'image'>>> = {
    'of defaults alone': {},
    'with all that has a form of its own': {
      hostname: 'a.example',
      memory: '512M',
      swap: '1G',
      cpus: 0.5,
      cpuWeight: 50,
      cpuset: '0-1,3',
      pids: 64,
      env: { A: '1', B: 'x=y' },
      user: 'www:33',
      workdir: '/srv',
      init: 'tiny',
      command: ['sh', '-c', 'echo "hi"'],
      capAdd: ['NET_ADMIN'],
      capDrop: ['CHOWN'],
      userns: '100000:65536,shared',
      sysctl: { 'net.core.somaxconn': '7' },
      seccomp: '/etc/profile.json',
      umask: '027',
      ulimit: ['nofile=10:20', 'core=unlimited'],
      tmpfs: ['/tmp:1M', '/run'],
      mount: ['/a:/b', '/c:/d:ro'],
      device: ['/dev/fuse:r'],
      net: ['bridge=default,ip=10.0.0.5,mac=02:00:00:00:00:01,mtu=1400', 'bridge=lab,name=lan0,ip6=fd00::5'],
      port: ['8080:80', '0.0.0.0:53:53/udp', '[::1]:81:80'],
      dns: ['9.9.9.9'],
      personality: 'linux32',
      restart: 'on-failure:3',
      stopTimeout: '1500ms',
      stopSignal: 'USR1',
      autostart: 'last',
      label: { a: 'b' },
      description: 'a text',
      protect: ['delete'],
    },
    'with the network of the host': { net: 'host' },
    'without a network': { net: 'none', restart: 'always' },
  };
  for (const [what, options] of Object.entries(specs)) {
    it(`gives back a spec ${what}`, () => {
      const spec = parseZoneOptions({ name: 'web', image: 'busybox', ...options });
      const text = JSON.stringify(zoneOptionsOf(spec));
      expect(parseZoneOptions(JSON.parse(text) as ZoneOptions)).to.deep.equal(spec);
    });
  }
});
