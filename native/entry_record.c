/* Reads and completes the record, see entry_record.h. */
#include "entry_record.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compat.h"
#include "process.h"

static const char *setting(const char *name, const char *otherwise) {
  const char *value = getenv(name);
  return value == NULL ? otherwise : value;
}

static void take(struct entry_record *record, const struct op *op) {
  switch ((int)op->id) {
  case OP_ENTRY_ROOT:
    record->root = op_arg(op, 0);
    break;
  case OP_ENTRY_FREEZER:
    record->freezer = op_arg(op, 0);
    break;
  case OP_ENTRY_GROUP:
    record->group = op_arg(op, 0);
    break;
  case OP_ENTRY_USER:
    record->user = op_arg(op, 0);
    break;
  case OP_ENTRY_WORKDIR:
    record->workdir = op_arg(op, 0);
    break;
  case OP_ENTRY_LOGIN:
    record->login = *op;
    break;
  case OP_NS_FLAGS:
    record->namespaces = op_arg(op, 0);
    break;
  case OP_STATUS_OF:
    record->state = op_arg(op, 0);
    break;
  case OP_STATUS_SINCE:
    record->started = op_arg(op, 0);
    break;
  case OP_TARGET:
    record->target_pid = op_arg(op, 0);
    record->target_start = op_arg(op, 1);
    break;
  default:
    break;
  }
}

/* Of another root that has the same run-time directory, or of one that is named in another way: node finds out. Without
 * a user namespace of its own the zone could write to this very program: the helper protects itself, this does not. */
static bool is_usable(const struct entry_record *record, const char *zone) {
  const char *root = setting("TSZONE_ROOT", "/var/lib/tszone");
  char path[PATH_MAX];
  if (record->root == NULL || strcmp(record->root, root) != 0) return false;
  if (record->target_pid == NULL || record->group == NULL || record->user == NULL || record->workdir == NULL)
    return false;
  if (record->namespaces == NULL || strncmp(record->namespaces, "user,", 5) != 0) return false;
  return snprintf(path, sizeof path, "%s/zones/%s/zone.json", root, zone) < PATH_MAX && access(path, F_OK) == 0;
}

bool entry_record_read(const char *zone, size_t room, struct entry_record *record) {
  char path[PATH_MAX];
  *record = (struct entry_record){.login = {.id = OP_COUNT}};
  int length = snprintf(path, sizeof path, "%s/zones/%s/enter", setting("TSZONE_RUN_ROOT", "/run/tszone"), zone);
  if (length >= PATH_MAX) return false;
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return false;
  bool is_read = plan_read(fd, &record->plan);
  close(fd);
  struct plan_error error;
  if (!is_read || !plan_check(&record->plan, &error) || !plan_reserve(&record->plan, room)) return false;
  struct cursor at = {0};
  struct op op;
  while (plan_next(&record->plan, &at, &op)) take(record, &op);
  return is_usable(record, zone);
}

bool entry_record_is_frozen(const struct entry_record *record) {
  char text[512];
  int fd = record->freezer == NULL ? -1 : open(record->freezer, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  ssize_t n = read(fd, text, sizeof text - 1);
  close(fd);
  if (n <= 0) return false;
  text[n] = '\0';
  return strncmp(text, "FROZEN", 6) == 0 || strstr(text, "frozen 1") != NULL;
}

int entry_record_target(const struct entry_record *record) {
  pid_t pid = (pid_t)strtol(record->target_pid, NULL, 10);
  int fd = tz_pidfd_open(pid);
  if (fd >= 0 && process_start_time(pid) == strtoull(record->target_start, NULL, 10)) return fd;
  if (fd >= 0) close(fd);
  return -1;
}

void entry_record_word(struct entry_record *record, const char *word) {
  size_t size = strlen(word) + 1;
  memcpy(record->plan.base + record->plan.length, word, size);
  record->plan.length += size;
}

void entry_record_begin(struct entry_record *record, const char *op, int argc) {
  char number[16];
  snprintf(number, sizeof number, "%d", argc);
  entry_record_word(record, op);
  entry_record_word(record, number);
}
