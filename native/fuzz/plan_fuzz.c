/* Fuzzes what reads untrusted bytes: the plan, and a zone's passwd and group files. LLVMFuzzerTestOneInput is
 * libFuzzer's entry (clang -fsanitize=fuzzer -DWITH_LIBFUZZER); without it, main mutates the seed for as many seconds
 * as it is told. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "plan.h"
#include "user.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void walk(const uint8_t *data, size_t size) {
  char *text = malloc(size + 1);
  if (text == NULL) return;
  memcpy(text, data, size);
  struct plan plan = {text, size, size};
  struct plan_error error;
  if (plan_check(&plan, &error)) {
    struct cursor at = {0, 0};
    struct op op;
    char *argv[16];
    while (plan_next(&plan, &at, &op)) op_argv(&op, 0, argv, 16);
  }
  free(text);
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
  look_up(data, size);
  return 0;
}

#ifndef WITH_LIBFUZZER
static const char seed[] = "tszone-plan\0"
                           "1\0uts.hostname\0"
                           "1\0web:x:33:34::/srv:/bin/sh\nstaff:x:5:web\n\0exec.path\0"
                           "2\0sh\0-c";

int main(int argc, char **argv) {
  time_t end = time(NULL) + (argc > 1 ? atoi(argv[1]) : 5);
  unsigned long runs = 0;
  uint8_t data[sizeof seed + 16];
  srand(1);
  for (; time(NULL) < end; runs++) {
    size_t size = sizeof seed - (size_t)(rand() % 8 == 0 ? rand() % 40 : 0);
    memcpy(data, seed, size);
    for (int i = rand() % 8; i > 0; i--) data[(size_t)rand() % size] = (uint8_t)rand();
    LLVMFuzzerTestOneInput(data, size);
  }
  printf("plan_fuzz: %lu runs\n", runs);
  return 0;
}
#endif
