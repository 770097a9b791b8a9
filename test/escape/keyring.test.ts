/** Keyrings are inherited through fork and exec, and have no namespace: whoever starts a zone or an exec has one. */
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect } from 'chai';
import { helperPath } from '../../src/helper/index.js';
import { execAltered, startAltered } from '../helpers/altered-zone.js';
import { attackProgram } from '../helpers/attack-programs.js';
import { givenHost } from '../helpers/given.js';
import { sh } from '../helpers/temp-host.js';

/** add_key(2), keyctl(2) and its KEYCTL_JOIN_SESSION_KEYRING, x86_64. */
const [addKey, keyctl, joinSession] = [248, 250, 1];
const session = -3;

describe('A key of the session in which a zone is started, or entered', () => {
  const given = givenHost({ needs: ['gcc', 'x86_64'] });
  const look = `($type, $name, $text) = ("user", "tszone-test", "\\0" x 64);
    $key = syscall(${keyctl}, 10, ${session}, $type, $name, 0);
    $length = $key > 0 ? syscall(${keyctl}, 11, $key, $text, 64) : -1;
    print $length > 0 ? substr($text, 0, $length) : "nothing", "\\n"`;
  const attack = ['perl', '-e', look];

  /** The helper, from a session of its own that has the key. */
  async function helper(...tamper: readonly string[]): Promise<string> {
    const path = join(await given.host.file('programs'), `with-key-${tamper.length}`);
    const key = `($type, $name, $text) = ("user", "tszone-test", "a secret"); syscall(${keyctl}, ${joinSession}, 0);
      syscall(${addKey}, $type, $name, $text, 8, ${session}) > 0 or die; exec @ARGV`;
    const words = ['perl', '-e', key, ...tamper, helperPath()];
    await writeFile(path, `#!/bin/sh\nexec ${words.map((word) => `'${word}'`).join(' ')} "$@"\n`);
    await chmod(path, 0o755);
    return path;
  }

  /** What is found by the zone's first program, and by an exec. `first` is run in the zone between the two. */
  async function found(program: string, first = 'true'): Promise<string[]> {
    const spec = { name: 'finds', image: 'sparse', seccomp: 'unconfined' };
    const command = ['sh', '-c', `"$@" > /tmp/found; sleep 1000`, 'sh', ...attack];
    await using zone = await startAltered(given.host, { ...spec, command }, { program });
    const started = await sh(zone, 'until [ -s /tmp/found ]; do sleep 0.05; done; cat /tmp/found');
    await sh(zone, first);
    const exec = await execAltered(given.host, 'finds', attack, { program });
    const said = exec.stdout === null ? '' : await text(exec.stdout);
    await exec.expect('exited');
    return [started, said.trim()];
  }

  it('is not found by the zone', async () => {
    expect(await found(await helper())).to.deep.equal(['nothing', 'nothing']);
  });

  it('nor where the zone has used up what keys it may have', async () => {
    // By a process that stays, as it would leave room for one when it ends: for the keyring that it has of its own.
    const fill = `perl -e 'fork and exit; close $_ for STDIN, STDOUT, STDERR; ($type, $text) = ("user", "x" x 90);
      for $size (90, 9, 1) { 1 while $n++ < 50000 && ($name = "$n") && syscall(${addKey}, $type, $name, $text, $size, -4) > 0 }
      mkdir "/tmp/full"; sleep 1000'; until [ -e /tmp/full ]; do sleep 0.05; done`;
    expect(await found(await helper(), fill)).to.deep.equal(['nothing', 'nothing']);
  });

  it('gets through without keyctl(JOIN_SESSION_KEYRING)', async () => {
    const tamper = [await attackProgram('tamper'), 'skip', String(keyctl), `0=${joinSession}`, '--'];
    expect(await found(await helper(...tamper))).to.deep.equal(['a secret', 'a secret']);
  });
});
