/* The plan parser: well-formed plans, every way of cutting one off, and random bytes. */
#include "check.h"
#include "plan.h"

#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

/* Without the literal's own last NUL, which would be one token too many. */
#define PLAN(text) make_plan(text, sizeof(text) - 1)

static struct plan make_plan(const char *text, size_t length) {
  struct plan plan = {malloc(length + 1), length + 1, length};
  CHECK(plan.base != NULL);
  memcpy(plan.base, text, length);
  return plan;
}

static const char *problem(struct plan plan) {
  struct plan_error error = {NULL, NULL, 0};
  bool right = plan_check(&plan, &error);
  free(plan.base);
  return right ? "" : error.message;
}

static void check_problems(void) {
  CHECK_TEXT(problem(PLAN("tszone-plan\0"
                          "2\0")),
             "");
  CHECK_TEXT(problem(PLAN("tszone-plan\0"
                          "2\0uts.hostname\0"
                          "1\0web\0")),
             "");
  CHECK_TEXT(problem(PLAN("tszone-plan\0"
                          "2\0exec.path\0"
                          "0\0")),
             "");
  CHECK_TEXT(problem(PLAN("")), "the plan is empty");
  CHECK_TEXT(problem(PLAN("tszone-plan\0"
                          "2\0uts.hostname\0"
                          "1\0web")),
             "the plan is cut off");
  CHECK_TEXT(problem(PLAN("tszone\0"
                          "1\0")),
             "this is not a plan");
  CHECK_TEXT(problem(PLAN("tszone-plan\0")), "the plan has another protocol number");
  CHECK_TEXT(problem(PLAN("tszone-plan\0"
                          "3\0")),
             "the plan has another protocol number");
  CHECK_TEXT(problem(PLAN("tszone-plan\0"
                          "2\0mnt.nonsense\0"
                          "0\0")),
             "unknown op");
  CHECK_TEXT(problem(PLAN("tszone-plan\0"
                          "2\0uts.hostname\0"
                          "2\0a\0b\0")),
             "wrong number of arguments");
  CHECK_TEXT(problem(PLAN("tszone-plan\0"
                          "2\0uts.hostname\0"
                          "-1\0a\0")),
             "wrong number of arguments");
  CHECK_TEXT(problem(PLAN("tszone-plan\0"
                          "2\0uts.hostname\0"
                          "1x\0a\0")),
             "wrong number of arguments");
  CHECK_TEXT(problem(PLAN("tszone-plan\0"
                          "2\0exec.path\0"
                          "9999999999\0a\0")),
             "wrong number of arguments");
  CHECK_TEXT(problem(PLAN("tszone-plan\0"
                          "2\0uts.hostname\0")),
             "wrong number of arguments");
  CHECK_TEXT(problem(PLAN("tszone-plan\0"
                          "2\0uts.hostname\0"
                          "1\0")),
             "the plan ends inside an op");
}

static void check_walk(void) {
  struct plan plan = PLAN("tszone-plan\0"
                          "2\0uts.hostname\0"
                          "1\0web\0init.fork\0"
                          "3\0slot\0a\0\0");
  struct cursor at = {0, 0};
  struct op op;
  char *argv[8];
  CHECK(plan_next(&plan, &at, &op));
  CHECK(op.id == OP_UTS_HOSTNAME && op.index == 0 && op.argc == 1);
  CHECK_TEXT(op_arg(&op, 0), "web");
  CHECK(plan_next(&plan, &at, &op));
  CHECK(op.id == OP_INIT_FORK && op.index == 1);
  CHECK(op_argv(&op, 1, argv, 8) == 2);
  CHECK_TEXT(argv[0], "a");
  CHECK_TEXT(argv[1], "");
  CHECK(argv[2] == NULL);
  CHECK(op_argv(&op, 0, argv, 2) == 1 && argv[1] == NULL);
  CHECK(op_argv(&op, 3, argv, 8) == 0 && argv[0] == NULL);
  CHECK(!plan_next(&plan, &at, &op));
  free(plan.base);
}

static bool keep_exit(enum op_id id) {
  return id == OP_EXIT_UNLINK;
}

static void check_shrink(void) {
  static const char text[] = "tszone-plan\0"
                             "2\0exit.unlink\0"
                             "1\0/a\0cwd\0"
                             "1\0/\0exit.unlink\0"
                             "1\0/b";
  int ends[2];
  CHECK(pipe(ends) == 0 && write(ends[1], text, sizeof text) == (ssize_t)sizeof text && close(ends[1]) == 0);
  struct plan plan;
  CHECK(plan_read(ends[0], &plan) && plan.length == sizeof text);
  CHECK(plan_shrink(&plan, keep_exit));
  struct plan_error error;
  CHECK(plan_check(&plan, &error));
  struct cursor at = {0, 0};
  struct op op;
  CHECK(plan_next(&plan, &at, &op));
  CHECK_TEXT(op_arg(&op, 0), "/a");
  CHECK(plan_next(&plan, &at, &op));
  CHECK_TEXT(op_arg(&op, 0), "/b");
  CHECK(!plan_next(&plan, &at, &op));
  munmap(plan.base, plan.size);
  close(ends[0]);
}

/* xorshift: the same bytes in each run. */
static uint32_t next_random(void) {
  static uint32_t state = 2463534242U;
  state ^= state << 13;
  state ^= state >> 17;
  state ^= state << 5;
  return state;
}

/* Whatever passes the check can be walked: the address sanitizer watches. */
static void check_random(void) {
  static const char seed[] = "tszone-plan\0"
                             "2\0uts.hostname\0"
                             "1\0web\0exec.path\0"
                             "2\0sh\0-c\0cwd\0"
                             "1\0/";
  for (int round = 0; round < 200000; round++) {
    size_t length = sizeof seed - next_random() % 4 * (next_random() % sizeof seed) / 4;
    char *text = malloc(length);
    CHECK(text != NULL);
    memcpy(text, seed, length);
    for (uint32_t i = next_random() % 4; i > 0 && length > 0; i--)
      text[next_random() % length] = (char)(next_random() % 128);
    struct plan plan = {text, length, length};
    struct plan_error error;
    struct cursor at = {0, 0};
    struct op op;
    if (plan_check(&plan, &error)) {
      while (plan_next(&plan, &at, &op)) {
        for (int i = 0; i < op.argc; i++) CHECK(op_arg(&op, i) < text + length);
      }
    }
    free(text);
  }
}

int main(void) {
  check_problems();
  check_walk();
  check_shrink();
  check_random();
  return 0;
}
