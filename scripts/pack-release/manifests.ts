/** The package.json of each packed package. */
import { platformPackages } from '../../src/helper/platform-package.js';

export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  readonly scripts: Readonly<Record<string, string>>;
  readonly [field: string]: unknown;
}

/** What runs where tszone is installed; the other scripts need files that are not packed. */
const packedScripts = ['postinstall', 'build:native'];

/**
 * The main package's as it is packed: it names the platform packages, each at its own version. Git's cannot, as `npm ci`
 * would look for them in the registry.
 */
export function packedManifest({ devDependencies: _, scripts, ...manifest }: Manifest): Record<string, unknown> {
  return {
    ...manifest,
    scripts: Object.fromEntries(Object.entries(scripts).filter(([name]) => packedScripts.includes(name))),
    optionalDependencies: Object.fromEntries(
      Object.values(platformPackages).map((platform) => [platform, manifest.version]),
    ),
  };
}

export function platformManifest({ version, license }: Manifest, cpu: string): Record<string, unknown> {
  return {
    name: platformPackages[cpu],
    version,
    description: `The native programs of tszone, for Linux on ${cpu}`,
    license,
    os: ['linux'],
    cpu: [cpu],
    files: ['bin'],
    preferUnplugged: true,
  };
}
