/** Host keys of OpenSSH's server, made here: a clone's guest need not have ssh-keygen, nor be running. */
import { generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';

export interface HostKey {
  /** `ssh_host_ed25519_key`. */
  readonly name: string;
  readonly privateText: string;
  readonly publicText: string;
}

const makers: Readonly<Record<string, (comment: string) => Omit<HostKey, 'name'>>> = {
  ed25519: makeEd25519,
  ecdsa: makeEcdsa,
  rsa: makeRsa,
};

export const hostKeyKinds: readonly string[] = Object.keys(makers);
/** Kinds that take no time to make; an RSA key of a decent length takes up to a second. */
export const quickKinds: readonly string[] = ['ed25519', 'ecdsa'];

export function makeHostKey(kind: string, comment: string): HostKey {
  const make = makers[kind];
  if (make === undefined) throw new Error(`no maker of ${kind} keys`);
  return { name: `ssh_host_${kind}_key`, ...make(comment) };
}

/** RFC 4251: a string is its length and its bytes. */
function field(content: string | Buffer): Buffer {
  const bytes = Buffer.from(content);
  return Buffer.concat([number(bytes.length), bytes]);
}

function number(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

const decoded = (key: KeyObject, part: 'd' | 'x' | 'y' | 'e' | 'n') =>
  Buffer.from(key.export({ format: 'jwk' })[part] ?? '', 'base64url');
const publicLine = (type: string, blob: Buffer, comment: string) => `${type} ${blob.toString('base64')} ${comment}\n`;

/** In OpenSSH's own form (PROTOCOL.key): it reads no other for this kind. */
function makeEd25519(comment: string): Omit<HostKey, 'name'> {
  const type = 'ssh-ed25519';
  const { privateKey } = generateKeyPairSync('ed25519');
  const [seed, point] = [decoded(privateKey, 'd'), decoded(privateKey, 'x')];
  const blob = Buffer.concat([field(type), field(point)]);
  const check = randomBytes(4);
  const secret = Buffer.concat([
    check,
    check,
    field(type),
    field(point),
    field(Buffer.concat([seed, point])),
    field(comment),
  ]);
  const padding = Buffer.from(Array.from({ length: (8 - (secret.length % 8)) % 8 }, (_, index) => index + 1));
  const body = Buffer.concat([
    Buffer.from('openssh-key-v1\0'),
    field('none'),
    field('none'),
    field(''),
    number(1),
    field(blob),
    field(Buffer.concat([secret, padding])),
  ]);
  const lines = body.toString('base64').match(/.{1,70}/g) ?? [];
  const privateText = ['-----BEGIN OPENSSH PRIVATE KEY-----', ...lines, '-----END OPENSSH PRIVATE KEY-----', ''].join(
    '\n',
  );
  return { privateText, publicText: publicLine(type, blob, comment) };
}

function makeEcdsa(comment: string): Omit<HostKey, 'name'> {
  const type = 'ecdsa-sha2-nistp256';
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const point = Buffer.concat([Buffer.from([4]), decoded(privateKey, 'x'), decoded(privateKey, 'y')]);
  const blob = Buffer.concat([field(type), field('nistp256'), field(point)]);
  const privateText = privateKey.export({ type: 'sec1', format: 'pem' }).toString();
  return { privateText, publicText: publicLine(type, blob, comment) };
}

/** As long as ssh-keygen(1) makes it. */
function makeRsa(comment: string): Omit<HostKey, 'name'> {
  const type = 'ssh-rsa';
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 3072 });
  const blob = Buffer.concat([field(type), field(decoded(privateKey, 'e')), field(positive(decoded(privateKey, 'n')))]);
  const privateText = privateKey.export({ type: 'pkcs1', format: 'pem' }).toString();
  return { privateText, publicText: publicLine(type, blob, comment) };
}

/** An mpint whose first bit is set would be a negative number. */
const positive = (bytes: Buffer) => Buffer.concat([Buffer.from([0]), bytes]);
