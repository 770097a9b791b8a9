import { outputOf } from './cli.js';

/** What the host's apt needs to reach its mirror, a proxy for one: for a file in /etc/apt/apt.conf.d of a zone. */
export async function hostAptSettings(): Promise<string> {
  const lines = (await outputOf('apt-config', ['dump'])).split('\n');
  return lines.filter((line) => /^Acquire::(http|https|ftp|Check|Retries)/i.test(line)).join('\n');
}
