/* What the sanitizers of `make sanitize` do when they find something, as the helper has no environment to say it in: a report below
 * SANITIZE_REPORTS, and a status that no command has. Leaks are not looked for: every program of ours ends by exec or _exit. */
#ifndef SANITIZE_REPORTS
#define SANITIZE_REPORTS "/var/tmp/tszone-sanitize"
#endif

const char *__asan_default_options(void);
const char *__ubsan_default_options(void);

const char *__asan_default_options(void) {
  return "detect_leaks=0:exitcode=99:detect_stack_use_after_return=0:log_path=" SANITIZE_REPORTS "/asan";
}

const char *__ubsan_default_options(void) {
  return "print_stacktrace=1:log_path=" SANITIZE_REPORTS "/ubsan";
}
