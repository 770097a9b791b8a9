/*
 * What was written goes to the disk while more is written. Of whole file systems: file by file each would be a request of its own, where the
 * kernel makes long ones of many files that lie side by side.
 */
#include "unpack_sync.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unpack_report.h"

enum { EVERY = 16 << 20 };

/* One descriptor of each file system: an error of its disk is told to each descriptor once, if it was open at that time (syncfs(2)). */
static int *disks;
static dev_t *devices;
static size_t count;

static uint64_t told;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t more = PTHREAD_COND_INITIALIZER;

static void add_disk(int root) {
  struct stat st;
  int fd;

  if (fstat(root, &st) < 0) unpack_die(errno, "look at the root", "");
  for (size_t i = 0; i < count; i++)
    if (devices[i] == st.st_dev) return;
  fd = openat(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) unpack_die(errno, "sync", "");
  disks = unpack_alloc(disks, (count + 1) * sizeof *disks);
  devices = unpack_alloc(devices, (count + 1) * sizeof *devices);
  disks[count] = fd;
  devices[count++] = st.st_dev;
}

static void sync_disks(void) {
  for (size_t i = 0; i < count; i++)
    if (syncfs(disks[i]) < 0) unpack_die(errno, "sync", "");
}

static _Noreturn void *work(void *unused) {
  uint64_t done = 0;

  (void)unused;
  for (;;) {
    pthread_mutex_lock(&lock);
    while (told - done < EVERY) pthread_cond_wait(&more, &lock);
    done = told;
    pthread_mutex_unlock(&lock);
    sync_disks();
  }
}

void unpack_sync_start(const struct unpack_parts *parts, int root) {
  pthread_t thread;

  if (parts->count == 0) add_disk(root);
  for (size_t i = 0; i < parts->count; i++) add_disk(parts->list[i]->root);
  /* Without it all is done at the end. */
  (void)!pthread_create(&thread, NULL, work, NULL);
}

void unpack_sync_tell(uint64_t bytes) {
  if (count == 0 || bytes - told < EVERY) return;
  pthread_mutex_lock(&lock);
  told = bytes;
  pthread_cond_signal(&more);
  pthread_mutex_unlock(&lock);
}

void unpack_sync_end(void) {
  sync_disks();
}
