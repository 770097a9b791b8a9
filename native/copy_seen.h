/* Which file of the copy was made from which state of which file: an open-addressed table by the inode of the copy. */
#ifndef COPY_SEEN_H
#define COPY_SEEN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

struct copy_state {
  uint64_t copy, source;
  int64_t changed_ns;
};

struct copy_table {
  struct copy_state *slots;
  uint64_t room, count;
};

/* NULL: not known. */
const struct copy_state *copy_table_find(const struct copy_table *table, uint64_t copy);

void copy_table_put(struct copy_table *table, struct copy_state state);

/* The states of regular files that are as old as BEFORE_NS or older; a file that is not there is an empty table. */
void copy_table_read(struct copy_table *table, int directory, const char *name);
void copy_table_write(const struct copy_table *table, int directory, const char *name, int64_t before_ns);

int64_t copy_changed_ns(const struct stat *st);

/* Whether what is changed on FD's file system after a syncfs is always marked with a later time than now. */
bool copy_notices_changes(int fd);

/* The kernel's own, coarse clock: from now on no change can be marked with an earlier time. */
int64_t copy_now_ns(void);

#endif
