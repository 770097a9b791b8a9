import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';

/** The script where nothing is installed, apt says no so many times, or as long as it is asked for all lists, and pauses take no time. */
function setUp(failures: number, lacksList = false) {
  const directory = mkdtempSync(join(tmpdir(), 'tszone-setup-'));
  const program = (name: string, script: string) =>
    writeFileSync(join(directory, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  const log = join(directory, 'log');
  program('dpkg-query', 'exit 1');
  program('id', 'echo 0');
  program('sleep', `echo "sleep $*" >>${log}`);
  program(
    'apt-get',
    `echo "$1" >>${log}; case "${lacksList} $*" in true*Error-Mode=any*) exit 100;; esac; left=$(cat ${directory}/left); [ "$left" -eq 0 ] || { echo $((left - 1)) >${directory}/left; exit 100; }`,
  );
  writeFileSync(join(directory, 'left'), String(failures));
  try {
    const { status } = spawnSync('sh', ['scripts/setup-debian.sh'], {
      encoding: 'utf8',
      env: { PATH: `${directory}:/usr/bin:/bin` },
    });
    return { status, did: existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n') : [] };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

describe('setting a Debian up', () => {
  it('updates and installs once where nothing fails', () => {
    expect(setUp(0)).to.deep.equal({ status: 0, did: ['update', 'install'] });
  });

  it('begins again, lists included, when apt has failed', () => {
    const once = ['update', 'sleep 5', 'update', 'install'];
    expect(setUp(1)).to.deep.equal({ status: 0, did: once });
    expect(setUp(3)).to.deep.include({ status: 0 });
  });

  it('takes what lists there are where one is never to be had', () => {
    const { status, did } = setUp(0, true);
    expect(status).to.equal(0);
    expect(did.filter((what) => what === 'update')).to.have.length(5);
    expect(did.at(-1)).to.equal('install');
  });

  it('fails as apt does when that goes on', () => {
    const { status, did } = setUp(100);
    expect(status).to.equal(100);
    expect(did.filter((what) => what === 'update')).to.have.length(5);
  });
});
