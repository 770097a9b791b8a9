/* claim: takes a ticket, and lets the zone go that it stands for; see entry_claim.h. */
#include "entry_claim.h"

#include <dirent.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dial.h"

static const char *run_root;

static bool path_of(char path[PATH_MAX], const char *first, const char *second, const char *third) {
  return snprintf(path, PATH_MAX, "%s/%s/%s%s", run_root, first, second, third) < PATH_MAX;
}

/* The monitor's answer to `go` is there when the zone's first exec has worked. */
static bool let_go(const char *zone) {
  char path[PATH_MAX];
  char answer[16];
  if (!path_of(path, "zones", zone, "/monitor.sock")) return false;
  int fd = dial(path);
  if (fd < 0) return false;
  bool went = send(fd, "go\n", 3, MSG_NOSIGNAL) == 3 && recv(fd, answer, sizeof answer, 0) >= 2 &&
              strncmp(answer, "ok", 2) == 0;
  close(fd);
  return went;
}

static bool take(const char *image, const char *ticket) {
  char ready[PATH_MAX];
  char claimed[PATH_MAX];
  char tail[NAME_MAX + 2];
  snprintf(tail, sizeof tail, "/%s", ticket);
  if (!path_of(ready, "spares", image, tail) || !path_of(claimed, "claimed", ticket, "")) return false;
  /* Something is to be said of this zone: node does. */
  struct stat told;
  if (stat(ready, &told) != 0 || told.st_size != 0) return false;
  /* Somebody else was quicker, or this one's is the zone. */
  if (rename(ready, claimed) != 0) return false;
  if (let_go(ticket)) return true;
  /* For node, which knows what to do with a spare that is none any more. */
  if (rename(claimed, ready) != 0) unlink(claimed);
  return false;
}

const char *claim_zone(const char *image) {
  static char zone[NAME_MAX + 1];
  char path[PATH_MAX];
  run_root = getenv("TSZONE_RUN_ROOT");
  if (run_root == NULL || *run_root == '\0') run_root = "/run/tszone";
  DIR *tickets = path_of(path, "spares", image, "") ? opendir(path) : NULL;
  struct dirent *entry;
  bool taken = false;
  while (tickets != NULL && !taken && (entry = readdir(tickets)) != NULL) {
    if (entry->d_name[0] == '.') continue;
    taken = take(image, entry->d_name);
    snprintf(zone, sizeof zone, "%s", entry->d_name);
  }
  if (tickets != NULL) closedir(tickets);
  return taken ? zone : NULL;
}
