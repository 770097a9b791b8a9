import { constants } from 'node:os';
import { expect } from 'chai';
import type { ZoneError } from '../../../src/errors/index.js';
import { statusOfStep, stepError } from '../../../src/helper/step-error.js';

function failed(step: string, errno: keyof typeof constants.errno, path = '/x'): ZoneError {
  return stepError(
    { event: 'error', step, op: 0, syscall: 'open', errno: constants.errno[errno], path, message: 'No such thing' },
    [],
  );
}

describe('the hint for a failed step', () => {
  for (const [step, errno, hint] of [
    ['cred.user', 'ENOENT', /--user .*\/etc\/passwd/],
    ['cwd', 'ENOENT', /--workdir/],
    ['cwd', 'ENOTDIR', /--workdir/],
    ['cwd', 'EACCES', /--workdir .*--user/],
    ['mnt.tree', 'ENOENT', /target of the --mount/],
    ['mnt.tree', 'ENOTDIR', /target of the --mount/],
    ['mnt.fs', 'ENOTDIR', /--tmpfs/],
    ['mnt.fs', 'ENODEV', /lacks the file system/],
    ['mnt.mask', 'ENOTDIR', /inside the zone/],
    ['overlay.mount', 'ENOENT', /layer of the image/],
    ['overlay.mount', 'EINVAL', /TSZONE_ROOT/],
    ['tree.open', 'ENOENT', /on the host/],
    ['tree.open', 'EINVAL', /mapped owners/],
    ['cgroup.join', 'ENOENT', /cgroup of the zone has been removed/],
    ['cgroup.enter', 'EAGAIN', /--pids/],
    ['exec.group', 'EAGAIN', /as many cgroups as it may/],
    ['cgroup.into', 'EBUSY', /cgroups/],
    ['exec.path', 'ENOENT', /program, and the interpreter/],
    ['exec.slot', 'EACCES', /noexec/],
    ['file.write', 'EROFS', /read-only/],
    ['sync.maps', 'EXDEV', /doctor/],
  ] as const) {
    it(`${step} ${errno}`, () => {
      const error = failed(step, errno);
      expect(error.code).to.equal('KERNEL_STEP_FAILED');
      expect(error.hint).to.match(hint);
    });
  }

  it('speaks of a program only where one was to be run', () => {
    for (const step of ['cred.user', 'cwd', 'mnt.tree', 'tree.open', 'file.write', 'target'])
      expect(failed(step, 'ENOENT').hint, step).not.to.match(/interpreter|program/);
  });

  it('does not take the step "cwdx" for "cwd"', () => {
    expect(failed('cwdx', 'ENOENT').hint).to.equal('Check that the path exists.');
  });

  it('tells a full disk from a cpuset without CPUs', () => {
    expect(failed('file.write', 'ENOSPC').code).to.equal('RESOURCE_DISK_FULL');
    const cpuset = failed('cgroup.enter', 'ENOSPC');
    expect([cpuset.code, cpuset.hint?.includes('--cpuset')]).to.deep.equal(['KERNEL_STEP_FAILED', true]);
    const { EDQUOT: errno } = constants.errno;
    const keys = {
      event: 'error',
      step: 'sync.maps',
      op: 0,
      syscall: 'keyctl',
      errno,
      path: '',
      message: 'X',
    } as const;
    expect(stepError(keys, []).hint).to.match(/kernel\.keys\.maxkeys/);
    const terminals = { ...keys, step: 'console.make', syscall: 'openat2', errno: constants.errno.ENOSPC };
    expect(stepError(terminals, [])).to.include({ code: 'KERNEL_STEP_FAILED' });
    expect(stepError(terminals, []).hint).to.match(/kernel\.pty\.max/);
  });

  it('says by name that a kernel has no device programs, and what to do about it', () => {
    for (const [errno, hint] of [
      ['ENOSYS', /CONFIG_BPF_SYSCALL/],
      ['EINVAL', /CONFIG_CGROUP_BPF/],
      ['EPERM', /--privileged/],
    ] as const) {
      const error = failed('cgroup.program', errno);
      expect(error.code, errno).to.equal('HOST_FEATURE_MISSING');
      expect(error.hint, errno).to.match(hint);
      expect(error.context).to.include({ feature: 'cgroup device program', errnoName: errno });
    }
    expect(failed('cgroup.program', 'ENOENT').code).to.equal('KERNEL_STEP_FAILED');
  });

  it('leaves the exit status to the step and its errno', () => {
    expect([statusOfStep('exec.path', 'ENOENT'), statusOfStep('exec.path', 'EACCES')]).to.deep.equal([127, 126]);
    expect(statusOfStep('cwd', 'ENOENT')).to.equal(125);
  });
});
