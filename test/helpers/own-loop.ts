/** A loop device that is nobody else's: whoever attaches a file to the next free one, or detaches one, opens and closes it at any moment. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { patience } from './patience.js';

/** loop-control's requests (linux/loop.h). */
const [add, remove] = [0x4c80, 0x4c81];
const control = 'open my $f, "+<", "/dev/loop-control" or die $!; defined ioctl $f, $ARGV[0], 0 + $ARGV[1] or die $!';

export interface OwnLoop extends Disposable {
  readonly path: string;
  /** As stat(1) and mknod(1) have it. */
  readonly minor: number;
}

/** With a number far above those that are given away, and with a file: one without is the next free one when all others have theirs. */
export function ownLoop(): OwnLoop {
  for (let minor = 5000 + (process.pid % 5000); minor < 11_000; minor += 1) {
    if (spawnSync('perl', ['-e', control, String(add), String(minor)]).status !== 0) continue;
    const path = `/dev/loop${minor}`;
    // Made by devtmpfs, if /dev is one.
    const isMade = !existsSync(path);
    const unmake = () => isMade && rmSync(path, { force: true });
    if (isMade) execFileSync('mknod', ['-m', '660', path, 'b', '7', String(minor)]);
    if (!attachFile(path)) {
      // Somebody else was faster.
      unmake();
      continue;
    }
    return {
      path,
      minor,
      [Symbol.dispose]: () => {
        execFileSync('losetup', ['--detach', path]);
        removeLoop(minor);
        unmake();
      },
    };
  }
  throw new Error('no loop device can be made');
}

/** It is the device's alone: nobody else finds it. */
function attachFile(path: string): boolean {
  const directory = mkdtempSync(join(tmpdir(), 'tszone-loop-'));
  try {
    const file = join(directory, 'file');
    writeFileSync(file, '');
    truncateSync(file, 1 << 20);
    return spawnSync('losetup', [path, file]).status === 0;
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** Whoever looks at each new device of a machine, udev for one, has it open for a moment, and detached it is when nobody has. */
function removeLoop(minor: number): void {
  const deadline = performance.now() + patience(10_000);
  for (;;) {
    const { status, stderr } = spawnSync('perl', ['-e', control, String(remove), String(minor)], { encoding: 'utf8' });
    if (status === 0) return;
    if (performance.now() > deadline) throw new Error(`/dev/loop${minor} cannot be removed: ${stderr}`);
  }
}
