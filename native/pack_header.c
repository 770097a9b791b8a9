/* Writes PAX archives: a ustar header, with an extended one before it for what does not fit. */
#include "pack_header.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "unpack_report.h"

enum {
  BLOCK = 512,
  BUFFER_SIZE = 256 << 10,
  MAX_OCTAL_7 = 07777777,
  MAX_NAME = 100,
};

#define MAX_OCTAL_11 077777777777

static char buffer[BUFFER_SIZE];
static size_t used;

static char *records;
static size_t records_size, records_room;

enum { SHOWN_EVERY = 4 << 20 };

static bool is_shown;
static uint64_t written_bytes, shown_bytes;

void pack_show_progress(void) {
  is_shown = true;
}

static void show_progress(void) {
  written_bytes += used;
  if (!is_shown || written_bytes - shown_bytes < SHOWN_EVERY) return;
  shown_bytes = written_bytes;
  fprintf(stderr, "{\"bytes\":%" PRIu64 "}\n", written_bytes);
}

void pack_flush(void) {
  unpack_write_all(STDOUT_FILENO, buffer, used, "write the archive", NULL);
  show_progress();
  used = 0;
}

char *pack_room(size_t *size) {
  if (sizeof buffer - used < BLOCK) pack_flush();
  *size = sizeof buffer - used;
  return buffer + used;
}

void pack_filled(size_t size) {
  used += size;
}

void pack_write(const void *data, size_t size) {
  while (size > 0) {
    size_t room;
    char *to = pack_room(&room);

    room = room < size ? room : size;
    memcpy(to, data, room);
    used += room;
    data = (const char *)data + room;
    size -= room;
  }
}

void pack_zeros(uint64_t size) {
  while (size > 0) {
    size_t room;
    char *to = pack_room(&room);

    room = room < size ? room : (size_t)size;
    memset(to, 0, room);
    used += room;
    size -= room;
  }
}

static void append(const void *data, size_t size) {
  if (records_size + size > records_room) {
    records_room = (records_size + size) * 2;
    records = unpack_alloc(records, records_room);
  }
  memcpy(records + records_size, data, size);
  records_size += size;
}

/* `LENGTH key=value\n`, where LENGTH counts its own digits too. */
static void add_record(const char *key, const char *value, size_t size) {
  char digits[24];
  size_t rest = strlen(key) + size + 3, length = rest;

  do length = rest + (size_t)snprintf(digits, sizeof digits, "%zu", length);
  while (length != rest + (size_t)snprintf(digits, sizeof digits, "%zu", length));
  append(digits, strlen(digits));
  append(" ", 1);
  append(key, strlen(key));
  append("=", 1);
  append(value, size);
  append("\n", 1);
}

static void add_number(const char *key, uint64_t value) {
  char text[24];

  add_record(key, text, (size_t)snprintf(text, sizeof text, "%" PRIu64, value));
}

/* The reverse of unpack_pax.c: the second -2 plus 0.75 is written -1.25. */
static void add_time(const char *key, const struct timespec *time) {
  char text[40];
  int64_t seconds = time->tv_sec;
  long ns = time->tv_nsec;
  const char *sign = "";

  if (seconds < 0) {
    sign = "-";
    seconds = -seconds - (ns != 0);
    ns = ns != 0 ? 1000000000 - ns : 0;
  }
  add_record(key, text, (size_t)snprintf(text, sizeof text, "%s%" PRId64 ".%09ld", sign, seconds, ns));
}

/* Format 1.0: the header's name is one that a reader which does not know the map cannot mistake for the file's. */
static void add_sparse(const struct pack_entry *entry) {
  add_record("GNU.sparse.major", "1", 1);
  add_record("GNU.sparse.minor", "0", 1);
  add_record("GNU.sparse.name", entry->path, strlen(entry->path));
  add_number("GNU.sparse.realsize", (uint64_t)entry->st->st_size);
}

static const char *header_name(const struct pack_entry *entry) {
  static char name[8192];
  const char *slash = strrchr(entry->path, '/');
  size_t length = slash == NULL ? 0 : (size_t)(slash + 1 - entry->path);

  if (!entry->sparse) return entry->path;
  snprintf(name, sizeof name, "%.*sGNUSparseFile.0/%s", (int)length, entry->path, entry->path + length);
  return name;
}

static void collect_records(const struct pack_entry *entry, const char *name) {
  const struct stat *st = entry->st;

  records_size = 0;
  if (strlen(name) > MAX_NAME) add_record("path", name, strlen(name));
  if (strlen(entry->link) > MAX_NAME) add_record("linkpath", entry->link, strlen(entry->link));
  if (st->st_uid > MAX_OCTAL_7) add_number("uid", st->st_uid);
  if (st->st_gid > MAX_OCTAL_7) add_number("gid", st->st_gid);
  if (entry->size > MAX_OCTAL_11) add_number("size", entry->size);
  if (st->st_mtim.tv_nsec != 0 || st->st_mtim.tv_sec < 0 || st->st_mtim.tv_sec > MAX_OCTAL_11)
    add_time("mtime", &st->st_mtim);
  if (entry->access_time) add_time("atime", &st->st_atim);
  if (entry->socket) add_record("SCHILY.filetype", "socket", 6);
  if (entry->sparse) add_sparse(entry);
  for (size_t i = 0; i < entry->xattr_count; i++) {
    char key[300];

    snprintf(key, sizeof key, "SCHILY.xattr.%s", entry->xattrs[i].name);
    add_record(key, entry->xattrs[i].value, entry->xattrs[i].size);
  }
}

static void octal(char *field, int width, uint64_t value, uint64_t max) {
  snprintf(field, (size_t)width, "%0*" PRIo64, width - 1, value <= max ? value : 0);
}

static void finish_block(char block[BLOCK]) {
  unsigned sum = 0;

  memcpy(block + 257,
         "ustar\0"
         "00",
         8);
  memset(block + 148, ' ', 8);
  for (int i = 0; i < BLOCK; i++) sum += (unsigned char)block[i];
  snprintf(block + 148, 8, "%06o", sum);
  block[155] = ' ';
  pack_write(block, BLOCK);
}

static void copy_name(char *field, const char *text) {
  memcpy(field, text, strnlen(text, MAX_NAME));
}

static void write_extended(void) {
  char block[BLOCK] = {0};

  copy_name(block, "././@PaxHeader");
  octal(block + 100, 8, 0644, MAX_OCTAL_7);
  octal(block + 108, 8, 0, MAX_OCTAL_7);
  octal(block + 116, 8, 0, MAX_OCTAL_7);
  octal(block + 124, 12, records_size, MAX_OCTAL_11);
  octal(block + 136, 12, 0, MAX_OCTAL_11);
  block[156] = 'x';
  finish_block(block);
  pack_write(records, records_size);
  pack_zeros((BLOCK - records_size % BLOCK) % BLOCK);
}

void pack_write_header(const struct pack_entry *entry) {
  const struct stat *st = entry->st;
  const char *name = header_name(entry);
  char block[BLOCK] = {0};
  bool device = entry->type == '3' || entry->type == '4';

  collect_records(entry, name);
  if (records_size > 0) write_extended();
  copy_name(block, name);
  octal(block + 100, 8, st->st_mode & 07777, MAX_OCTAL_7);
  octal(block + 108, 8, st->st_uid, MAX_OCTAL_7);
  octal(block + 116, 8, st->st_gid, MAX_OCTAL_7);
  octal(block + 124, 12, entry->size, MAX_OCTAL_11);
  octal(block + 136, 12, st->st_mtim.tv_sec < 0 ? 0 : (uint64_t)st->st_mtim.tv_sec, MAX_OCTAL_11);
  block[156] = entry->type;
  copy_name(block + 157, entry->link);
  octal(block + 329, 8, device ? major(st->st_rdev) : 0, MAX_OCTAL_7);
  octal(block + 337, 8, device ? minor(st->st_rdev) : 0, MAX_OCTAL_7);
  finish_block(block);
}
