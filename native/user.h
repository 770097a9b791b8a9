/* Who a user specification names, from the text of a passwd and a group file. Pure: tested and fuzzed by themselves. */
#ifndef TSZONE_USER_H
#define TSZONE_USER_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

enum { USER_MAX_GROUPS = 256, USER_MAX_FIELD = 256 };

struct user {
  uid_t uid;
  gid_t gid;
  gid_t groups[USER_MAX_GROUPS];
  int group_count;
  char name[USER_MAX_FIELD], home[USER_MAX_FIELD], shell[USER_MAX_FIELD];
};

/* spec: NAME, UID, NAME:GROUP, UID:GID. NULL, or what is wrong with it. */
const char *user_lookup(const char *spec, const char *passwd, const char *group, struct user *user);

#endif
