/* The plan: NUL-terminated tokens `tszone-plan`, the protocol number, then per op its name, the number of its arguments
 * and the arguments. It is checked as a whole before anything is done; after that, walking it cannot fail. */
#ifndef TSZONE_PLAN_H
#define TSZONE_PLAN_H

#include <stdbool.h>
#include <stddef.h>

#include "ops.h"

enum { PLAN_MAX_BYTES = 16 * 1024 * 1024, PLAN_MAX_ARGS = 100000 };

struct plan {
  char *base;
  size_t size;   /* of the mapping */
  size_t length; /* of the text */
};

struct plan_error {
  const char *message;
  const char *token;
  int op;
};

struct op {
  enum op_id id;
  int index;
  int argc;
  const char *first; /* argument 0; the others follow each other */
};

/* Walks a checked plan. Start with `struct cursor at = {0}`. */
struct cursor {
  size_t offset;
  int index;
};

/* Reads fd to end-of-file into a mapping. False with errno set; EFBIG for more than PLAN_MAX_BYTES. */
bool plan_read(int fd, struct plan *plan);
/* The same of a text in memory. */
bool plan_copy(struct plan *plan, const char *text, size_t length);
/* Room for a text of that length, to be written into `base`. */
bool plan_room(struct plan *plan, size_t length);
void plan_forget(struct plan *plan);
/* Room for so many bytes more; may move the mapping. False if there is none. */
bool plan_reserve(struct plan *plan, size_t bytes);
/* False, with the reason, unless every token is terminated, every op known and every argument count right. */
bool plan_check(const struct plan *plan, struct plan_error *error);
bool plan_next(const struct plan *plan, struct cursor *at, struct op *op);
const char *op_arg(const struct op *op, int n);
/* argv from argument `from` on, NULL-terminated, into a vector of `size` pointers; what does not fit is left out. */
int op_argv(const struct op *op, int from, char **vector, int size);
/* Replaces the mapping by one that holds only the ops that `keep` accepts. False if memory is short; then nothing
 * changed. */
bool plan_shrink(struct plan *plan, bool (*keep)(enum op_id id));

#endif
