/* Tables of comma-separated flag names. */
#ifndef TSZONE_WORDS_H
#define TSZONE_WORDS_H

#include <stdbool.h>
#include <stdint.h>

struct word {
  const char *name;
  uint64_t value;
};

/* The values of a comma-separated list or'ed; an empty list is 0. fail()s on a word that the table lacks. */
uint64_t words_parse(const char *text, const struct word *table);
/* Copies the word up to the next comma into buffer and returns where the rest begins, or NULL at the end. */
const char *words_next(const char *text, char *buffer, int size);

#endif
