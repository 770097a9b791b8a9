/* status, see entry_look.h: the lines that src/commands/status.ts shows of a zone that runs. What cannot change while it
 * does is in the record as text; the rest is read here. */
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "entry_look.h"
#include "process.h"

enum { LINES = 16, VALUE_BYTES = 128 };

struct line {
  const char *label;
  const char *text; /* or what is in `value` */
  char value[VALUE_BYTES];
};

static struct line lines[LINES];
static int count;

/* Without its last newline. */
static bool read_control(const char *path, char *text, size_t size) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  ssize_t n = fd < 0 ? -1 : read(fd, text, size - 1);
  if (fd >= 0) close(fd);
  if (n < 0) return false;
  while (n > 0 && text[n - 1] == '\n') n--;
  text[n] = '\0';
  return true;
}

/* -1 if it is not there, `max`, or v1's word for unlimited: no number that node knows exactly. */
static long long read_number(const char *path) {
  char text[64];
  char *end;
  if (!read_control(path, text, sizeof text) || *text < '0' || *text > '9') return -1;
  unsigned long long value = strtoull(text, &end, 10);
  return *end != '\0' || value > (1ULL << 53) - 1 ? -1 : (long long)value;
}

/* 1536 → 1.5K, as formatSize of src/spec/quantities.ts; a tie goes up. */
static int print_size(char *to, size_t size, long long bytes) {
  static const char units[] = "TGMK";
  for (int i = 0; i < 4; i++) {
    long long unit = 1LL << (40 - 10 * i);
    if (bytes < unit) continue;
    if (bytes >= 100 * unit || bytes % unit == 0) {
      return snprintf(to, size, "%lld%c", (2 * bytes + unit) / (2 * unit), units[i]);
    }
    long long tenths = (20 * bytes + unit) / (2 * unit);
    return snprintf(to, size, "%lld.%lld%c", tenths / 10, tenths % 10, units[i]);
  }
  return snprintf(to, size, "%lld", bytes);
}

static int print_count(char *to, size_t size, long long value) {
  return snprintf(to, size, "%lld", value);
}

/* USED of LIMIT. */
static bool add_use(struct line *line, const struct op *op, int (*print)(char *, size_t, long long)) {
  long long used = read_number(op_arg(op, 2));
  long long limit = read_number(op_arg(op, 3));
  if (used < 0) return false;
  int at = print(line->value, VALUE_BYTES, used);
  if (limit < 0) return true;
  at += snprintf(line->value + at, VALUE_BYTES - (size_t)at, " of ");
  print(line->value + at, VALUE_BYTES - (size_t)at, limit);
  return true;
}

/* v1: nanoseconds alone; v2: a line `usage_usec N`. Toward the nearest tenth of a second, a tie up. */
static bool add_cpu(struct line *line, const char *path) {
  char text[1024];
  if (!read_control(path, text, sizeof text)) return false;
  bool is_v2 = strncmp(text, "usage_usec ", 11) == 0;
  long long us = is_v2 ? strtoll(text + 11, NULL, 10) : (strtoll(text, NULL, 10) + 500) / 1000;
  if (us % 500000 == 250000) us += 1;
  snprintf(line->value, VALUE_BYTES, "%.1f s", (double)us / 1e6);
  return true;
}

static bool add_started(struct line *line, const char *milliseconds) {
  long long ms = strtoll(milliseconds, NULL, 10);
  time_t seconds = (time_t)(ms / 1000);
  struct tm utc;
  size_t at = gmtime_r(&seconds, &utc) == NULL ? 0 : strftime(line->value, VALUE_BYTES, "%Y-%m-%dT%H:%M:%S", &utc);
  if (at == 0) return false;
  snprintf(line->value + at, VALUE_BYTES - at, ".%03lldZ", ms % 1000);
  return true;
}

static void add_life(struct line *line, const struct entry_record *record, const char *oom) {
  const char *life = entry_record_is_frozen(record) ? "paused" : "running";
  long kills = *oom == '\0' ? 0 : read_counter(oom, "oom_kill");
  if (kills == 0)
    snprintf(line->value, VALUE_BYTES, "%s", life);
  else
    snprintf(line->value, VALUE_BYTES, "%s; its memory limit killed %ld process%s", life, kills,
             kills == 1 ? "" : "es");
}

/* A profile in the mode that confines nothing counts as none. */
static bool is_unconfined(const char *label) {
  static const char none[] = "unconfined";
  static const char mode[] = " (unconfined)";
  size_t length = strlen(label);
  if (strcmp(label, none) == 0) return true;
  return length >= sizeof mode && strcmp(label + length - (sizeof mode - 1), mode) == 0;
}

/* Under which profile of a security module its pid 1 is: the words of src/operations/zone-profile.ts. */
static bool add_lsm(struct line *line, const struct entry_record *record, const char *module) {
  char path[64];
  char label[VALUE_BYTES - 16];
  snprintf(path, sizeof path, "/proc/%s/attr/%.16s/current", record->target_pid, module);
  if (!read_control(path, label, sizeof label)) return false;
  bool is_none = is_unconfined(label);
  snprintf(line->value, VALUE_BYTES, "%.15s%s%s", is_none ? "none" : module, is_none ? "" : ":", is_none ? "" : label);
  return true;
}

/* False: node may know how. A line without a value is left out. */
static bool add_line(const struct op *op, const struct entry_record *record) {
  struct line *line = &lines[count];
  const char *how = op->argc < 3 ? "" : op_arg(op, 1);
  bool has = true;
  if (count == LINES) return false;
  *line = (struct line){.label = op_arg(op, 0)};
  if (strcmp(how, "text") == 0)
    line->text = op_arg(op, 2);
  else if (strcmp(how, "life") == 0)
    add_life(line, record, op_arg(op, 2));
  else if (strcmp(how, "pid") == 0)
    line->text = record->target_pid;
  else if (strcmp(how, "started") == 0 && record->started != NULL)
    has = add_started(line, record->started);
  else if (strcmp(how, "size") == 0 && op->argc == 4)
    has = add_use(line, op, print_size);
  else if (strcmp(how, "count") == 0 && op->argc == 4)
    has = add_use(line, op, print_count);
  else if (strcmp(how, "lsm") == 0)
    has = add_lsm(line, record, op_arg(op, 2));
  else if (strcmp(how, "cpu") == 0)
    has = add_cpu(line, op_arg(op, 2));
  else
    return false;
  if (has) count++;
  return true;
}

/* The zone's record on disk is the one that the text was made of. */
static bool is_of_now(const struct entry_record *record, const char *zone) {
  char path[PATH_MAX];
  char now[96];
  struct stat info;
  if (record->state == NULL || snprintf(path, sizeof path, "%s/zones/%s/zone.json", record->root, zone) >= PATH_MAX ||
      stat(path, &info) != 0)
    return false;
  snprintf(now, sizeof now, "%llu.%lld.%lld%09ld", (unsigned long long)info.st_ino, (long long)info.st_size,
           (long long)info.st_mtim.tv_sec, info.st_mtim.tv_nsec);
  return strcmp(now, record->state) == 0;
}

int look_status(const struct form *form, const struct entry_record *record) {
  struct cursor at = {0};
  struct op op;
  size_t width = 0;
  if (!is_of_now(record, form->zone) || entry_record_target(record) < 0) return -1;
  while (plan_next(&record->plan, &at, &op)) {
    if (op.id == OP_STATUS_LINE && !add_line(&op, record)) return -1;
  }
  for (int i = 0; i < count; i++) width = strlen(lines[i].label) > width ? strlen(lines[i].label) : width;
  for (int i = 0; i < count; i++) {
    printf("%s:%*s  %s\n", lines[i].label, (int)(width - strlen(lines[i].label)), "",
           lines[i].text == NULL ? lines[i].value : lines[i].text);
  }
  return count > 0 && fflush(stdout) == 0 ? 0 : -1;
}
