import type { Zone } from '../../src/index.js';
import { outputOf } from './cli.js';
import { sh } from './temp-host.js';

/** In a Debian zone, from the host's mirror. */
export async function aptInstall(zone: Zone, name: string, timeoutMs: number): Promise<void> {
  await sh(zone, 'cat > /etc/apt/apt.conf.d/99host', { stdin: await hostAptSettings() });
  const install = `apt-get -q update && DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends ${name}`;
  await sh(zone, install, { timeoutMs });
}

/** What the host's apt needs to reach its mirror, a proxy for one: for a file in /etc/apt/apt.conf.d of a zone. */
async function hostAptSettings(): Promise<string> {
  const lines = (await outputOf('apt-config', ['dump'])).split('\n');
  return [
    'Acquire::Retries "5";',
    ...lines.filter((line) => /^Acquire::(http|https|ftp|Check|Retries)/i.test(line)),
  ].join('\n');
}
