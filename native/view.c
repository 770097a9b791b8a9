/*
 * tszone-helper view --at DIR --source NAME [--ids BASE:COUNT] LAYER…: mounts an overlay of the layers, topmost first, at DIR. It has no
 * upper layer, so that nobody can make it writable; it is nosuid, nodev and noexec. With --ids the owners are shifted into that range.
 *
 * The layers are put together in a mount namespace of its own, under short names: what a mount is told has to fit into a page.
 */
#include "view.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "compat.h"
#include "unpack_report.h"

enum { MAX_LAYERS = 200, FLAGS = TZ_ATTR_RDONLY | TZ_ATTR_NOSUID | TZ_ATTR_NODEV | TZ_ATTR_NOEXEC };

static struct {
  const char *at, *source;
  unsigned long base, count;
} options;

static void parse_ids(const char *text) {
  if (sscanf(text, "%lu:%lu", &options.base, &options.count) != 2 || options.count == 0)
    unpack_die(EINVAL, "not BASE:COUNT", text);
}

static void parse_options(int argc, char **argv) {
  static const struct option names[] = {
      {"at", required_argument, NULL, 'a'},
      {"source", required_argument, NULL, 's'},
      {"ids", required_argument, NULL, 'i'},
      {NULL, 0, NULL, 0},
  };
  int option;

  optind = 1;
  opterr = 0;
  while ((option = getopt_long(argc, argv, "", names, NULL)) != -1) {
    if (option == '?') unpack_die(EINVAL, "unknown option, or one without its value", "");
    options.at = option == 'a' ? optarg : options.at;
    options.source = option == 's' ? optarg : options.source;
    if (option == 'i') parse_ids(optarg);
  }
  if (options.at == NULL || options.source == NULL || optind >= argc || argc - optind > MAX_LAYERS)
    unpack_die(EINVAL, "usage: view --at DIR --source NAME [--ids BASE:COUNT] LAYER…", "");
}

static void write_map(pid_t pid, const char *file) {
  char path[64], text[64];
  int fd, length = snprintf(text, sizeof text, "0 %lu %lu", options.base, options.count);

  snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, file);
  fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0 || write(fd, text, (size_t)length) != length) unpack_die(errno, "write an id map", path);
  close(fd);
}

/* A user namespace exists only with a process in it, or a descriptor of it. */
static int make_user_namespace(void) {
  struct tz_clone_args args = {.flags = CLONE_NEWUSER, .exit_signal = SIGCHLD};
  pid_t pid = tz_clone3(&args);
  char path[64];
  int fd;

  if (pid < 0) unpack_die(errno, "clone3", "");
  if (pid == 0)
    for (;;) pause();
  write_map(pid, "uid_map");
  write_map(pid, "gid_map");
  snprintf(path, sizeof path, "/proc/%d/ns/user", (int)pid);
  fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) unpack_die(errno, "open", path);
  kill(pid, SIGKILL);
  waitpid(pid, NULL, 0);
  return fd;
}

static int open_layer(const char *path, int users) {
  struct tz_mount_attr attributes = {.set = FLAGS, .propagation = MS_PRIVATE};
  int tree = tz_open_tree(AT_FDCWD, path, TZ_OPEN_TREE_CLONE | O_CLOEXEC);

  if (tree < 0) unpack_die(errno, "open a layer", path);
  if (users >= 0) {
    attributes.set |= TZ_ATTR_IDMAP;
    attributes.userns_fd = (uint64_t)users;
  }
  if (tz_mount_setattr(tree, "", TZ_AT_EMPTY_PATH, &attributes) < 0) unpack_die(errno, "map the owners", path);
  return tree;
}

static void set(int context, const char *key, const char *value) {
  if (tz_fsconfig(context, value == NULL ? TZ_FSCONFIG_SET_FLAG : TZ_FSCONFIG_SET_STRING, key, value) < 0)
    unpack_die(errno, "configure the overlay", key);
}

static int overlay_by_context(const char *lower) {
  int context = tz_fsopen("overlay"), overlay;

  if (context < 0) unpack_die(errno, "fsopen", "overlay");
  set(context, "source", options.source);
  set(context, "lowerdir", lower);
  set(context, "userxattr", NULL);
  if (tz_fsconfig(context, TZ_FSCONFIG_CMD_CREATE, NULL, NULL) < 0) unpack_die(errno, "make the overlay", lower);
  overlay = tz_fsmount(context, FLAGS);
  if (overlay < 0) unpack_die(errno, "fsmount", "overlay");
  close(context);
  return overlay;
}

/* fsconfig(2) takes 255 bytes of an option, mount(2) a page of them. */
static int overlay_by_mount(const char *lower) {
  char text[4096];
  int overlay;

  if (snprintf(text, sizeof text, "userxattr,lowerdir=%s", lower) >= (int)sizeof text)
    unpack_die(E2BIG, "too many layers", "");
  if (mkdir("o", 0700) < 0) unpack_die(errno, "mkdir", "o");
  if (mount(options.source, "o", "overlay", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, text) < 0)
    unpack_die(errno, "mount", "overlay");
  overlay = tz_open_tree(AT_FDCWD, "o", TZ_OPEN_TREE_CLONE | O_CLOEXEC);
  if (overlay < 0) unpack_die(errno, "open_tree", "overlay");
  return overlay;
}

/* In the private namespace, where a tmpfs covers DIR. */
static int make_overlay(const int *layers, int count) {
  char lower[MAX_LAYERS * 5] = "", name[12];

  for (int i = 0; i < count; i++) {
    snprintf(name, sizeof name, "%d", i);
    if (mkdir(name, 0700) < 0) unpack_die(errno, "mkdir", name);
    if (tz_move_mount(layers[i], "", AT_FDCWD, name, TZ_MOVE_MOUNT_F_EMPTY_PATH) < 0)
      unpack_die(errno, "move_mount", name);
    strcat(lower, name);
    strcat(lower, ":");
  }
  /* One layer alone is refused where there is no upper one. */
  if (mkdir("e", 0700) < 0) unpack_die(errno, "mkdir", "e");
  strcat(lower, "e");
  return strlen(lower) < 256 ? overlay_by_context(lower) : overlay_by_mount(lower);
}

int view_main(int argc, char **argv) {
  int layers[MAX_LAYERS], count, own, target, overlay, users;

  parse_options(argc, argv);
  count = argc - optind;
  target = open(options.at, O_PATH | O_DIRECTORY | O_CLOEXEC);
  own = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
  if (target < 0 || own < 0) unpack_die(errno, "open", options.at);
  users = options.count > 0 ? make_user_namespace() : -1;
  for (int i = 0; i < count; i++) layers[i] = open_layer(argv[optind + i], users);
  if (unshare(CLONE_NEWNS) < 0) unpack_die(errno, "unshare", "mnt");
  if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) unpack_die(errno, "make the mounts private", "/");
  if (mount("tmpfs", options.at, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0700,size=64k") < 0 || chdir(options.at) < 0)
    unpack_die(errno, "mount a tmpfs", options.at);
  overlay = make_overlay(layers, count);
  if (setns(own, CLONE_NEWNS) < 0) unpack_die(errno, "setns", "mnt");
  if (tz_move_mount(overlay, "", target, "", TZ_MOVE_MOUNT_F_EMPTY_PATH | TZ_MOVE_MOUNT_T_EMPTY_PATH) < 0)
    unpack_die(errno, "move_mount", options.at);
  return 0;
}
