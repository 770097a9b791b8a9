/* Fuzzes what reads bytes that it did not write: the plan, and a zone's passwd and group files. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "plan.h"
#include "settings.h"
#include "user.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Every argument that an op's code may ask for. */
static void visit(const struct plan *plan) {
  struct cursor at = {0, 0};
  struct op op;
  char *argv[16];
  volatile size_t sum = 0;
  while (plan_next(plan, &at, &op)) {
    for (int i = 0; i < op_specs[op.id].fixed; i++) sum += strlen(op_arg(&op, i));
    op_argv(&op, op_specs[op.id].fixed, argv, 16);
  }
}

/* From the heap, where reading one byte too many is noticed. */
static void walk(const uint8_t *data, size_t size) {
  char *text = malloc(size + 1);
  if (text == NULL) return;
  memcpy(text, data, size);
  text = realloc(text, size == 0 ? 1 : size);
  struct plan plan = {text, size, size};
  struct plan_error error;
  if (text != NULL && plan_check(&plan, &error)) visit(&plan);
  free(text);
}

/* As the monitor does it. */
static void shrink(const uint8_t *data, size_t size) {
  struct plan plan;
  struct plan_error error;
  if (size == 0 || !plan_copy(&plan, (const char *)data, size)) return;
  if (plan_check(&plan, &error) && plan_shrink(&plan, settings_outlive_start)) visit(&plan);
  plan_forget(&plan);
}

static void look_up(const uint8_t *data, size_t size) {
  char *text = malloc(size + 1);
  if (text == NULL) return;
  memcpy(text, data, size);
  text[size] = '\0';
  struct user user;
  user_lookup("web:staff", text, text, &user);
  user_lookup("33", text, text, &user);
  user_lookup(text, text, text, &user);
  free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  walk(data, size);
  shrink(data, size);
  look_up(data, size);
  return 0;
}
