/* Mode `subvolume`: what is done with subvolumes of a btrfs all the time, without a program of its own (linux/btrfs.h, btrfs-ioctl(2)).
 *   create PATH
 *   snapshot FROM TO read-only|writable
 *   read-only PATH
 *   delete PATH soon|committed      with its quota group, where the kernel lets it go already; `committed`: is on disk then
 *   limit PATH BYTES                0: not bounded
 * Exit status 0, or a line of JSON on descriptor 2. */
#ifndef TSZONE_SUBVOLUME_H
#define TSZONE_SUBVOLUME_H

int subvolume_main(int argc, char **argv);

#endif
