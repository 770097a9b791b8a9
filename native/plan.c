/* Reading, checking and walking the plan, see plan.h. */
#include "plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static const char magic[] = "tszone-plan";

static void *map_pages(size_t size) {
  return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

bool plan_reserve(struct plan *plan, size_t bytes) {
  size_t size = plan->size;
  while (size < plan->length + bytes) {
    if (size >= PLAN_MAX_BYTES) {
      errno = EFBIG;
      return false;
    }
    size *= 2;
  }
  if (size == plan->size) return true;
  char *grown = mremap(plan->base, plan->size, size, MREMAP_MAYMOVE);
  if (grown == MAP_FAILED) return false;
  plan->base = grown;
  plan->size = size;
  return true;
}

bool plan_read(int fd, struct plan *plan) {
  plan->size = 64 * 1024;
  plan->length = 0;
  plan->base = map_pages(plan->size);
  if (plan->base == MAP_FAILED) return false;
  for (;;) {
    if (!plan_reserve(plan, 1)) return false;
    ssize_t n = read(fd, plan->base + plan->length, plan->size - plan->length);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    if (n == 0) return true;
    plan->length += (size_t)n;
  }
}

bool plan_room(struct plan *plan, size_t length) {
  *plan = (struct plan){map_pages(length + 1), length + 1, length};
  return plan->base != MAP_FAILED;
}

bool plan_copy(struct plan *plan, const char *text, size_t length) {
  if (!plan_room(plan, length)) return false;
  memcpy(plan->base, text, length);
  return true;
}

void plan_forget(struct plan *plan) {
  munmap(plan->base, plan->size);
}

/* The next token, or NULL at the end. The text is known to end in NUL. */
static const char *next_token(const struct plan *plan, size_t *offset) {
  if (*offset >= plan->length) return NULL;
  const char *token = plan->base + *offset;
  *offset += strlen(token) + 1;
  return token;
}

/* A plain decimal number of at most six digits, -1 if it is not one. */
static int small_number(const char *text) {
  int value = 0;
  if (text == NULL || *text == '\0' || strlen(text) > 6) return -1;
  for (; *text != '\0'; text++) {
    if (*text < '0' || *text > '9') return -1;
    value = value * 10 + (*text - '0');
  }
  return value;
}

static bool bad(struct plan_error *error, const char *message, const char *token, int op) {
  error->message = message;
  error->token = token == NULL ? "" : token;
  error->op = op;
  return false;
}

bool plan_check(const struct plan *plan, struct plan_error *error) {
  if (plan->length == 0) return bad(error, "the plan is empty", NULL, -1);
  if (plan->base[plan->length - 1] != '\0') return bad(error, "the plan is cut off", NULL, -1);
  size_t offset = 0;
  const char *token = next_token(plan, &offset);
  if (strcmp(token, magic) != 0) return bad(error, "this is not a plan", NULL, -1);
  token = next_token(plan, &offset);
  if (small_number(token) != PROTOCOL_VERSION) return bad(error, "the plan has another protocol number", token, -1);
  for (int index = 0;; index++) {
    const char *name = next_token(plan, &offset);
    if (name == NULL) return true;
    enum op_id id = op_find(name);
    if (id == OP_COUNT) return bad(error, "unknown op", name, index);
    int argc = small_number(next_token(plan, &offset));
    const struct op_spec *spec = &op_specs[id];
    if (argc < spec->fixed || argc > PLAN_MAX_ARGS || (argc > spec->fixed && !spec->variadic)) {
      return bad(error, "wrong number of arguments", name, index);
    }
    for (int i = 0; i < argc; i++) {
      if (next_token(plan, &offset) == NULL) return bad(error, "the plan ends inside an op", name, index);
    }
  }
}

bool plan_next(const struct plan *plan, struct cursor *at, struct op *op) {
  if (at->offset == 0) {
    next_token(plan, &at->offset);
    next_token(plan, &at->offset);
  }
  const char *name = next_token(plan, &at->offset);
  if (name == NULL) return false;
  op->id = op_find(name);
  op->index = at->index++;
  op->argc = small_number(next_token(plan, &at->offset));
  op->first = plan->base + at->offset;
  for (int i = 0; i < op->argc; i++) next_token(plan, &at->offset);
  return true;
}

const char *op_arg(const struct op *op, int n) {
  const char *arg = op->first;
  while (n-- > 0) arg += strlen(arg) + 1;
  return arg;
}

int op_argv(const struct op *op, int from, char **vector, int size) {
  int count = 0;
  const char *arg = from < op->argc ? op_arg(op, from) : NULL;
  for (int i = from; i < op->argc && count + 1 < size; i++) {
    /* exec's prototype wants char *; nothing writes through it. */
    vector[count++] = (char *)(size_t)arg;
    arg += strlen(arg) + 1;
  }
  vector[count] = NULL;
  return count;
}

bool plan_shrink(struct plan *plan, bool (*keep)(enum op_id id)) {
  struct cursor at = {0};
  struct op op;
  size_t start = 0;
  next_token(plan, &start);
  next_token(plan, &start);
  size_t length = start;
  for (size_t before = start; plan_next(plan, &at, &op); before = at.offset) {
    if (keep(op.id)) length += at.offset - before;
  }
  char *kept = map_pages(length);
  if (kept == MAP_FAILED) return false;
  memcpy(kept, plan->base, start);
  length = start;
  at = (struct cursor){0};
  for (size_t before = start; plan_next(plan, &at, &op); before = at.offset) {
    if (!keep(op.id)) continue;
    memcpy(kept + length, plan->base + before, at.offset - before);
    length += at.offset - before;
  }
  munmap(plan->base, plan->size);
  *plan = (struct plan){kept, length, length};
  return true;
}
