/* Random archives, most of them nearly right and full of links that lead out, for N seconds (or one, by its seed).
 * Each is unpacked by a process of its own; that must end by itself, and must have changed nothing outside of its root.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "unpack.h"

enum { MAX_ARCHIVE = 64 << 10, MAX_ENTRIES = 12, CLEAN_EVERY = 64, CPU_SECONDS = 20, SECONDS = 600 };

static char base[] = "/tmp/unpack-fuzz-XXXXXX";
static char root[64], canary[64];
static unsigned char archive[MAX_ARCHIVE];
static size_t archive_size;
static uint64_t state;

/* xorshift64*: the same archives for the same seed everywhere. */
static uint32_t pick(uint32_t limit) {
  state ^= state >> 12;
  state ^= state << 25;
  state ^= state >> 27;
  return (uint32_t)(state * UINT64_C(2685821657736338717) >> 33) % limit;
}

static const char *random_name(void) {
  static const char *const names[] = {"a",
                                      "b",
                                      "a/b",
                                      "l",
                                      "l/x",
                                      "l/canary",
                                      "l/y",
                                      "../canary",
                                      "/abs",
                                      "a/b/c",
                                      "d/",
                                      "d/l",
                                      "./",
                                      "b/",
                                      "l/",
                                      "l/l",
                                      "l/l/x",
                                      "a/l/b",
                                      "x//y",
                                      "d/./",
                                      "m/n/o",
                                      "etc/x",
                                      "canary",
                                      "l/canary/x",
                                      ".wh.a",
                                      "l/.wh.canary",
                                      "a/.wh..wh..opq",
                                      "l/.wh..wh..opq",
                                      ".wh.d",
                                      ".wh.l",
                                      ".wh...",
                                      "d/.wh.l"};
  return names[pick(sizeof names / sizeof names[0])];
}

static const char *random_target(void) {
  static const char *const targets[] = {"..",  "../canary",  "../..",          ".", "a", "l", "d", "/",
                                        "a/b", "/../canary", "/proc/self/cwd", ""};
  uint32_t i = pick(sizeof targets / sizeof targets[0] + 2);

  return i < sizeof targets / sizeof targets[0] ? targets[i] : i & 1 ? canary : base;
}

static void append(const void *data, size_t size) {
  if (archive_size + size > sizeof archive) size = sizeof archive - archive_size;
  memcpy(archive + archive_size, data, size);
  archive_size += size;
}

static void set_checksum(unsigned char *block) {
  unsigned sum = 0;

  memset(block + 148, ' ', 8);
  for (int i = 0; i < 512; i++) sum += block[i];
  snprintf((char *)block + 148, 8, "%06o", sum & 0777777);
}

static void append_entry(char type, const char *name, const char *link, const void *content, size_t size) {
  char block[512] = {0}, padding[512] = {0};

  snprintf(block, 100, "%s", name);
  snprintf(block + 100, 8, "%07o", pick(010000));
  snprintf(block + 108, 8, "%07o", pick(3));
  snprintf(block + 116, 8, "%07o", pick(3));
  snprintf(block + 124, 12, "%011zo", size);
  snprintf(block + 136, 12, "%011o", pick(1 << 30));
  block[156] = type;
  snprintf(block + 157, 100, "%s", link);
  memcpy(block + 257, pick(8) == 0 ? "ustar  " : "ustar\00000", 8);
  for (uint32_t n = pick(30) == 0 ? pick(8) : 0; n > 0; n--) block[pick(512)] = (char)pick(256);
  set_checksum((unsigned char *)block);
  if (pick(200) == 0) block[148] ^= 1;
  append(block, sizeof block);
  append(content, size);
  append(padding, (512 - size % 512) % 512);
}

static void append_pax(void) {
  static const char *const keys[] = {"path",
                                     "linkpath",
                                     "size",
                                     "uid",
                                     "mtime",
                                     "GNU.sparse.map",
                                     "GNU.sparse.size",
                                     "GNU.sparse.major",
                                     "GNU.sparse.minor",
                                     "GNU.sparse.name",
                                     "GNU.sparse.offset",
                                     "GNU.sparse.numbytes",
                                     "GNU.sparse.realsize",
                                     "SCHILY.xattr.user.x",
                                     "SCHILY.xattr.user.overlay.redirect"};
  static const char *const values[] = {"0",       "1", "5", "512", "-1.5", "0,5", "0,1,3,4", "9223372036854775807",
                                       "1,2,1,2", ""};
  char text[1024];
  size_t used = 0;

  for (uint32_t n = pick(4) + 1; n > 0; n--) {
    const char *key = keys[pick(sizeof keys / sizeof keys[0])];
    const char *value = pick(3) == 0 ? random_name() : values[pick(sizeof values / sizeof values[0])];
    size_t length = strlen(key) + strlen(value) + 5; /* right for lengths of two digits */

    if (pick(20) == 0) length += pick(200);
    used += (size_t)snprintf(text + used, sizeof text - used, "%zu %s=%s\n", length, key, value);
  }
  append_entry(pick(8) == 0 ? 'g' : 'x', "pax", "", text, used);
}

static void make_archive(void) {
  static const char types[] = "000000111122222255555SLK3467DV0\0";
  char content[2048];

  archive_size = 0;
  for (uint32_t n = pick(MAX_ENTRIES) + 1; n > 0; n--) {
    char type = types[pick(sizeof types - 1)];
    size_t size =
        type == '0' || type == 'S' || type == 'L' || type == 'K' ? pick(pick(4) == 0 ? sizeof content : 40) : 0;

    for (size_t i = 0; i < size; i++) content[i] = "0123456789\n/.al"[pick(15)];
    if (pick(20) == 0) append_pax();
    append_entry(type, random_name(), random_target(), content, size);
  }
  if (pick(10) != 0) {
    memset(content, 0, 1024);
    append(content, 1024);
  } else if (pick(2) == 0)
    archive_size = pick((uint32_t)archive_size + 1);
}

static void write_file(const char *path, const char *text) {
  FILE *file = fopen(path, "w");

  if (file == NULL || fputs(text, file) < 0 || fclose(file) != 0) abort();
}

static void start_afresh(void) {
  char command[160], path[128];

  snprintf(command, sizeof command, "rm -rf '%s' '%s'", root, canary);
  if (system(command) != 0 || mkdir(root, 0755) < 0 || mkdir(canary, 0755) < 0) abort();
  snprintf(path, sizeof path, "%s/kept", canary);
  write_file(path, "kept");
}

/* The directory beside the root is as it was, and nothing has come to stand beside the two. */
static bool is_outside_untouched(void) {
  struct stat st;
  char path[128], text[8] = "";
  FILE *file;

  if (stat(base, &st) < 0 || st.st_nlink != 4 || (st.st_mode & 07777) != 0700 || st.st_uid != getuid()) return false;
  if (stat(canary, &st) < 0 || st.st_nlink != 2 || (st.st_mode & 07777) != 0755) return false;
  snprintf(path, sizeof path, "%s/kept", canary);
  if (stat(path, &st) < 0 || st.st_nlink != 1 || st.st_size != 4) return false;
  file = fopen(path, "r");
  if (file == NULL || fgets(text, sizeof text, file) == NULL || fclose(file) != 0) return false;
  return strcmp(text, "kept") == 0;
}

static _Noreturn void unpack_it(void) {
  char *argv[] = {"unpack",      "--here",    "--root", root, pick(4) == 0 ? "--keep-directory-symlink" : "--scrub",
                  "--whiteouts", "--outline", NULL};
  int input = memfd_create("archive", 0), null = open("/dev/null", O_WRONLY);

  if (input < 0 || write(input, archive, archive_size) != (ssize_t)archive_size) abort();
  lseek(input, 0, SEEK_SET);
  dup2(input, 0);
  dup2(null, 1);
  if (getenv("FUZZ_SHOW") == NULL) dup2(null, 2);
  signal(SIGXFSZ, SIG_IGN);
  setrlimit(RLIMIT_FSIZE, &(struct rlimit){1 << 30, 1 << 30});
  /* What it works is what counts: the machine may be busy. The other is for one that stands still. */
  setrlimit(RLIMIT_CPU, &(struct rlimit){CPU_SECONDS, CPU_SECONDS});
  alarm(SECONDS);
  _exit(unpack_main(pick(3) == 0 ? 5 : 7, argv));
}

static bool run_one(uint64_t seed) {
  int status;
  pid_t pid;

  state = seed * UINT64_C(0x9e3779b97f4a7c15) | 1;
  make_archive();
  pid = fork();
  if (pid == 0) unpack_it();
  if (pid < 0 || waitpid(pid, &status, 0) < 0) abort();
  if (WIFEXITED(status) && WEXITSTATUS(status) <= 1 && is_outside_untouched()) return true;
  fprintf(stderr, "unpack_fuzz: seed %llu: status %#x, outside %s\n", (unsigned long long)seed, (unsigned)status,
          is_outside_untouched() ? "untouched" : "CHANGED");
  return false;
}

int main(int argc, char **argv) {
  time_t end = time(NULL) + (argc > 1 ? atoi(argv[1]) : 5);
  uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : (uint64_t)time(NULL) << 20, runs = 0;
  char command[128];
  bool good = true;

  /* ASan's own status for a finding: must not look like a refusal. */
  setenv("ASAN_OPTIONS", "exitcode=99:detect_leaks=0", 1);
  if (getenv("UNPACK_FUZZ_AGAIN") == NULL) {
    setenv("UNPACK_FUZZ_AGAIN", "1", 1);
    execv("/proc/self/exe", argv);
  }
  if (mkdtemp(base) == NULL) return 1;
  snprintf(root, sizeof root, "%s/root", base);
  snprintf(canary, sizeof canary, "%s/canary", base);
  for (; good && (argc > 2 ? runs == 0 : time(NULL) < end); seed++, runs++) {
    if (runs % CLEAN_EVERY == 0) start_afresh();
    good = run_one(seed);
  }
  snprintf(command, sizeof command, "rm -rf '%s'", base);
  if (system(command) != 0) return 1;
  printf("unpack_fuzz: %llu archives\n", (unsigned long long)runs);
  return good ? 0 : 1;
}
