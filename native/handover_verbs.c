/* Lists of verbs, see handover_verbs.h. */
#include "handover_verbs.h"

#include <string.h>

bool is_verb_of(const char *verb, const char *const verbs[], size_t length) {
  for (size_t i = 0; verb != NULL && i < length; i++) {
    if (strcmp(verb, verbs[i]) == 0) return true;
  }
  return false;
}
