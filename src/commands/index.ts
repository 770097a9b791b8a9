/** Made by `npm run docs` from the files of this directory: edit those. */
import type { CommandTable } from '../cli/command-table.js';

export const commandTable: CommandTable = {
  'backup create': {
    summary: 'Put what a zone is now into a repository: encrypted, and only what is new',
    aliases: [],
    load: () => import('./backup/create.js'),
  },
  'backup list': {
    summary: 'List the backups of a repository, the oldest first',
    aliases: ['backup ls'],
    load: () => import('./backup/list.js'),
  },
  'backup prune': {
    summary: 'Remove the backups of a repository that a policy does not keep',
    aliases: [],
    load: () => import('./backup/prune.js'),
  },
  'backup restore': {
    summary: 'Make a zone of a backup',
    aliases: [],
    load: () => import('./backup/restore.js'),
  },
  'backup verify': {
    summary: 'Check that a repository has all that its backups are made of',
    aliases: [],
    load: () => import('./backup/verify.js'),
  },
  boot: {
    summary: 'Start all zones that start with the machine',
    aliases: [],
    load: () => import('./boot.js'),
  },
  claim: {
    summary: 'Take a spare zone: it runs at once',
    aliases: [],
    load: () => import('./claim.js'),
  },
  clone: {
    summary: 'Make a zone that is what another is, or was at a snapshot',
    aliases: ['copy'],
    load: () => import('./clone.js'),
  },
  completion: {
    summary: 'Print the completion script of a shell',
    aliases: [],
    load: () => import('./completion.js'),
  },
  console: {
    summary: "Attach to a zone's terminal; Ctrl-] twice detaches",
    aliases: ['attach'],
    load: () => import('./console.js'),
  },
  cp: {
    summary: 'Copy files into a zone or out of it',
    aliases: [],
    load: () => import('./cp.js'),
  },
  create: {
    summary: 'Make a zone from an image',
    aliases: [],
    load: () => import('./create.js'),
  },
  delete: {
    summary: 'Delete zones with all that is in them',
    aliases: ['rm', 'destroy'],
    load: () => import('./delete.js'),
  },
  doctor: {
    summary: 'Show what this host can and cannot do, and what to install or enable',
    aliases: [],
    load: () => import('./doctor.js'),
  },
  engine: {
    summary: 'Stay warm and run the commands of others at once',
    aliases: [],
    load: () => import('./engine.js'),
  },
  exec: {
    summary: 'Run a command in a running zone',
    aliases: [],
    load: () => import('./exec.js'),
  },
  export: {
    summary: 'Write a zone to a file, or to standard output',
    aliases: [],
    load: () => import('./export.js'),
  },
  fork: {
    summary: 'Clone a zone and start the clone at once',
    aliases: [],
    load: () => import('./fork.js'),
  },
  get: {
    summary: "Show a zone's settings, or one of them",
    aliases: [],
    load: () => import('./get.js'),
  },
  'image build': {
    summary: 'Build an image from a template',
    aliases: [],
    load: () => import('./image/build.js'),
  },
  'image delete': {
    summary: 'Delete an image that no zone is made of',
    aliases: ['image rm'],
    load: () => import('./image/delete.js'),
  },
  'image export': {
    summary: 'Write an image as an OCI layout, for other engines',
    aliases: [],
    load: () => import('./image/export.js'),
  },
  'image import': {
    summary: 'Make an image from an archive of a root file system, an OCI layout or a saved image',
    aliases: [],
    load: () => import('./image/import.js'),
  },
  'image inspect': {
    summary: 'Show everything about an image',
    aliases: [],
    load: () => import('./image/inspect.js'),
  },
  'image list': {
    summary: 'List images',
    aliases: ['image ls', 'images'],
    load: () => import('./image/list.js'),
  },
  'image prune': {
    summary: 'Remove layers that nothing is made of, and what interrupted pulls have left',
    aliases: [],
    load: () => import('./image/prune.js'),
  },
  'image pull': {
    summary: 'Get an image from a registry',
    aliases: [],
    load: () => import('./image/pull.js'),
  },
  'image verify': {
    summary: 'Check that the files of images are those that were unpacked',
    aliases: [],
    load: () => import('./image/verify.js'),
  },
  import: {
    summary: 'Make a zone from a file that export has written',
    aliases: [],
    load: () => import('./import.js'),
  },
  inspect: {
    summary: 'Show everything about a zone',
    aliases: [],
    load: () => import('./inspect.js'),
  },
  kill: {
    summary: 'Send a signal to the processes of a zone',
    aliases: [],
    load: () => import('./kill.js'),
  },
  list: {
    summary: 'List zones',
    aliases: ['ls'],
    load: () => import('./list.js'),
  },
  logs: {
    summary: "Show what a zone's command wrote",
    aliases: [],
    load: () => import('./logs.js'),
  },
  'network create': {
    summary: 'Make a network: a bridge with address ranges of its own',
    aliases: [],
    load: () => import('./network/create.js'),
  },
  'network delete': {
    summary: 'Delete a network that no zone uses',
    aliases: ['network rm'],
    load: () => import('./network/delete.js'),
  },
  'network inspect': {
    summary: 'Show a network, its addresses, and what is in its way',
    aliases: [],
    load: () => import('./network/inspect.js'),
  },
  'network list': {
    summary: 'List networks',
    aliases: ['network ls'],
    load: () => import('./network/list.js'),
  },
  'on-exit': {
    summary: "Decide what happens after a zone's end; its monitor calls this",
    aliases: [],
    hidden: true,
    load: () => import('./on-exit.js'),
  },
  pause: {
    summary: 'Freeze everything in zones',
    aliases: ['freeze'],
    load: () => import('./pause.js'),
  },
  'pool create': {
    summary: 'Make a pool: a place for what zones write, with bounds that hold',
    aliases: [],
    load: () => import('./pool/create.js'),
  },
  'pool delete': {
    summary: 'Delete a pool that nothing is in',
    aliases: ['pool rm'],
    load: () => import('./pool/delete.js'),
  },
  'pool grow': {
    summary: 'Enlarge a pool that is a file; its zones may run',
    aliases: [],
    load: () => import('./pool/grow.js'),
  },
  'pool inspect': {
    summary: 'Show a pool, what it can do, and which zones are in it',
    aliases: [],
    load: () => import('./pool/inspect.js'),
  },
  'pool list': {
    summary: 'List pools',
    aliases: ['pool ls'],
    load: () => import('./pool/list.js'),
  },
  'port add': {
    summary: 'Publish ports of a zone: at once if it runs, and saved',
    aliases: [],
    load: () => import('./port/add.js'),
  },
  'port list': {
    summary: 'List published ports, of one zone or of all',
    aliases: ['port ls'],
    load: () => import('./port/list.js'),
  },
  'port remove': {
    summary: 'Publish ports of a zone no longer',
    aliases: ['port rm'],
    load: () => import('./port/remove.js'),
  },
  prepare: {
    summary: 'Do all of a start but the first exec, so that "start" takes a millisecond',
    aliases: ['ready'],
    load: () => import('./prepare.js'),
  },
  ps: {
    summary: "List a zone's processes, with the pids of the zone and of the host",
    aliases: [],
    load: () => import('./ps.js'),
  },
  publish: {
    summary: 'Make an image of a zone',
    aliases: ['commit'],
    load: () => import('./publish.js'),
  },
  rename: {
    summary: 'Give a stopped zone another name',
    aliases: [],
    load: () => import('./rename.js'),
  },
  restart: {
    summary: 'Stop zones and start them again',
    aliases: ['reboot'],
    load: () => import('./restart.js'),
  },
  resume: {
    summary: 'Let paused zones run on',
    aliases: ['thaw', 'unpause'],
    load: () => import('./resume.js'),
  },
  run: {
    summary: 'Make a zone, start it, and stay attached to its command',
    aliases: ['launch'],
    load: () => import('./run.js'),
  },
  set: {
    summary: 'Change settings of a zone: limits and devices act at once, and all is saved',
    aliases: ['update'],
    load: () => import('./set.js'),
  },
  shell: {
    summary: 'Open a login shell in a running zone',
    aliases: ['enter'],
    load: () => import('./shell.js'),
  },
  'snapshot create': {
    summary: 'Keep what a zone is now',
    aliases: [],
    load: () => import('./snapshot/create.js'),
  },
  'snapshot delete': {
    summary: 'Delete snapshots',
    aliases: ['snapshot rm'],
    load: () => import('./snapshot/delete.js'),
  },
  'snapshot diff': {
    summary: 'List the files that differ between two snapshots, or a snapshot and the zone',
    aliases: [],
    load: () => import('./snapshot/diff.js'),
  },
  'snapshot list': {
    summary: 'List snapshots, of one zone or of all, the oldest first',
    aliases: ['snapshot ls'],
    load: () => import('./snapshot/list.js'),
  },
  'snapshot mount': {
    summary: 'Mount the files of a snapshot on the host, read-only, and print where',
    aliases: [],
    load: () => import('./snapshot/mount.js'),
  },
  'snapshot prune': {
    summary: 'Remove snapshots whose time is over, and layers that nothing is made of',
    aliases: [],
    load: () => import('./snapshot/prune.js'),
  },
  'snapshot restore': {
    summary: 'Make a zone what it was at a snapshot, settings included',
    aliases: [],
    load: () => import('./snapshot/restore.js'),
  },
  'snapshot umount': {
    summary: 'Unmount the files of a snapshot',
    aliases: ['snapshot unmount'],
    load: () => import('./snapshot/umount.js'),
  },
  'spare fill': {
    summary: 'Make the spares that are missing; "claim" calls it by itself',
    aliases: [],
    load: () => import('./spare/fill.js'),
  },
  'spare list': {
    summary: 'List of which images spares are kept, and how many are ready',
    aliases: ['spare ls'],
    load: () => import('./spare/list.js'),
  },
  'spare set': {
    summary: 'Keep so many zones of an image prepared, for "claim"',
    aliases: [],
    load: () => import('./spare/set.js'),
  },
  start: {
    summary: 'Start zones',
    aliases: [],
    load: () => import('./start.js'),
  },
  status: {
    summary: 'Show how a zone is and what it uses',
    aliases: [],
    load: () => import('./status.js'),
  },
  stop: {
    summary: 'Stop zones: ask pid 1, then kill what is left',
    aliases: ['shutdown'],
    load: () => import('./stop.js'),
  },
  unset: {
    summary: 'Put settings of a zone back to their defaults',
    aliases: [],
    load: () => import('./unset.js'),
  },
  version: {
    summary: 'Print the version',
    aliases: [],
    load: () => import('./version.js'),
  },
  wait: {
    summary: 'Wait until a zone is running or stopped',
    aliases: [],
    load: () => import('./wait.js'),
  },
};
