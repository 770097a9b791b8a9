/** Raw sockets on a zone's eth0 (AF_PACKET, in perl): frames go out as they are, and all that arrives is written down. */
import type { Zone } from '../../src/index.js';
import { arp, etherTypes, type Frame, frame } from './link-frames.js';
import { patience } from './patience.js';

/** struct sockaddr_ll of eth0, whose index is 100 in every zone. */
const address = (mac: string) => `pack('S n i S C C a8', 17, 3, 100, 0, 0, 6, ${mac})`;
const open = 'socket(my $s, 17, 3, 0x0300) or die qq(socket: $!);';
const sender = `${open} for (@ARGV) { my $f = pack('H*', $_); send($s, $f, 0, ${address('substr($f, 0, 6)')}) or die qq(send: $!) }`;
const listener = `$| = 1; ${open} bind($s, ${address("''")}) or die qq(bind: $!); print qq(ready\\n); alarm ${patience(60_000) / 1000};
  while (defined recv($s, my $f, 65535, 0)) { my $h = unpack('H*', $f); print qq($h\\n); exit 0 if index($h, $ARGV[0]) >= 0 }`;

export interface Endpoint {
  readonly zone: Zone;
  readonly mac: string;
  readonly ipv4: string;
  readonly ipv6: string;
}

export async function send({ zone }: Endpoint, frames: readonly Frame[]): Promise<void> {
  const { exitCode, stderr } = await zone.exec([
    'perl',
    '-e',
    sender,
    ...frames.map(({ bytes }) => bytes.toString('hex')),
  ]);
  if (exitCode !== 0) throw new Error(stderr);
}

/** An honest broadcast that ends the listening. */
export function lastFrame({ mac, ipv4 }: Endpoint): Frame {
  const payload = arp({ operation: 'request', mac, ip: ipv4, targetIp: ipv4 });
  return frame('the last', { to: 'ff:ff:ff:ff:ff:ff', from: mac, type: etherTypes.arp, payload });
}

export interface Listening {
  /** Settles when the last one has arrived. */
  readonly heard: Promise<string[]>;
}

/** All frames that arrive at an endpoint, from when this returns until one with `last` does. */
export async function listen({ zone }: Endpoint, last: Frame): Promise<Listening> {
  const running = zone.exec(['perl', '-e', listener, last.payload.toString('hex')]);
  let text = '';
  let ready: () => void = () => {};
  const isReady = new Promise<void>((resolve) => {
    ready = resolve;
  });
  const heard = (async () => {
    for await (const { data } of running) {
      text += data;
      if (text.startsWith('ready\n')) ready();
    }
    const { exitCode, stderr } = await running;
    if (exitCode !== 0) throw new Error(`listening ended with ${exitCode}: ${stderr}`);
    return text.split('\n').slice(1);
  })();
  await Promise.race([isReady, heard]);
  return { heard };
}

export const has = (heard: readonly string[], { payload }: Frame) =>
  heard.some((hex) => hex.includes(payload.toString('hex')));
