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
