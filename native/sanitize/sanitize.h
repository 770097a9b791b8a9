/* Put in front of each source of `make sanitize-static`. A child of vfork() leaves the frames of functions that never
 * return marked in the stack that it has borrowed: they are no longer anybody's when the parent goes on. */
#pragma once
#include <sys/types.h>
#include <unistd.h>

/* The directory of reports. */
extern const char sanitize_reports[];

pid_t sanitize_after_vfork(pid_t pid);

#define vfork() sanitize_after_vfork(vfork())
