/**
 * What can be asked of a zone: the single source of the types, the flags' descriptions, the checks and the reference.
 * Input is as people write it (`'512M'`); output is numbers and canonical paths.
 */
import * as v from 'valibot';
import { parseDevice } from './device.js';
import * as f from './fields.js';
import { parseNet } from './interfaces.js';
import { parseKeep } from './keep.js';
import { hostnamePattern, imagePattern, namePattern } from './names.js';
import { parseMount, parsePort, parseRestart, parseRlimit, parseSeccomp, parseTmpfs, parseZonePath } from './parts.js';
import { parseUserns } from './userns.js';

const described = <S extends v.GenericSchema>(schema: S, description: string) =>
  v.pipe(schema, v.description(description));
const flag = (description: string) => described(v.optional(v.boolean('is not true or false'), false), description);
const list = <S extends v.GenericSchema>(item: S, description: string) =>
  described(v.optional(v.array(item, 'is not a list'), []), description);
const maybe = <S extends v.GenericSchema>(schema: S, description: string) => described(v.optional(schema), description);
const path = f.parsed(parseZonePath, 'an absolute path without ".."');

export const zoneName = v.pipe(
  v.string('is not a name'),
  v.regex(namePattern, 'is not a name: it starts with a letter or digit, then a-z 0-9 _ . -, at most 63'),
);

const poolName = v.pipe(
  v.string('is not a name'),
  v.regex(namePattern, 'is not the name of a pool: it starts with a letter or digit, then a-z 0-9 _ . -, at most 63'),
);

const net = v.pipe(
  v.optional(v.union([v.string(), v.array(v.string())], 'is not a network set-up'), ['bridge=default']),
  v.rawTransform<string | string[], NonNullable<ReturnType<typeof parseNet>>>(({ dataset, addIssue, NEVER }) => {
    const value = parseNet([dataset.value].flat());
    if (value !== undefined) return value;
    addIssue({
      message: `is not none, host or bridge=NAME[,ip=CIDR][,ip6=CIDR][,mac=][,name=eth0][,mtu=]: ${[dataset.value].flat().join(' ')}`,
    });
    return NEVER;
  }),
);

/** Fields that `set` can change on a running zone at once. */
export const limitEntries = {
  memory: maybe(f.size, 'memory ceiling; a program that needs more is killed'),
  swap: maybe(f.size, 'swap on top of the memory (0 if not given)'),
  memoryGuarantee: maybe(f.size, 'memory that is not taken away under pressure'),
  cpus: maybe(f.cpus, 'CPU time ceiling in CPUs: 0.5 is half of one'),
  cpuWeight: maybe(f.cpuWeight, 'share of the CPU under contention, 1 to 10000 (100 if not given)'),
  cpuset: maybe(f.cpuset, 'the CPUs to run on, such as 0-3,5'),
  pids: maybe(f.count(1), 'ceiling of processes and threads'),
} as const;

/** Lists that `set` can change on a running zone at once, too. */
export const deviceEntries = {
  device: list(
    f.parsed(parseDevice, 'a device /dev/X[:rwm]'),
    'a device of the host, /dev/X[:rwm]: it may be opened for reading (r) and writing (w); rw if not given',
  ),
} as const;

/** Bounds of what the zone writes; `set` can change them on a running zone where its pool can. */
export const volumeEntries = {
  disk: maybe(f.size, 'ceiling of what the zone writes, enforced by its pool'),
  inodes: maybe(f.count(1), 'ceiling of the files and directories that it makes'),
} as const;

/** Fields that are saved at once and hold from the next start on. */
export const settingEntries = {
  ...deviceEntries,
  ...volumeEntries,
  pool: maybe(poolName, 'the pool that what the zone writes is kept in; a stopped zone can be moved to another'),
  hostname: maybe(
    v.pipe(v.string(), v.regex(hostnamePattern, 'is not a host name')),
    "host name inside (the zone's name if not given)",
  ),
  env: described(v.optional(f.environment, {}), 'environment variable NAME=VALUE'),
  user: maybe(
    v.pipe(f.text, v.nonEmpty('is empty')),
    'run the command as this user of the zone: NAME, UID, NAME:GROUP or UID:GID',
  ),
  workdir: maybe(path, 'directory in which the command starts'),
  init: maybe(
    v.picklist(['tiny', 'none', 'full'], 'is not tiny, none or full'),
    "pid 1: tszone's tiny init, the command itself, or the image's own /sbin/init",
  ),
  entrypoint: maybe(
    f.text,
    "run this instead of the image's entrypoint; the command are its arguments. Empty: the command alone",
  ),
  command: list(f.text, 'what the zone runs; nothing: it idles until it is stopped'),
  tty: flag('give the command a terminal'),
  capAdd: list(f.capability, 'add a capability, or ALL'),
  capDrop: list(f.capability, 'take a capability away, or ALL'),
  userns: described(
    v.optional(
      f.parsed(parseUserns, 'auto[:SIZE], host or BASE:SIZE[,shared] with at least 65536 ids from 1 on'),
      'auto',
    ),
    "whose ids: auto[:SIZE] (a range of its own), BASE:SIZE, or host: its root is the host's root, with few capabilities",
  ),
  nesting: flag('zones, and other containers, can be made inside: it gets 16 x 65536 ids, or those of --userns'),
  privileged: flag('every capability and device, nothing masked, the ids of the host: no isolation at all'),
  sysctl: described(
    v.optional(f.sysctls, {}),
    "kernel parameter KEY=VALUE of the zone's own: net.*, kernel.shm*, kernel.msg*, kernel.sem, fs.mqueue.*",
  ),
  noNewPrivs: flag('set-uid programs gain nothing (PR_SET_NO_NEW_PRIVS)'),
  seccomp: described(
    v.optional(f.parsed(parseSeccomp, 'default, unconfined or the absolute path of a profile'), 'default'),
    'system calls that programs may make: default, unconfined, or a FILE in the OCI form',
  ),
  umask: maybe(f.umask, 'file mode creation mask, octal'),
  ulimit: list(f.parsed(parseRlimit, 'NAME=SOFT[:HARD]'), 'resource limit NAME=SOFT[:HARD], as in setrlimit(2)'),
  readOnly: flag('the root file system cannot be written'),
  tmpfs: list(f.parsed(parseTmpfs, 'PATH[:SIZE]'), 'an empty tmpfs at PATH[:SIZE]'),
  mount: list(
    f.parsed(parseMount, 'SRC:DST[:ro]'),
    'a host directory or file SRC at DST, owners mapped; :ro cannot be undone inside',
  ),
  net: described(net, 'none, host, or bridge=NAME[,ip=CIDR][,ip6=CIDR][,mac=][,name=eth0][,mtu=]'),
  port: list(f.parsed(parsePort, '[ADDR:]HOST:ZONE[/udp]'), 'publish [ADDR:]HOST:ZONE[/udp]; on 127.0.0.1 unless ADDR'),
  dns: list(f.address, 'name server; "inherit" is the default'),
  dnsSearch: list(f.text, 'search domain'),
  personality: maybe(
    v.picklist(['linux', 'linux32'], 'is not linux or linux32'),
    'what uname says: linux32 for a 32-bit userland',
  ),
  timeNamespace: flag('own boot-time and monotonic clocks'),
  usrLocal: flag("sparse zones: the host's /usr/local, too"),
  restart: described(
    v.optional(f.parsed(parseRestart, 'no, on-failure[:N], always or unless-stopped'), 'no'),
    'what happens when the zone ends by itself',
  ),
  autostart: described(
    v.optional(v.picklist(['yes', 'no', 'last'], 'is not yes, no or last'), 'no'),
    'started by "tszone boot": yes, no, or as it last was',
  ),
  stopTimeout: described(v.optional(f.duration, '10s'), 'how long stop waits before it kills'),
  stopSignal: maybe(f.signal, 'signal that asks pid 1 to end'),
  label: described(v.optional(f.environment, {}), 'label NAME=VALUE'),
  description: maybe(f.text, 'a text for people'),
  snapshotKeep: maybe(
    f.parsed(parseKeep, 'how many to keep, such as 24h,7d,4w (h, d, w, m, y)'),
    'snapshots without a name of their own that are kept: 24h,7d,4w is the last of each of 24 hours, 7 days, 4 weeks',
  ),
  protect: list(v.picklist(['delete', 'stop'], 'is not delete or stop'), 'refuse this verb until it is unset'),
} as const;

/** What `create` takes. Unknown keys are refused, the nearest known one named. */
export const zoneSchema = v.strictObject({
  name: described(zoneName, "the zone's name"),
  image: described(
    v.pipe(v.string(), v.regex(imagePattern, 'is not the name of an image')),
    'the image that the zone starts from',
  ),
  ephemeral: flag('delete the zone when it ends'),
  ...limitEntries,
  ...settingEntries,
});

/** What `set` takes: any of the changeable fields. */
export const changeSchema = v.partial(v.strictObject({ ...limitEntries, ...settingEntries }));

/** As people and programs write it. */
export type ZoneOptions = v.InferInput<typeof zoneSchema>;
/** Parsed, checked, defaults applied. */
export type ZoneSpec = v.InferOutput<typeof zoneSchema>;
export type ZoneChange = v.InferInput<typeof changeSchema>;
export type LimitName = keyof typeof limitEntries;
