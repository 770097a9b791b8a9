/*
 * The archive as a stream on descriptor 0, read in large pieces into slots that come round again: what was read once is written, and
 * hashed, by others at the same time. Nobody reads it a second time, so what is hashed is what is written, whatever
 * happens to the file meanwhile.
 */
#include "unpack_input.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "unpack_aside.h"
#include "unpack_outline.h"
#include "unpack_report.h"
#include "unpack_sha256.h"

enum { SLOT_SIZE = 128 << 10, SLOTS = 32, SHOWN_EVERY = 4 << 20 };

struct unpack_slot {
  unsigned char bytes[SLOT_SIZE];
  size_t size;
  unsigned users;
};

static struct unpack_slot slots[SLOTS];
static size_t at = SLOTS - 1, buffer_start, buffer_end;
static uint64_t total, shown, limit = UINT64_MAX;
static bool is_shown;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t freed = PTHREAD_COND_INITIALIZER, filled = PTHREAD_COND_INITIALIZER;

static struct {
  bool wanted, started, ended;
  pthread_t thread;
  /* Slots are hashed in the order in which they are filled. */
  uint64_t given;
  struct unpack_sha256 sha;
  char hex[65];
} hash;

void unpack_input_limit(uint64_t max_bytes) {
  limit = max_bytes;
}

void unpack_input_show_progress(void) {
  is_shown = true;
}

void unpack_input_hash(void) {
  if (!unpack_sha256_can()) unpack_die(EOPNOTSUPP, "hash with the processor's own instructions", "");
  hash.wanted = true;
}

static void show_progress(uint64_t every) {
  FILE *out = unpack_outline_is_wanted() ? stderr : stdout;

  if (!is_shown || total - shown < every) return;
  shown = total;
  fprintf(out, "{\"bytes\":%" PRIu64 "}\n", shown);
  fflush(out);
}

struct unpack_slot *unpack_input_keep(void) {
  pthread_mutex_lock(&lock);
  slots[at].users++;
  pthread_mutex_unlock(&lock);
  return &slots[at];
}

void unpack_input_let_go(struct unpack_slot *slot) {
  pthread_mutex_lock(&lock);
  if (--slot->users == 0) pthread_cond_signal(&freed);
  pthread_mutex_unlock(&lock);
}

static void *hash_all(void *unused) {
  unpack_sha256_start(&hash.sha);
  for (uint64_t done = 0;; done++) {
    struct unpack_slot *slot = &slots[done % SLOTS];
    bool is_over;

    pthread_mutex_lock(&lock);
    while (done == hash.given && !hash.ended) pthread_cond_wait(&filled, &lock);
    is_over = done == hash.given;
    pthread_mutex_unlock(&lock);
    if (is_over) return unused;
    unpack_sha256_add(&hash.sha, slot->bytes, slot->size);
    unpack_input_let_go(slot);
  }
}

/* A zone's limit of processes does not end it: then it is done at once, here. */
static void give_to_hash(struct unpack_slot *slot) {
  if (!hash.wanted) return;
  if (!hash.started && hash.given == 0) {
    hash.started = pthread_create(&hash.thread, NULL, hash_all, NULL) == 0;
    if (!hash.started) unpack_sha256_start(&hash.sha);
  }
  if (!hash.started) unpack_sha256_add(&hash.sha, slot->bytes, slot->size);
  pthread_mutex_lock(&lock);
  if (hash.started) slot->users++;
  hash.given++;
  pthread_cond_signal(&filled);
  pthread_mutex_unlock(&lock);
}

static void end_hash(void) {
  if (!hash.wanted) return;
  if (hash.given == 0) unpack_sha256_start(&hash.sha);
  if (hash.started && !hash.ended) {
    pthread_mutex_lock(&lock);
    hash.ended = true;
    pthread_cond_signal(&filled);
    pthread_mutex_unlock(&lock);
    pthread_join(hash.thread, NULL);
  }
  unpack_sha256_end(&hash.sha, hash.hex);
}

static void wait_for_next(struct unpack_slot *slot) {
  pthread_mutex_lock(&lock);
  if (slot->users > 0) {
    pthread_mutex_unlock(&lock);
    unpack_aside_go();
    pthread_mutex_lock(&lock);
  }
  while (slot->users > 0) pthread_cond_wait(&freed, &lock);
  pthread_mutex_unlock(&lock);
}

static bool fill(void) {
  const size_t next = (at + 1) % SLOTS;
  struct unpack_slot *slot = &slots[next];
  ssize_t got;

  wait_for_next(slot);
  do got = read(STDIN_FILENO, slot->bytes, SLOT_SIZE);
  while (got < 0 && errno == EINTR);
  if (got < 0) unpack_die(errno, "read the archive", NULL);
  total += (uint64_t)got;
  show_progress(SHOWN_EVERY);
  if (total > limit) unpack_die(0, "the archive is larger than --max-bytes", NULL);
  buffer_start = 0;
  buffer_end = (size_t)got;
  if (got == 0) return false;
  slot->size = (size_t)got;
  at = next;
  give_to_hash(slot);
  return true;
}

size_t unpack_input_piece(const unsigned char **piece, uint64_t max) {
  size_t size;

  if (buffer_start == buffer_end && !fill()) unpack_die(0, "the archive is truncated", NULL);
  size = buffer_end - buffer_start;
  if (size > max) size = (size_t)max;
  *piece = slots[at].bytes + buffer_start;
  buffer_start += size;
  return size;
}

void unpack_input_exact(void *to, size_t size) {
  const unsigned char *piece;

  for (size_t done = 0; done < size;) {
    size_t got = unpack_input_piece(&piece, size - done);

    memcpy((char *)to + done, piece, got);
    unpack_outline_bytes(piece, got);
    done += got;
  }
}

void unpack_input_skip(uint64_t size) {
  const unsigned char *piece;

  while (size > 0) {
    size_t got = unpack_input_piece(&piece, size);

    unpack_outline_bytes(piece, got);
    size -= got;
  }
}

void unpack_input_drain(void) {
  do unpack_outline_bytes(slots[at].bytes + buffer_start, buffer_end - buffer_start);
  while (fill());
  show_progress(1);
  end_hash();
}

const char *unpack_input_digest(void) {
  return hash.wanted ? hash.hex : NULL;
}
