/** What docs/reference/errors.md says of each code: when it is raised and what to do. */
import type { ErrorCode } from '../src/errors/index.js';

export const errorNotes = {
  INTERNAL: 'A bug of tszone. Report it with all that is printed, which has where it happened.',
  USAGE_UNKNOWN_COMMAND: 'There is no such command; the nearest one is in the hint and in `context.nearest`.',
  USAGE_UNKNOWN_FLAG: 'The command has no such flag; the nearest one is in the hint and in `context.nearest`.',
  USAGE_BAD_ARGUMENT: 'An argument or the value of a flag is not of the form that is asked for, or one is missing.',
  SPEC_INVALID:
    'What a zone is asked to be is not valid: an unknown key, a bad size, name or address, or fields that contradict each other. `context.issues` has all of them, each with its path. See [spec.md](spec.md).',
  IMAGE_ARCHIVE_INVALID:
    'The archive is corrupt, is no tar archive, or has an entry that would be written outside its root. Nothing of it is kept.',
  IMAGE_MANIFEST_INVALID:
    'What a registry, a layout or an archive says of the image is not to be understood or not supported; `context.problem` says what. Nothing is kept.',
  IMAGE_DIGEST_MISMATCH: 'The content is not that of the digest under which it was asked for. Nothing of it is kept.',
  TEMPLATE_INVALID: 'The `template.json` of a template is not valid: unknown keys are refused.',
  IMAGE_BUILD_FAILED:
    'A step of a template failed, or a zone of the image did not become healthy. The end of what it said is in `context.output`. Steps that were done are not done again.',
  EXPORT_INVALID:
    'The file is no exported zone, is cut off or damaged, has an entry that would be written outside the zone, or is much larger than it says. Nothing of it is kept.',
  ZONE_NOT_FOUND: 'There is no zone of that name; the nearest one is in the hint. See `tszone list`.',
  IMAGE_NOT_FOUND:
    'There is no image and no template of that name, or it is not built yet and `--pull never` was given. See `tszone image list --templates`.',
  IMAGE_PLATFORM_MISSING: 'The name stands for images of other architectures only; they are in `context.found`.',
  NETWORK_NOT_FOUND: 'There is no network of that name. See `tszone network list`.',
  PORT_NOT_FOUND: 'The zone does not publish that port. See `tszone port list`.',
  PATH_NOT_FOUND: 'A file or directory that was named does not exist, on the host or in the zone.',
  SPARE_NOT_FOUND: 'No spares are kept of that image. See `tszone spare list`, and `tszone spare set`.',
  POOL_NOT_FOUND: 'There is no pool of that name. See `tszone pool list`, and `tszone pool create`.',
  SNAPSHOT_NOT_FOUND:
    'The zone has no snapshot of that name; the nearest one is in the hint. See `tszone snapshot list ZONE`.',
  ZONE_EXISTS: 'A zone of that name is there already: choose another name, or delete it first.',
  ZONE_RUNNING: 'The zone runs, and what was asked needs it to be stopped.',
  ZONE_NOT_RUNNING: 'The zone is stopped, and what was asked needs it to run.',
  ZONE_STATE:
    'The zone is in a state in which that cannot be done: paused, for example, or without a terminal; or it was changed or deleted while it was exported, published or backed up.',
  ZONE_PROTECTED:
    'The zone is protected against this verb (`--protect`). Take it off with `tszone unset ZONE protect`.',
  ZONE_HAS_SNAPSHOTS:
    'The zone has snapshots, which would go with it; they are in `context.snapshots`. Delete them first, or pass `--force`.',
  SNAPSHOT_EXISTS: 'The zone has a snapshot of that name already: choose another name, or delete it first.',
  SNAPSHOT_IN_USE: 'The snapshot is mounted, and somebody works in the directory (`context.path`).',
  LOCK_BUSY: 'Another command works on the same thing and did not finish in time. Repeat the command.',
  IMAGE_IN_USE: 'Zones are made of the image; they are in `context.zones`.',
  IMAGE_EXISTS: 'An image of that name is there already: choose another name, or pass `--force`.',
  IMAGE_DAMAGED:
    '`image verify` found files of images that are not as they were unpacked; they are in `context.images`.',
  PATH_EXISTS: 'A file of that name is there already: choose another name, or pass `--force`.',
  POOL_EXISTS: 'A pool of that name, or one at that place, is there already.',
  POOL_IN_USE: 'Volumes of zones, or frozen layers of snapshots, lie in the pool; the zones are in `context.zones`.',
  NETWORK_IN_USE: 'Zones have addresses of the network.',
  NETWORK_EXISTS: 'A network of that name is there already.',
  NETWORK_ADDRESS_IN_USE: 'Another zone has the address, or the range overlaps with one that the host uses.',
  IDS_TAKEN:
    'The ids of --userns BASE:SIZE belong to another zone, to an account of the host or to what /etc/subuid and /etc/subgid hand out. Zones that are to share them each say --userns BASE:SIZE,shared.',
  PORT_IN_USE: 'Another zone publishes that port of the host, or a program of the host listens on it.',
  ENGINE_RUNNING: 'One engine serves a run-time directory; there is one already.',
  STATE_TOO_NEW: 'The data were written by a newer tszone. Use that one.',
  STATE_CORRUPT: 'A file of tszone cannot be read as what it should be; it is named in `context.path`.',
  HOST_TOOL_MISSING: 'A program that is needed is not installed; the hint names the package.',
  HOST_TOOL_FAILED: 'A program of the host ended with an error; what it said is in `context`.',
  HOST_HELPER_MISSING:
    'The native helper is neither built nor installed with a platform package. Install tszone with its optional packages (`npm install --include=optional`), or run `npm run build:native`, which needs gcc and make.',
  HOST_FEATURE_MISSING:
    'The kernel or a file system lacks something; the hint says what to enable. See `tszone doctor`.',
  CGROUP_CONTROLLER_MISSING:
    'A limit needs a cgroup controller that is not there or not delegated. A limit is never ignored.',
  REGISTRY_UNREACHABLE:
    'The registry, its realm or what it redirects to does not answer, or the connection broke several times. Repeat the command: what was fetched is kept.',
  REGISTRY_BAD_ANSWER: 'What answers is no registry, or does not keep to the distribution API; or it does not encrypt.',
  POOL_CANNOT:
    'The pool cannot do what was asked, a quota for example, with its driver on this host; the hint names a pool that can, or makes one.',
  POOL_UNUSABLE:
    'The place of a pool is not what its driver needs, or is not there any more: another file system, a missing disk.',
  RESOURCE_DISK_FULL: 'No space is left, whichever step found out (ENOSPC, EDQUOT). Nothing half-done is left behind.',
  RESOURCE_IDS_EXHAUSTED: 'No range of 65,536 user and group ids is free.',
  RESOURCE_ADDRESSES_EXHAUSTED: 'The network has no free address, or no free range for a new network was found.',
  RESOURCE_LIMIT: 'A limit of the host is reached: processes, open files, mounts, inotify instances.',
  IMAGE_TOO_LARGE:
    'The image is larger than `--max-size`, has more files in a layer than `--max-entries`, or was compressed as no honest image is. Nothing of it is kept.',
  KERNEL_STEP_FAILED:
    'A system call failed. `context` has `step`, `syscall`, `errno`, `errnoName` and `path`; the hint reads the errno. From `exec` and `run` the exit status is 127 if the command was not found and 126 if it cannot be executed.',
  HELPER_DIED: 'The native helper ended without a word; the last step it had reached is in `context.step`.',
  WAIT_TIMEOUT: 'What was waited for did not happen in time. Wait longer with `--timeout`.',
  REGISTRY_AUTH_FAILED:
    'The registry does not let you read that image: log in, or check the name (many say 401 for what is not there).',
  NOT_ROOT: 'It needs root, or the kernel refused something to root here.',
  EXPORT_UNTRUSTED:
    'An exported zone asks for what could harm this host (`context.fields`): privileges, ids, mounts, devices, the network or low ports of the host. Pass `--trust` if you know where the file comes from, or `--restrict` to make the zone without.',
  BACKUP_PASSWORD_MISSING:
    'A repository of backups is encrypted, and neither `--password-file` nor TSZONE_BACKUP_PASSWORD_FILE names a file with its password.',
  BACKUP_PASSWORD_WRONG: 'The password in the file opens none of the keys of the repository.',
  BACKUP_NOT_FOUND:
    'The repository has no backup of that id, or none of that zone; the nearest one is in the hint. See `tszone backup list`.',
  BACKUP_REPOSITORY_NOT_FOUND:
    'There is no repository in that place; `backup create` makes one in a directory that is empty or not there yet.',
  BACKUP_REPOSITORY_UNREACHABLE:
    'The repository is on another machine, which does not answer, refuses what was shown to it, or is not who it says; the message has the reason that restic gives.',
  BACKUP_DAMAGED:
    'Data of the repository are missing or not what was written. A restore keeps nothing of them; other backups may be whole.',
} as const satisfies Record<ErrorCode, string>;
