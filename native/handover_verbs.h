/* Lists of verbs of the command line, for whom it is handed over differently. */
#ifndef TSZONE_HANDOVER_VERBS_H
#define TSZONE_HANDOVER_VERBS_H

#include <stdbool.h>
#include <stddef.h>

/* VERB may be NULL: none was given. */
bool is_verb_of(const char *verb, const char *const verbs[], size_t length);

#endif
