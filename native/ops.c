/* The op table and its print-out. */
#include "ops.h"

#include <stdio.h>
#include <string.h>

#include "forms.h"

const struct op_spec op_specs[OP_COUNT] = {
#define X(identifier, name, fixed, variadic, zone) {name, fixed, variadic, zone},
    OP_LIST(X)
#undef X
};

enum op_id op_find(const char *name) {
  for (unsigned i = 0; i < OP_COUNT; i++) {
    if (strcmp(op_specs[i].name, name) == 0) return (enum op_id)i;
  }
  return OP_COUNT;
}

int ops_print_features(void) {
  printf("{\"protocol\":%d,\"ops\":{", PROTOCOL_VERSION);
  for (unsigned i = 0; i < OP_COUNT; i++) {
    const struct op_spec *op = &op_specs[i];
    printf("%s\"%s\":%d", i == 0 ? "" : ",", op->name, op->variadic ? -1 : op->fixed);
  }
  printf("},");
  forms_print();
  printf("}\n");
  return fflush(stdout) == 0 ? 0 : 125;
}
