import { BaseCommand } from '../../cli/base-command.js';
import { requiredArg } from '../../cli/flags.js';
import { type Output, text } from '../../cli/output.js';
import { formatYaml } from '../../cli/yaml.js';
import { inspectNetwork } from '../../operations/network-inspect.js';

export default class NetworkInspect extends BaseCommand<typeof NetworkInspect> {
  static override summary = 'Show a network, its addresses, and what is in its way';
  static override args = { network: requiredArg("the network's name") };

  async run(): Promise<Output> {
    const network = await this.operate((host) => inspectNetwork(host, this.args.network));
    return text(formatYaml(network), network);
  }
}
