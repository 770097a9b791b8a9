/* The command lines that the native entry takes, word by word; all that it hands over is in the integration tests. */
#include "check.h"
#include "forms.h"

static struct form form;

static bool parse(int argc, const char *const *argv) {
  /* As long as what was parsed points to it. */
  static char *words[16];
  memcpy(words, argv, ((size_t)argc + 1) * sizeof *words);
  return form_parse(argc, words, &form);
}

#define PARSE(...)                                                                                                     \
  parse((int)(sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *)), (const char *const[]){__VA_ARGS__, NULL})

static void test_exec(void) {
  CHECK(PARSE("tszone", "exec", "-iT", "-e", "A=1", "--env=B=", "--user", "a:b", "-w", "/x", "web", "--", "ls", "-l"));
  CHECK(form.verb == FAST_EXEC && form.given[FLAG_INTERACTIVE] && form.given[FLAG_NO_TTY] && !form.given[FLAG_TTY]);
  CHECK_TEXT(form.zone, "web");
  CHECK(form.env_count == 2);
  CHECK_TEXT(form.env[1], "B=");
  CHECK_TEXT(form.value[FLAG_USER], "a:b");
  CHECK_TEXT(form.value[FLAG_WORKDIR], "/x");
  CHECK(form.rest_count == 2);
  CHECK_TEXT(form.rest[1], "-l");
  CHECK(PARSE("tszone", "exec", "web", "--", "--") && form.rest_count == 1);
}

static void test_values_are_not_verbs(void) {
  CHECK(!PARSE("tszone", "exec", "-e"));
  CHECK(!PARSE("tszone", "exec", "-e", "A=1"));
  CHECK(!PARSE("tszone", "exec", "-u", "-q", "-w", "web", "true"));
  CHECK(!PARSE("tszone", "exec", "-u", "-q", "web", "true"));
}

static void test_names(void) {
  CHECK(!PARSE("tszone", "exec", "..", "true"));
  CHECK(!PARSE("tszone", "exec", "a/b", "true"));
  CHECK(!PARSE("tszone", "exec", "Web", "true"));
  CHECK(PARSE("tszone", "exec", "0.a_b-c", "true"));
}

static void test_others(void) {
  CHECK(PARSE("tszone", "enter", "web") && form.verb == FAST_SHELL && form.rest_count == 0);
  CHECK(PARSE("tszone", "kill", "web", "-s", "TERM") && form.verb == FAST_KILL);
  CHECK(!PARSE("tszone", "ps", "web"));
  CHECK(PARSE("tszone", "ps", "web", "-q"));
  CHECK(!PARSE("tszone", "ps", "-q", "web", "web"));
  CHECK(!PARSE("tszone", ""));
  CHECK(!PARSE("tszone"));
}

int main(void) {
  test_exec();
  test_values_are_not_verbs();
  test_names();
  test_others();
  return 0;
}
