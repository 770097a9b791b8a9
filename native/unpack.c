/*
 * tszone-helper unpack --root DIR [option…]: writes a tar archive from descriptor 0 below DIR, confined to it.
 *
 *   --to PATH          instead of --root: below PATH if that is a directory; else beside it, the archive's top becoming
 *                      its last component
 *   --here             DIR is looked up as it is; no namespaces (the payload of a zone, confined already)
 *   --only NAME        refuse an archive that has anything but one top entry of that name, or that gives attributes to
 * DIR
 *   --exclude GLOB     leave out entries whose name, or a directory above, matches; any number of times
 *   --strip N          take N components off the front of names
 *   --max-bytes N      refuse a longer archive      --max-entries N  refuse more entries
 *   --no-owner         everything belongs to the caller      --owner UID:GID  everything belongs to these
 *   --devices          make character and block devices (else they are left out and counted)
 *   --keep-directory-symlink   a directory's entry goes through a link to a directory that stands in its place
 *   --whiteouts        an entry .wh.NAME becomes what hides NAME of the layers below in an overlay
 *   --marks            overlay's own: nodes 0:0 that hide a name, and opaque directories
 *   --outline          on stdout: all of the archive but the content of files (unpack_outline.h)
 *   --scrub            an empty etc/machine-id, no etc/ssh/ssh_host_*_key*, no dbus machine-id; after --part: of that one
 *   --sync             all is on disk at the end (unpack_sync.h)
 *   --digest           of all that is read the SHA-256, if this processor has instructions for that
 *
 * Or, instead of --root and --to, several directories:
 *
 *   --part NAME --dir DIR  entries below NAME lie below DIR; parts come in this order, and nothing else may come
 *   --first NAME           before all comes a file NAME: it goes to stdout, its size in a line before it. Further
 *                          options, which tell the parts, are then read from descriptor 3, to end of file, each ended
 * by NUL; none: nothing is done
 *   --progress             {"bytes":N} on stdout now and then, and at the end
 *   --through WORD…        the archive comes through a program; each of its words is an option of its own
 *   --nobody               that program is nobody's, and has no network
 *   --parent PID           die when that process does
 *
 * At the end, on stdout or with --outline on stderr: {"entries":N,"bytes":N,"skipped":N,"skippedDevices":N,
 * "skippedXattrs":N,"exact":B,"removedHostKeys":N,"hostKeys":["PART/KIND",…],"digest":"HEX"}: exact: the outline gives the archive
 */
#include "unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unpack_aside.h"
#include "unpack_confine.h"
#include "unpack_input.h"
#include "unpack_outline.h"
#include "unpack_parts.h"
#include "unpack_path.h"
#include "unpack_report.h"
#include "unpack_scrub.h"
#include "unpack_sync.h"
#include "unpack_tar.h"
#include "unpack_through.h"
#include "unpack_turns.h"
#include "unpack_whiteout.h"
#include "unpack_write.h"

enum { MAX_EXCLUDES = 256 };

static struct {
  const char *root;
  /* What the first component of every name becomes; NULL: it stays. */
  const char *top;
  /* The one name at the top; NULL: any. */
  const char *only;
  /* The file before all; NULL: there is none. */
  const char *first;
  bool here, scrub, sync, outline;
  unsigned strip;
  uint64_t max_entries;
  const char *excludes[MAX_EXCLUDES];
  size_t exclude_count;
  struct unpack_options write;
  struct unpack_parts parts;
  struct unpack_through through;
} settings;

enum { MAX_FIRST = 1 << 20, MAX_LATER = 256 << 10, CONTROL_FD = 3 };

static uint64_t number(const char *text, uint64_t max) {
  char *end;
  unsigned long long value;

  errno = 0;
  value = strtoull(text, &end, 10);
  if (*text < '0' || *text > '9' || *end != '\0' || errno != 0 || value > max)
    unpack_die(EINVAL, "not a number, or out of range", text);
  return value;
}

static void parse_owner(char *text) {
  char *colon = strchr(text, ':');

  if (colon == NULL) unpack_die(EINVAL, "not UID:GID", text);
  *colon = '\0';
  settings.write.keep_owner = false;
  settings.write.owner_uid = (uint32_t)number(text, UINT32_MAX - 1);
  settings.write.owner_gid = (uint32_t)number(colon + 1, UINT32_MAX - 1);
}

static void parse_to(char *path) {
  struct stat st;
  char *slash = strrchr(path, '/');

  if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
    settings.root = path;
    return;
  }
  if (slash == NULL || slash[1] == '\0') unpack_die(ENOENT, "find the directory", path);
  settings.top = slash + 1;
  settings.root = slash == path ? "/" : path;
  if (slash != path) *slash = '\0';
}

static void parse_part_option(int option) {
  switch (option) {
  case 'p':
    unpack_add_part(&settings.parts, optarg);
    break;
  case 'D':
    unpack_add_dir(&settings.parts, optarg);
    break;
  case '1':
    settings.first = optarg;
    break;
  case 'g':
    unpack_input_show_progress();
    break;
  case 'H':
    unpack_input_hash();
    break;
  case 'T':
    unpack_through_add(&settings.through, optarg);
    break;
  case 'N':
    settings.through.nobody = true;
    break;
  case 'O':
    unpack_die_with_parent(optarg);
    break;
  default:
    unpack_die(EINVAL, "unknown option, or one without its value", "");
  }
}

static void parse_option(int option) {
  switch (option) {
  case 'r':
    settings.root = optarg;
    break;
  case 't':
    parse_to(optarg);
    break;
  case 'h':
    settings.here = true;
    break;
  case 'i':
    settings.only = optarg;
    break;
  case 'x':
    if (settings.exclude_count == MAX_EXCLUDES) unpack_die(E2BIG, "too many --exclude", optarg);
    settings.excludes[settings.exclude_count++] = optarg;
    break;
  case 's':
    settings.strip = (unsigned)number(optarg, 1000);
    break;
  case 'b':
    unpack_input_limit(number(optarg, UINT64_MAX));
    break;
  case 'e':
    settings.max_entries = number(optarg, UINT64_MAX);
    break;
  case 'n':
    settings.write.keep_owner = false;
    break;
  case 'k':
    settings.write.keep_owner = true;
    break;
  case 'o':
    parse_owner(optarg);
    break;
  case 'd':
    settings.write.devices = true;
    break;
  case 'l':
    settings.write.keep_directory_symlinks = true;
    break;
  case 'w':
    settings.write.whiteouts = true;
    break;
  case 'm':
    settings.write.marks = true;
    break;
  case 'u':
    settings.outline = true;
    unpack_outline_start();
    break;
  case 'c':
    if (settings.parts.count == 0)
      settings.scrub = true;
    else
      settings.parts.list[settings.parts.count - 1]->scrub = true;
    break;
  case 'y':
    settings.sync = true;
    break;
  default:
    parse_part_option(option);
  }
}
static void parse_options(int argc, char **argv) {
  static const struct option names[] = {
      {"root", required_argument, NULL, 'r'},
      {"to", required_argument, NULL, 't'},
      {"here", no_argument, NULL, 'h'},
      {"only", required_argument, NULL, 'i'},
      {"exclude", required_argument, NULL, 'x'},
      {"strip", required_argument, NULL, 's'},
      {"max-bytes", required_argument, NULL, 'b'},
      {"max-entries", required_argument, NULL, 'e'},
      {"keep-owner", no_argument, NULL, 'k'},
      {"no-owner", no_argument, NULL, 'n'},
      {"owner", required_argument, NULL, 'o'},
      {"devices", no_argument, NULL, 'd'},
      {"keep-directory-symlink", no_argument, NULL, 'l'},
      {"whiteouts", no_argument, NULL, 'w'},
      {"marks", no_argument, NULL, 'm'},
      {"outline", no_argument, NULL, 'u'},
      {"scrub", no_argument, NULL, 'c'},
      {"sync", no_argument, NULL, 'y'},
      {"part", required_argument, NULL, 'p'},
      {"dir", required_argument, NULL, 'D'},
      {"first", required_argument, NULL, '1'},
      {"progress", no_argument, NULL, 'g'},
      {"digest", no_argument, NULL, 'H'},
      {"through", required_argument, NULL, 'T'},
      {"nobody", no_argument, NULL, 'N'},
      {"parent", required_argument, NULL, 'O'},
      {NULL, 0, NULL, 0},
  };
  int option;

  optind = 1;
  opterr = 0;
  while ((option = getopt_long(argc, argv, "", names, NULL)) != -1) parse_option(option);
  if (optind < argc) unpack_die(EINVAL, "usage: unpack --root DIR [option…]", argv[optind]);
}

static bool is_excluded(const char *path) {
  for (size_t i = 0; i < settings.exclude_count; i++)
    if (fnmatch(settings.excludes[i], path, FNM_LEADING_DIR) == 0) return true;
  return false;
}

static bool clean_name(char clean[UNPACK_PATH_MAX], const char *name) {
  static char renamed[UNPACK_PATH_MAX];
  const char *rest;

  if (!unpack_clean_path(clean, name, settings.strip)) return false;
  if (settings.top == NULL || *clean == '\0') return true;
  rest = strchr(clean, '/');
  if (snprintf(renamed, sizeof renamed, "%s%s", settings.top, rest == NULL ? "" : rest) >= (int)sizeof renamed)
    unpack_die(ENAMETOOLONG, "rename", name);
  return unpack_clean_path(clean, renamed, 0);
}

/* The archive may come from an enemy: what it calls its entries is checked, not believed. */
static void require_only(const char *path) {
  size_t length;

  if (settings.only == NULL) return;
  length = strlen(settings.only);
  if (strncmp(path, settings.only, length) != 0 || (path[length] != '\0' && path[length] != '/'))
    unpack_die(0, "the archive has an entry that was not asked for", NULL);
}

/* Options of whoever has read the manifest. */
static void parse_later_options(void) {
  static char text[MAX_LATER], program[] = "unpack";
  static char *words[MAX_LATER / 2 + 2] = {program};
  size_t size = 0;
  ssize_t got;
  int count = 1;

  while (size < sizeof text && (got = read(CONTROL_FD, text + size, sizeof text - size)) > 0) size += (size_t)got;
  if (size == 0) _exit(1);
  if (size == sizeof text || text[size - 1] != '\0') unpack_die(E2BIG, "too many options", "");
  for (char *word = text; word < text + size; word += strlen(word) + 1) words[count++] = word;
  parse_options(count, words);
}

/* Handed up before anything is confined or written: what may come is one plain header, and nothing else is looked at.
 */
static void hand_up_first(void) {
  static char content[MAX_FIRST];
  uint64_t size;

  if (settings.first == NULL) return;
  size = tar_first(settings.first, sizeof content);
  unpack_input_exact(content, (size_t)size);
  tar_pad(size);
  printf("%" PRIu64 "\n", size);
  fwrite(content, 1, (size_t)size, stdout);
  if (fflush(stdout) != 0) unpack_die(errno, "hand the manifest up", settings.first);
  parse_later_options();
}

static void unpack_all(void) {
  struct tar_entry entry = {0};
  char path[UNPACK_PATH_MAX], link[UNPACK_PATH_MAX] = "";
  uint64_t seen = 0;

  while (tar_next(&entry)) {
    bool wanted;

    if (++seen > settings.max_entries) unpack_die(0, "the archive has more entries than --max-entries", NULL);
    wanted = clean_name(path, entry.path);
    if (wanted) require_only(path);
    if (wanted && entry.type == TAR_HARDLINK) wanted = clean_name(link, entry.link);
    if (wanted) unpack_turns_enter(path, link, entry.type == TAR_HARDLINK);
    if (wanted && !is_excluded(path))
      unpack_write_entry(&entry, path, link);
    else
      unpack_write_skip(&entry);
    unpack_sync_tell(unpack_counts.bytes);
  }
  unpack_input_drain();
  unpack_set_entry("");
}

static int confine(uint64_t caps) {
  if (settings.parts.count == 0) return unpack_confine(settings.root, settings.here, caps);
  unpack_raise_file_limit();
  unpack_confine_parts(&settings.parts, 0, caps);
  return settings.parts.list[0]->root;
}

int unpack_main(int argc, char **argv) {
  uint64_t caps = UNPACK_CAP(UNPACK_CAP_CHOWN) | UNPACK_CAP(UNPACK_CAP_DAC_OVERRIDE) | UNPACK_CAP(UNPACK_CAP_FOWNER) |
                  UNPACK_CAP(UNPACK_CAP_FSETID) | UNPACK_CAP(UNPACK_CAP_SETFCAP);
  int root;

  settings.max_entries = UINT64_MAX;
  settings.write = (struct unpack_options){.keep_owner = true, .owner_uid = UINT32_MAX, .owner_gid = UINT32_MAX};
  parse_options(argc, argv);
  if (settings.first != NULL && unpack_input_digest() != NULL)
    unpack_die(EINVAL, "--first is read before there may be a thread, so not with --digest", "");
  unpack_through_start(&settings.through, STDIN_FILENO);
  hand_up_first();
  if ((settings.root == NULL) == (settings.parts.count == 0))
    unpack_die(EINVAL, "usage: unpack --root DIR [option…]", "");
  if (settings.write.devices) caps |= UNPACK_CAP(UNPACK_CAP_MKNOD);
  root = confine(caps);
  umask(0);
  /* A thread has the rights of the one that makes it: all of those that were to go have gone. */
  if (!settings.here) unpack_aside_start();
  if (settings.sync) unpack_sync_start(&settings.parts, root);
  unpack_turns_begin(&settings.parts, &settings.write, root, settings.scrub);
  unpack_all();
  unpack_turns_end();
  unpack_outline_end();
  unpack_through_end(STDIN_FILENO);
  if (settings.sync) unpack_sync_end();
  FILE *out = settings.outline ? stderr : stdout;
  fprintf(out,
          "{\"entries\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"skipped\":%" PRIu64 ",\"skippedDevices\":%" PRIu64
          ",\"skippedXattrs\":%" PRIu64 ",\"exact\":%s",
          unpack_counts.entries, unpack_counts.bytes, unpack_counts.skipped, unpack_counts.skipped_devices,
          unpack_counts.skipped_xattrs, unpack_outline_is_exact() ? "true" : "false");
  unpack_scrub_report(out);
  if (unpack_input_digest() != NULL) fprintf(out, ",\"digest\":\"%s\"", unpack_input_digest());
  fputs("}\n", out);
  return fflush(out) == 0 ? 0 : 1;
}
