/** The version, as package.json has it. */
import { readFileSync } from 'node:fs';

/** src/cli, dist/cli and dist/bundle all lie two directories below the package. */
export function version(): string {
  const file = new URL('../../package.json', import.meta.url);
  const content = JSON.parse(readFileSync(file, 'utf8')) as { readonly version: string };
  return content.version;
}
