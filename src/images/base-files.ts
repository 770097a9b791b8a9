/** What every root needs in /etc and is not worth copying from anywhere: Debian's base-passwd, names and numbers. */

const users: readonly (readonly [string, number, number, string, string])[] = [
  ['daemon', 1, 1, '/usr/sbin', '/usr/sbin/nologin'],
  ['bin', 2, 2, '/bin', '/usr/sbin/nologin'],
  ['sys', 3, 3, '/dev', '/usr/sbin/nologin'],
  ['sync', 4, 65534, '/bin', '/bin/sync'],
  ['man', 6, 12, '/var/cache/man', '/usr/sbin/nologin'],
  ['mail', 8, 8, '/var/mail', '/usr/sbin/nologin'],
  ['news', 9, 9, '/var/spool/news', '/usr/sbin/nologin'],
  ['www-data', 33, 33, '/var/www', '/usr/sbin/nologin'],
  ['backup', 34, 34, '/var/backups', '/usr/sbin/nologin'],
  ['nobody', 65534, 65534, '/nonexistent', '/usr/sbin/nologin'],
];

const groups: readonly (readonly [string, number])[] = [
  ['root', 0],
  ['daemon', 1],
  ['bin', 2],
  ['sys', 3],
  ['adm', 4],
  ['tty', 5],
  ['disk', 6],
  ['mail', 8],
  ['news', 9],
  ['man', 12],
  ['kmem', 15],
  ['sudo', 27],
  ['audio', 29],
  ['www-data', 33],
  ['backup', 34],
  ['operator', 37],
  ['shadow', 42],
  ['utmp', 43],
  ['video', 44],
  ['staff', 50],
  ['games', 60],
  ['users', 100],
  ['nogroup', 65534],
];

/** passwd(5). */
export function passwdText(rootShell: string): string {
  const others = users.map(([name, uid, gid, home, shell]) => `${name}:x:${uid}:${gid}:${name}:${home}:${shell}`);
  return lines([`root:x:0:0:root:/root:${rootShell}`, ...others]);
}

/** group(5). */
export const groupText = lines(groups.map(([name, gid]) => `${name}:x:${gid}:`));

/** shadow(5): nobody can log in with a password. */
export const shadowText = lines(['root', ...users.map(([name]) => name)].map((name) => `${name}:*:20000:0:99999:7:::`));

export const gshadowText = lines(groups.map(([name]) => `${name}:*::`));

/** Of the group that may read the two. */
export const shadowGid = 42;

export const nsswitchText = lines([
  'passwd:   files',
  'group:    files',
  'shadow:   files',
  'gshadow:  files',
  'hosts:    files dns',
  'networks: files',
  'protocols: db files',
  'services: db files',
  'ethers:   db files',
  'rpc:      db files',
]);

/** sh(1): what a login shell starts with. */
export const profileText = lines([
  'if [ "$(id -u)" -eq 0 ]; then',
  '  PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  'else',
  '  PATH=/usr/local/bin:/usr/bin:/bin',
  'fi',
  'export PATH',
  'if [ -n "$BASH_VERSION" ] && [ -f /etc/bash.bashrc ]; then . /etc/bash.bashrc; fi',
]);

/** The first line says that every start may replace it with the zone's own names. */
export const hostsText = lines(['# tszone', '127.0.0.1 localhost', '::1 localhost ip6-localhost ip6-loopback']);

function lines(list: readonly string[]): string {
  return list.map((line) => `${line}\n`).join('');
}
