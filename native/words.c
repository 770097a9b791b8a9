/* Tables of flag names, see words.h. */
#include "words.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "report.h"

const char *words_next(const char *text, char *buffer, int size) {
  if (text == NULL || *text == '\0') return NULL;
  size_t length = strcspn(text, ",");
  if (length >= (size_t)size) fail_with(ENAMETOOLONG, "", text, "a word of the list is too long");
  memcpy(buffer, text, length);
  buffer[length] = '\0';
  return text[length] == ',' ? text + length + 1 : text + length;
}

uint64_t words_parse(const char *text, const struct word *table) {
  uint64_t value = 0;
  char name[32];
  while ((text = words_next(text, name, sizeof name)) != NULL) {
    const struct word *word = table;
    while (word->name != NULL && strcmp(word->name, name) != 0) word++;
    if (word->name == NULL) fail_with(EINVAL, "", name, "unknown word");
    value |= word->value;
  }
  return value;
}
