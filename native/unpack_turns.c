/* Which part of an archive is written now: each has its turn once. */
#include "unpack_turns.h"

#include <string.h>

#include "unpack_aside.h"
#include "unpack_path.h"
#include "unpack_report.h"
#include "unpack_scrub.h"
#include "unpack_times.h"

static const struct unpack_parts *parts;
static const struct unpack_options *options;
static size_t current;
static int only_root;
static bool only_scrub;

static void begin_at(int root) {
  unpack_write_init(root, options);
  unpack_times_init(root);
}

void unpack_turns_begin(const struct unpack_parts *all, const struct unpack_options *how, int root, bool scrub) {
  parts = all;
  options = how;
  only_root = root;
  only_scrub = scrub;
  begin_at(root);
}

/* Takes the part's name off PATH, which becomes the part's own name of the entry. */
static bool is_below(char *path, const char *part) {
  size_t length = strlen(part);

  if (strncmp(path, part, length) != 0 || (path[length] != '\0' && path[length] != '/')) return false;
  memmove(path, path + length + (path[length] == '/'), strlen(path + length + (path[length] == '/')) + 1);
  return true;
}

/* Times come last: all before changes those of directories. */
void unpack_turns_end(void) {
  const struct unpack_part *part = parts->count == 0 ? NULL : parts->list[current];

  unpack_aside_wait();
  if (part == NULL ? only_scrub : part->scrub)
    unpack_scrub(part == NULL ? only_root : part->root, part == NULL ? NULL : part->name);
  unpack_times_apply();
  unpack_path_forget();
}

void unpack_turns_enter(char *path, char *link, bool has_link) {
  if (parts->count == 0) return;
  while (current < parts->count && !is_below(path, parts->list[current]->name)) {
    unpack_turns_end();
    if (++current < parts->count) begin_at(parts->list[current]->root);
  }
  if (current == parts->count || (has_link && !is_below(link, parts->list[current]->name)))
    unpack_die(0, "the archive has an entry that is not below one of its parts, or out of their order", NULL);
}
