/** Pools that are files, where /dev has no node of a loop device: so it is in a container, whatever the kernel has. */
import { expect } from 'chai';
import { program, runProgram } from '../helpers/cli.js';
import { givenHost } from '../helpers/given.js';
import { letLoopsGo } from '../helpers/loop-mounts.js';

/** In a mount namespace with a /dev of its own, as a container has it. */
const withPlainDev = `
  ${letLoopsGo}
  plain=$(mktemp -d) && mount -t tmpfs -o mode=755 dev $plain
  for name in null zero full random urandom tty; do cp -a /dev/$name $plain; done
  mkdir $plain/shm $plain/pts && mount --bind /dev/pts $plain/pts && mount -t tmpfs shm $plain/shm
  ln -s /proc/self/fd $plain/fd && ln -s pts/ptmx $plain/ptmx
  mount --move $plain /dev && rmdir $plain`;

describe('a pool that is a file, in a /dev without loop devices', () => {
  const given = givenHost({ images: ['busybox'], needs: ['loop', 'btrfs'] });

  const inContainer = (...script: readonly string[]) =>
    runProgram('unshare', ['--mount', 'sh', '-ec', [withPlainDev, ...script].join('\n'), 'sh', ...program], {
      env: given.host.env,
    });

  it('has the nodes that it needs, no more than the kernel has, and its zones run', async () => {
    const { status, stdout, stderr } = await inContainer(
      'ls /dev | grep -c loop || true',
      '"$@" pool create files --driver loop',
      '"$@" pool create tree --driver btrfs --size 256M',
      'for pool in files tree; do "$@" run --rm --net none --pool $pool busybox -- hostname >/dev/null; done',
      'for pool in files tree; do "$@" pool delete $pool >/dev/null; done',
      'ls /dev | grep -c loop-control',
      'for node in /dev/loop[0-9]*; do [ -b $node ] && [ -e /sys/block/$(basename $node) ] && stat -c %a $node; done | sort -u',
    );
    expect(status, stderr).to.equal(0);
    const lines = stdout.trim().split('\n');
    expect([lines.at(0), ...lines.slice(-2)], stdout).to.deep.equal(['0', '1', '600']);
  });

  it('says so where they may not be made, and is not there', async () => {
    const { status, stderr } = await inContainer(
      'setpriv --bounding-set=-mknod --inh-caps=-mknod "$@" -o json pool create tree --driver btrfs --size 256M',
    );
    expect(status, stderr).to.equal(5);
    expect((JSON.parse(stderr) as { error: { code: string } }).error.code).to.equal('POOL_UNUSABLE');
    expect(await given.host.json<{ name: string }[]>(['pool', 'list'])).to.have.length(1);
  });
});
