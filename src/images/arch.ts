/** Architectures by Debian's names. */

const names: Readonly<Record<string, string>> = {
  x64: 'amd64',
  ia32: 'i386',
  arm64: 'arm64',
  arm: 'armhf',
  riscv64: 'riscv64',
  ppc64: 'ppc64el',
  s390x: 's390x',
};

/** Of the machine that this runs on. */
export const nativeArch: string = names[process.arch] ?? process.arch;

/** What a kernel of that architecture runs besides its own programs. */
const alsoRuns: Readonly<Record<string, readonly string[]>> = { amd64: ['i386'], arm64: ['armhf'] };

/** True if programs of `arch` run here without an emulator. */
export function runsHere(arch: string): boolean {
  return arch === nativeArch || (alsoRuns[nativeArch] ?? []).includes(arch);
}
