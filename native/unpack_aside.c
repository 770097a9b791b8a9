/*
 * A second thread writes what the first one reads: to make a file and to fill it are about the same work for the kernel. Names are
 * the first one's alone; here are only descriptors, so it does not matter what becomes of a name meanwhile.
 */
#include "unpack_aside.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unpack_input.h"
#include "unpack_report.h"

/* It is woken for so many at once, so that the two do not take turns for each file. */
enum { JOBS = 256, BATCH = 32, SHOWN_PATH = 256 };

struct job {
  int fd;
  const unsigned char *data; /* NULL: finish and close */
  size_t size;
  struct unpack_slot *slot;
  struct unpack_finish finish;
  char path[SHOWN_PATH];
};

static struct job jobs[JOBS];
static uint64_t given, told, done;
static bool is_on;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t more = PTHREAD_COND_INITIALIZER, less = PTHREAD_COND_INITIALIZER;

/* Owner and mode, then times. chown clears set-id bits, so it comes first. What is as it should be is not set: each change of an inode is a transaction. */
static void finish_file(int fd, const struct unpack_finish *finish, const char *path) {
  struct stat st;
  bool is_owned;

  if (fstat(fd, &st) < 0) unpack_die(errno, "look at what was made", path);
  is_owned = (finish->uid == UINT32_MAX || finish->uid == st.st_uid) &&
             (finish->gid == UINT32_MAX || finish->gid == st.st_gid);
  if (!is_owned && fchown(fd, finish->uid, finish->gid) < 0) unpack_die(errno, "chown", path);
  if ((!is_owned || (st.st_mode & 07777) != finish->mode) && fchmod(fd, finish->mode) < 0)
    unpack_die(errno, "chmod", path);
  if (futimens(fd, finish->times) < 0) unpack_die(errno, "set the time", path);
}

static void do_job(const struct job *job) {
  if (job->data != NULL) {
    unpack_write_all(job->fd, job->data, job->size, "write", job->path);
    unpack_input_let_go(job->slot);
    return;
  }
  finish_file(job->fd, &job->finish, job->path);
  if (close(job->fd) < 0) unpack_die(errno, "close", job->path);
}

static _Noreturn void *work(void *unused) {
  uint64_t now = 0, until;

  (void)unused;
  for (;;) {
    pthread_mutex_lock(&lock);
    done = now;
    pthread_cond_signal(&less);
    while (done == told) pthread_cond_wait(&more, &lock);
    until = told;
    pthread_mutex_unlock(&lock);
    if (until > now + BATCH) until = now + BATCH;
    for (; now < until; now++) do_job(&jobs[now % JOBS]);
  }
}

void unpack_aside_start(void) {
  cpu_set_t processors;
  pthread_t thread;

  if (sched_getaffinity(0, sizeof processors, &processors) < 0 || CPU_COUNT(&processors) < 2) return;
  is_on = pthread_create(&thread, NULL, work, NULL) == 0;
}

bool unpack_aside_is_on(void) {
  return is_on;
}

void unpack_aside_go(void) {
  if (!is_on || told == given) return;
  pthread_mutex_lock(&lock);
  told = given;
  pthread_cond_signal(&more);
  pthread_mutex_unlock(&lock);
}

void unpack_aside_wait(void) {
  if (!is_on) return;
  unpack_aside_go();
  pthread_mutex_lock(&lock);
  while (done < given) pthread_cond_wait(&less, &lock);
  pthread_mutex_unlock(&lock);
}

/* A free place; with all of them taken, half of them are waited for. */
static struct job *next_job(const char *path) {
  struct job *job = &jobs[given % JOBS];

  pthread_mutex_lock(&lock);
  if (given - done == JOBS)
    while (given - done > JOBS / 2) pthread_cond_wait(&less, &lock);
  pthread_mutex_unlock(&lock);
  if (memccpy(job->path, path, '\0', sizeof job->path) == NULL) job->path[sizeof job->path - 1] = '\0';
  return job;
}

static void give(void) {
  if (++given - told >= BATCH) unpack_aside_go();
}

void unpack_aside_write(int fd, const unsigned char *data, size_t size, const char *path) {
  struct job *job = next_job(path);

  job->fd = fd;
  job->data = data;
  job->size = size;
  job->slot = unpack_input_keep();
  give();
}

void unpack_aside_finish(int fd, const struct unpack_finish *finish, const char *path) {
  struct job *job = next_job(path);

  job->fd = fd;
  job->data = NULL;
  job->finish = *finish;
  give();
}
