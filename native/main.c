/* tszone-helper: the few system calls that a multi-threaded node process cannot make. One mode a run. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "extents.h"
#include "launch.h"
#include "lock.h"
#include "look.h"
#include "ops.h"
#include "place.h"
#include "program.h"
#include "quota.h"
#include "spawner.h"
#include "subvolume.h"
#ifdef HAVE_MODE_unpack
#include "unpack.h"
#endif
#ifdef HAVE_MODE_pack
#include "pack.h"
#endif
#ifdef HAVE_MODE_copy
#include "copy.h"
#endif
#ifdef HAVE_MODE_list
#include "list.h"
#endif
#ifdef HAVE_MODE_view
#include "view.h"
#endif
#ifdef HAVE_MODE_merge
#include "merge.h"
#endif

static int features_main(int argc, char **argv) {
  (void)argc;
  (void)argv;
  return ops_print_features();
}

static const struct {
  const char *name;
  int (*run)(int argc, char **argv);
} modes[] = {
    {"launch", launch_main},   {"enter", enter_main},         {"apply", program_main},     {"lock", lock_main},
    {"spawner", spawner_main}, {"look", look_main},           {"place", place_main},       {"quota", quota_main},
    {"extents", extents_main}, {"subvolume", subvolume_main}, {"features", features_main},
#ifdef HAVE_MODE_unpack
    {"unpack", unpack_main},
#endif
#ifdef HAVE_MODE_pack
    {"pack", pack_main},
#endif
#ifdef HAVE_MODE_copy
    {"copy", copy_main},
#endif
#ifdef HAVE_MODE_list
    {"list", list_main},
#endif
#ifdef HAVE_MODE_view
    {"view", view_main},
#endif
#ifdef HAVE_MODE_merge
    {"merge", merge_main},
#endif
};

int main(int argc, char **argv) {
  const char *mode = argc > 1 ? argv[1] : "";
  for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
    if (strcmp(modes[i].name, mode) == 0) return modes[i].run(argc - 1, argv + 1);
  }
  fprintf(stderr, "tszone-helper: unknown mode \"%s\"; it is started by tszone, not by hand\n", mode);
  return 125;
}
