/** Copying with one of two modes, as git knows them: what the umask of a clone was is not to be seen in a tarball. */
import { chmodSync, copyFileSync, statSync } from 'node:fs';

export function copyPlain(from: string, to: string): void {
  copyFileSync(from, to);
  chmodSync(to, (statSync(from).mode & 0o100) === 0 ? 0o644 : 0o755);
}
