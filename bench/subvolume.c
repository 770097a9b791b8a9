/* What the kernel alone takes to copy a subvolume: subvolume ZONE_JSON VOLUMES makes a snapshot of the volume that the record names, as VOLUMES/bare,
 * by the one ioctl that it takes (linux/btrfs.h, BTRFS_IOC_SNAP_CREATE_V2), which ends with a commit. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

struct arguments {
  int64_t fd;
  uint64_t transaction, flags, unused[4];
  char name[4040];
};
#define SNAPSHOT_CREATE _IOW(0x94, 23, struct arguments)

int main(int argc, char **argv) {
  static struct arguments arguments = {.name = "bare"};
  static char text[65536];
  static const char key[] = "\"volume\": \"";
  if (argc != 3) return 2;
  int record = open(argv[1], O_RDONLY), volumes = open(argv[2], O_RDONLY | O_DIRECTORY);
  if (record < 0 || volumes < 0 || read(record, text, sizeof text - 1) <= 0) return perror(argv[1]), 1;
  char *name = strstr(text, key);
  if (name == NULL) return fprintf(stderr, "%s names no volume\n", argv[1]), 1;
  name += sizeof key - 1;
  name[strcspn(name, "\"")] = '\0';
  int volume = openat(volumes, name, O_RDONLY | O_DIRECTORY);
  arguments.fd = volume;
  if (volume < 0 || ioctl(volumes, SNAPSHOT_CREATE, &arguments) != 0) return perror(name), 1;
  return 0;
}
