/* cred.user: looks a user up in the zone's own files, as data, with bounds; see user.h. */
#include "user.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compat.h"
#include "cred.h"
#include "path.h"
#include "report.h"
#include "zone.h"

enum { FIRST_READ = 4096, MAX_FILE = 1024 * 1024, FIELDS = 7 };

struct field {
  const char *text;
  size_t length;
};

/* Splits the line at *at into fields; moves *at to the next line. False at the end of the text. */
static bool next_line(const char **at, struct field fields[FIELDS]) {
  if (**at == '\0') return false;
  const char *end = *at + strcspn(*at, "\n");
  const char *start = *at;
  for (int i = 0; i < FIELDS; i++) {
    const char *stop = memchr(start, ':', (size_t)(end - start));
    if (stop == NULL || i == FIELDS - 1) stop = end;
    fields[i] = (struct field){start, (size_t)(stop - start)};
    start = stop < end ? stop + 1 : end;
  }
  *at = *end == '\n' ? end + 1 : end;
  return true;
}

static bool equals(struct field field, const char *text, size_t length) {
  return field.length == length && memcmp(field.text, text, length) == 0;
}

/* An id below 2^32-1, which means "none" to the kernel. */
static bool parse_id(struct field field, uint32_t *id) {
  uint64_t value = 0;
  if (field.length == 0 || field.length > 10) return false;
  for (size_t i = 0; i < field.length; i++) {
    if (field.text[i] < '0' || field.text[i] > '9') return false;
    value = value * 10 + (uint64_t)(field.text[i] - '0');
  }
  *id = (uint32_t)value;
  return value < UINT32_MAX;
}

static void copy_field(char to[USER_MAX_FIELD], struct field field) {
  size_t length = field.length < USER_MAX_FIELD - 1 ? field.length : USER_MAX_FIELD - 1;
  memcpy(to, field.text, length);
  to[length] = '\0';
}

static bool find_user(const char *passwd, struct field wanted, struct user *user) {
  uint32_t number = 0;
  bool numeric = parse_id(wanted, &number);
  struct field fields[FIELDS];
  uint32_t uid;
  uint32_t gid;
  while (next_line(&passwd, fields)) {
    if (!parse_id(fields[2], &uid) || !parse_id(fields[3], &gid)) continue;
    if (numeric ? uid != number : !equals(fields[0], wanted.text, wanted.length)) continue;
    user->uid = uid;
    user->gid = gid;
    copy_field(user->name, fields[0]);
    copy_field(user->home, fields[5]);
    copy_field(user->shell, fields[6]);
    return true;
  }
  if (!numeric) return false;
  *user = (struct user){.uid = number, .home = "/"};
  return true;
}

static bool find_group(const char *group, struct field wanted, gid_t *gid) {
  uint32_t id;
  if (parse_id(wanted, &id)) {
    *gid = id;
    return true;
  }
  struct field fields[FIELDS];
  while (next_line(&group, fields)) {
    if (!equals(fields[0], wanted.text, wanted.length) || !parse_id(fields[2], &id)) continue;
    *gid = id;
    return true;
  }
  return false;
}

static bool is_member(struct field list, const char *name) {
  size_t length = strlen(name);
  const char *start = list.text;
  const char *end = list.text + list.length;
  while (length > 0 && start < end) {
    const char *stop = memchr(start, ',', (size_t)(end - start));
    if (stop == NULL) stop = end;
    if (equals((struct field){start, (size_t)(stop - start)}, name, length)) return true;
    start = stop + 1;
  }
  return false;
}

static void add_groups(const char *group, struct user *user) {
  struct field fields[FIELDS];
  uint32_t gid;
  while (next_line(&group, fields) && user->group_count < USER_MAX_GROUPS) {
    if (parse_id(fields[2], &gid) && is_member(fields[3], user->name)) user->groups[user->group_count++] = gid;
  }
}

const char *user_lookup(const char *spec, const char *passwd, const char *group, struct user *user) {
  *user = (struct user){.uid = 0};
  size_t length = strcspn(spec, ":");
  if (length == 0) return "the user is empty";
  if (!find_user(passwd, (struct field){spec, length}, user)) return "the zone's /etc/passwd has no such user";
  if (spec[length] == '\0') {
    add_groups(group, user);
    return NULL;
  }
  const char *wanted = spec + length + 1;
  if (!find_group(group, (struct field){wanted, strlen(wanted)}, &user->gid)) {
    return "the zone's /etc/group has no such group";
  }
  return NULL;
}

/* The file's text, "" if there is none; never freed, as exec or _exit follows. */
static const char *read_text(const char *path) {
  size_t size = FIRST_READ;
  size_t length = 0;
  char *text = malloc(size + 1);
  int fd = path_open(path, O_RDONLY | O_NONBLOCK, 0);
  while (fd >= 0 && text != NULL && length < size) {
    ssize_t n = read(fd, text + length, size - length);
    if (n <= 0) break;
    length += (size_t)n;
    if (length == size && size < MAX_FILE) text = realloc(text, (size *= 2) + 1);
  }
  if (text == NULL) fail("malloc", path);
  if (fd >= 0) close(fd);
  text[length] = '\0';
  return text;
}

void cred_user(const struct op *op) {
  static struct user user;
  const char *spec = op_arg(op, 0);
  const char *passwd = read_text("/etc/passwd");
  const char *group = read_text("/etc/group");
  const char *problem = user_lookup(spec, passwd, group, &user);
  if (problem != NULL) fail_with(ENOENT, "", spec, problem);
  exec_env_default("HOME", *user.home == '\0' ? "/" : user.home);
  if (*user.name != '\0') {
    exec_env_default("USER", user.name);
    exec_env_default("LOGNAME", user.name);
  }
  exec_env_default("SHELL", *user.shell == '\0' ? "/bin/sh" : user.shell);
  cred_become(user.uid, user.gid, user.groups, user.group_count);
  zone_tie();
}
