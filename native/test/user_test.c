/* Users and groups from the zone's own, untrusted, files. */
#include "check.h"
#include "user.h"

static const char passwd[] = "root:x:0:0:root:/root:/bin/bash\n"
                             "broken\n"
                             "noid:x::\n"
                             "web:x:33:34:W,,,:/srv/www:/bin/sh\n"
                             "big:x:4294967296:1::/:/bin/sh\n"
                             "last:x:7:8::/last:/bin/last";
static const char group[] = "root:x:0:\nstaff:x:50:web,root\nwebs:x:51:webb,bweb\nadm:x:52:root,web\n";

static const char *look(const char *spec, struct user *user) {
  const char *problem = user_lookup(spec, passwd, group, user);
  return problem == NULL ? "" : problem;
}

static void check_names(void) {
  struct user user;
  CHECK_TEXT(look("web", &user), "");
  CHECK(user.uid == 33 && user.gid == 34 && user.group_count == 2 && user.groups[0] == 50 && user.groups[1] == 52);
  CHECK_TEXT(user.name, "web");
  CHECK_TEXT(user.home, "/srv/www");
  CHECK_TEXT(user.shell, "/bin/sh");
  CHECK_TEXT(look("last", &user), "");
  CHECK_TEXT(user.shell, "/bin/last");
  CHECK_TEXT(look("web:staff", &user), "");
  CHECK(user.uid == 33 && user.gid == 50 && user.group_count == 0);
}

static void check_numbers(void) {
  struct user user;
  CHECK_TEXT(look("33", &user), "");
  CHECK_TEXT(user.name, "web");
  CHECK_TEXT(look("1234:5678", &user), "");
  CHECK(user.uid == 1234 && user.gid == 5678);
  CHECK_TEXT(user.name, "");
  CHECK_TEXT(user.home, "/");
}

static void check_refusals(void) {
  struct user user;
  CHECK_TEXT(look("", &user), "the user is empty");
  CHECK_TEXT(look(":5", &user), "the user is empty");
  CHECK_TEXT(look("nobody", &user), "the zone's /etc/passwd has no such user");
  CHECK_TEXT(look("we", &user), "the zone's /etc/passwd has no such user");
  CHECK_TEXT(look("noid", &user), "the zone's /etc/passwd has no such user");
  /* Would wrap to 0. */
  CHECK_TEXT(look("big", &user), "the zone's /etc/passwd has no such user");
  CHECK_TEXT(look("4294967296", &user), "the zone's /etc/passwd has no such user");
  /* -1 means "unchanged" to setresuid: the process would stay root. */
  CHECK_TEXT(look("4294967295", &user), "the zone's /etc/passwd has no such user");
  CHECK_TEXT(look("web:nogroup", &user), "the zone's /etc/group has no such group");
  CHECK_TEXT(look("web:4294967295", &user), "the zone's /etc/group has no such group");
}

static void check_long_fields(void) {
  struct user user;
  char text[1200];
  memset(text, 'h', sizeof text);
  memcpy(text, "u:x:5:6::/", 10);
  text[sizeof text - 1] = '\0';
  CHECK(user_lookup("u", text, "", &user) == NULL);
  CHECK(strlen(user.home) == USER_MAX_FIELD - 1);
}

int main(void) {
  check_names();
  check_numbers();
  check_refusals();
  check_long_fields();
  return 0;
}
