/* tszone: the installed command line. What forms.h lists it does itself, from the record that the zone's start wrote;
 * everything else, errors included, it hands over. Of the environment it reads TSZONE_ROOT, TSZONE_RUN_ROOT and
 * TSZONE_ENGINE. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "attend.h"
#include "entry_claim.h"
#include "entry_look.h"
#include "entry_record.h"
#include "forms.h"
#include "guard.h"
#include "handover.h"
#include "report.h"
#include "settings.h"

static struct form form;
static struct entry_record record;

/* For every word its length and NUL, and an op's name and number with it. */
static size_t room_for(int argc, char **argv) {
  size_t room = 4096;
  for (int i = 0; i < argc; i++) room += strlen(argv[i]) + 64;
  return room;
}

static void add_op(const char *op, const char *argument) {
  entry_record_begin(&record, op, 1);
  entry_record_word(&record, argument);
}

static bool wants_terminal(void) {
  if (form.given[FLAG_NO_TTY]) return false;
  return form.given[FLAG_TTY] || (isatty(0) == 1 && isatty(1) == 1);
}

static void add_terminal(void) {
  struct winsize size = {.ws_row = 24, .ws_col = 80};
  char rows[8];
  char columns[8];
  ioctl(1, TIOCGWINSZ, &size);
  snprintf(rows, sizeof rows, "%u", size.ws_row);
  snprintf(columns, sizeof columns, "%u", size.ws_col);
  add_op("stdio.mode", "pty");
  entry_record_begin(&record, "stdio.winsize", 2);
  entry_record_word(&record, rows);
  entry_record_word(&record, columns);
}

/* What is typed is the command's only with -i. */
static void add_pipes(void) {
  add_op("stdio.mode", "attach");
  if (form.given[FLAG_INTERACTIVE] || isatty(0) != 1) return;
  int null = open("/dev/null", O_RDONLY);
  if (null < 0) hand_over();
  dup2(null, 0);
  close(null);
}

static void add_command(void) {
  const char *user = form.verb == FAST_SHELL ? "0" : record.user;
  int login = form.verb == FAST_SHELL ? record.login.argc : 0;
  for (int i = 0; i < form.env_count; i++) add_op("env.set", form.env[i]);
  add_op("cred.user", form.given[FLAG_USER] ? form.value[FLAG_USER] : user);
  add_op("cwd", form.given[FLAG_WORKDIR] ? form.value[FLAG_WORKDIR] : record.workdir);
  entry_record_begin(&record, "exec.path", login + form.rest_count);
  for (int i = 0; i < login; i++) entry_record_word(&record, op_arg(&record.login, i));
  for (int i = 0; i < form.rest_count; i++) entry_record_word(&record, form.rest[i]);
}

static void begins(void) {
  guard_start(settings.socket, attend_group());
}

static void nothing(void) {}

static void ended(int status, int signal, long oom_kills) {
  (void)signal;
  static const char note[] = "note: killed by the zone's memory limit\n";
  if (status == 137 && oom_kills > 0 && write(2, note, sizeof note - 1) < 0) _exit(status);
}

static void failed(void) {
  guard_stop();
  hand_over();
}

/* Nothing has been run in the zone when this fails: node runs it again, and says what is wrong. */
_Noreturn static void run_command(int argc, char **argv) {
  static const struct caller own = {-1, begins, nothing, guard_stop, ended, failed};
  for (int fd = 0; fd <= 2; fd++) {
    if (fcntl(fd, F_GETFD) < 0) hand_over();
  }
  if (!entry_record_read(form.zone, room_for(argc, argv), &record) || entry_record_is_frozen(&record)) hand_over();
  if (form.verb == FAST_SHELL && record.login.id != OP_ENTRY_LOGIN) hand_over();
  if (wants_terminal()) {
    add_terminal();
  } else {
    add_pipes();
  }
  add_command();
  report_failures_by(NULL);
  report_on_failure(hand_over);
  settings_load(&record.plan, false);
  /* Read before and after for the note alone. */
  if (form.given[FLAG_QUIET] || isatty(2) != 1) settings.oom = NULL;
  attend(&record.plan, &own);
}

/* The claimed zone's name; or the command line turns into an exec in it, whoever then does that. */
static int claim(int *argc, char ***argv) {
  const char *zone = claim_zone(form.zone);
  if (zone == NULL) hand_over();
  if (form.rest_count == 0) {
    puts(zone);
    fflush(stdout);
    return 0;
  }
  static char exec[] = "exec";
  static char dashes[] = "--";
  char **words = calloc((size_t)*argc + 3, sizeof *words);
  if (words == NULL) return STATUS_FAILED;
  int count = 0;
  words[count++] = (*argv)[0];
  words[count++] = exec;
  for (int i = 2; (*argv)[i] != form.zone; i++) words[count++] = (*argv)[i];
  words[count++] = (char *)(size_t)zone;
  words[count++] = dashes;
  for (int i = 0; i < form.rest_count; i++) words[count++] = form.rest[i];
  *argc = count;
  *argv = words;
  handover_prepare(count, words);
  return form_parse(count, words, &form) ? -1 : STATUS_FAILED;
}

int main(int argc, char **argv) {
  handover_prepare(argc, argv);
  if (!form_parse(argc, argv, &form)) hand_over();
  int claimed = form.verb == FAST_CLAIM ? claim(&argc, &argv) : -1;
  if (claimed >= 0) return claimed;
  if (form.verb == FAST_EXEC || form.verb == FAST_SHELL) run_command(argc, argv);
  if (!entry_record_read(form.zone, 0, &record)) hand_over();
  int status = form.verb == FAST_KILL     ? look_kill(&form, &record)
               : form.verb == FAST_STATUS ? look_status(&form, &record)
                                          : look_ps(&record);
  if (status < 0) hand_over();
  return status;
}
