/** The packages that bring the native programs compiled, one for each architecture, and how a program of theirs is found. */
import { createRequire } from 'node:module';

/** What is compiled. The last is the command line's own, which npm's `bin/tszone` becomes; it may be missing. */
export const nativePrograms = ['tszone-helper', 'tszone-init', 'tszone'] as const;

export type NativeProgram = (typeof nativePrograms)[number];

/** Architecture, as `process.arch` has it → package. */
export const platformPackages: Readonly<Record<string, string>> = {
  x64: '@tszone/linux-x64',
  arm64: '@tszone/linux-arm64',
};

/** Path of a program in the package for this architecture, if it is installed where `from`, a module's path or URL, finds it. */
export function platformProgram(name: NativeProgram, from: string = import.meta.url): string | undefined {
  const platform = platformPackages[process.arch];
  if (platform === undefined) return undefined;
  try {
    return createRequire(from).resolve(`${platform}/bin/${name}`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND') return undefined;
    throw error;
  }
}
