/** `--device`: a device of the host that a zone may use. */
import { parseZonePath } from './parts.js';

export interface DeviceSpec {
  /** On the host and in the zone alike. */
  readonly path: string;
  /** Of `rwm`, in this order: open for reading, for writing, mknod. */
  readonly access: string;
}

export const defaultDeviceAccess = 'rw';
export const maxDevices = 64;

/** Made by every zone's own /dev, or leading there. */
const ownNames = 'null zero full random urandom tty console ptmx fd stdin stdout stderr pts shm mqueue'.split(' ');

/** `/dev/X[:rwm]`. What follows the last colon is part of the name unless it is all small letters, as in by-path names. */
export function parseDevice(text: string): DeviceSpec | undefined {
  const [, name = '', letters = defaultDeviceAccess] = /^(.*?)(?::([a-z]*))?$/s.exec(text) ?? [];
  const path = parseZonePath(name);
  const isAccess = /^[rwm]+$/.test(letters) && new Set(letters).size === letters.length;
  if (path === undefined || !path.startsWith('/dev/') || !isAccess) return undefined;
  return { path, access: [...'rwm'].filter((letter) => letters.includes(letter)).join('') };
}

/** As people write it: the reverse of parseDevice. */
export function formatDevice({ path, access }: DeviceSpec): string {
  return `${path}:${access}`;
}

export function isOwnDevice({ path }: DeviceSpec): boolean {
  return ownNames.includes(path.split('/')[2] ?? '');
}
