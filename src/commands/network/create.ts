import * as Flags from '@oclif/core/flags';
import { BaseCommand } from '../../cli/base-command.js';
import { dryRunFlag, requiredArg } from '../../cli/flags.js';
import { done, type Output } from '../../cli/output.js';
import { planned } from '../../cli/planned.js';
import { parseCount } from '../../cli/times.js';
import { dryRunNetworkCreate } from '../../operations/dry-run-change.js';
import { createNetwork } from '../../operations/network-create.js';

export default class NetworkCreate extends BaseCommand<typeof NetworkCreate> {
  static override summary = 'Make a network: a bridge with address ranges of its own';
  static override description =
    'Zones join it with --net bridge=NAME. The network "default" is made by the first zone that needs it.';
  static override examples = ['tszone network create lab', 'tszone network create lab --ip4 172.30.0.0/16 --ip6 none'];
  static override args = { network: requiredArg("the network's name") };
  static override flags = {
    ...dryRunFlag,
    ip4: Flags.string({ helpValue: 'CIDR', description: 'IPv4 range such as 172.30.0.0/16; a free one if not given' }),
    ip6: Flags.string({
      helpValue: 'CIDR|none',
      description: 'IPv6 range such as fd00:1:2:3::/64; a random one if not given',
    }),
    mtu: Flags.string({ helpValue: 'N', description: "1280 to 65535; that of the host's uplinks if not given" }),
  };

  async run(): Promise<Output> {
    const name = this.args.network;
    const { ip4, ip6 } = this.flags;
    const mtu = parseCount(this.flags.mtu, '--mtu');
    const wish = { name, ip4, ip6, mtu };
    if (this.flags['dry-run'] === true) return planned([await this.operate((host) => dryRunNetworkCreate(host, wish))]);
    const network = await this.operate((host) => createNetwork(host, wish));
    return done(
      name,
      `network "${name}" is made: ${[network.range4, network.range6].filter(Boolean).join(', ')}`,
      network,
    );
  }
}
