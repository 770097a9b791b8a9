/* The command lines that the native entry takes: the same as src/cli/fast-forms.ts (a test compares them). All others are
 * node's, errors included. */
#ifndef TSZONE_FORMS_H
#define TSZONE_FORMS_H

#include <stdbool.h>

enum fast_verb { FAST_EXEC, FAST_SHELL, FAST_KILL, FAST_PS, FAST_STATUS, FAST_CLAIM, FAST_COUNT };
enum fast_flag {
  FLAG_INTERACTIVE,
  FLAG_TTY,
  FLAG_NO_TTY,
  FLAG_QUIET,
  FLAG_ENV,
  FLAG_USER,
  FLAG_WORKDIR,
  FLAG_SIGNAL,
  FLAG_COUNT
};
enum { MAX_FLAG_WORDS = 256 };

struct form {
  enum fast_verb verb;
  const char *zone; /* claim: the image */
  bool given[FLAG_COUNT];
  const char *value[FLAG_COUNT]; /* of those that may be given once */
  const char *env[MAX_FLAG_WORDS];
  int env_count;
  char **rest; /* what follows the zone, and is not ours */
  int rest_count;
};

/* False if it is not one of the forms. */
bool form_parse(int argc, char **argv, struct form *form);
/* As a member of an object: "forms":{…}. */
void forms_print(void);

#endif
