/* Which command lines are fast, see forms.h. */
#include "forms.h"

#include <stdio.h>
#include <string.h>

#define BIT(flag) (1U << (flag))

static const struct {
  char letter;
  const char *name;
  bool takes_value;
} flags[FLAG_COUNT] = {
    [FLAG_INTERACTIVE] = {'i', "interactive", false},
    [FLAG_TTY] = {'t', "tty", false},
    [FLAG_NO_TTY] = {'T', "no-tty", false},
    [FLAG_QUIET] = {'q', "quiet", false},
    [FLAG_ENV] = {'e', "env", true},
    [FLAG_USER] = {'u', "user", true},
    [FLAG_WORKDIR] = {'w', "workdir", true},
    [FLAG_SIGNAL] = {'s', "signal", true},
};

enum { TERMINAL_FLAGS = BIT(FLAG_INTERACTIVE) | BIT(FLAG_TTY) | BIT(FLAG_NO_TTY) | BIT(FLAG_QUIET) };

static const struct {
  const char *name, *alias;
  unsigned flags;
  unsigned required;
  bool passes_on; /* flags end at the zone's name, and what follows is a command line of its own */
  int least_rest;
} verbs[FAST_COUNT] = {
    [FAST_EXEC] = {"exec", "", TERMINAL_FLAGS | BIT(FLAG_ENV) | BIT(FLAG_USER) | BIT(FLAG_WORKDIR), 0, true, 1},
    [FAST_SHELL] = {"shell", "enter", TERMINAL_FLAGS | BIT(FLAG_USER), 0, true, 0},
    [FAST_KILL] = {"kill", "", BIT(FLAG_QUIET) | BIT(FLAG_SIGNAL), 0, false, 0},
    [FAST_PS] = {"ps", "", BIT(FLAG_QUIET), BIT(FLAG_QUIET), false, 0},
    [FAST_STATUS] = {"status", "", 0, 0, false, 0},
    [FAST_CLAIM] = {"claim", "", TERMINAL_FLAGS, 0, true, 0},
};

static bool is_one_of(char c, const char *set) {
  return c != '\0' && strchr(set, c) != NULL;
}

static const char first_of_name[] = "abcdefghijklmnopqrstuvwxyz0123456789";
static const char rest_of_name[] = "abcdefghijklmnopqrstuvwxyz0123456789_.-";

/* As src/spec/names.ts has it; also what keeps it from being a path. */
static bool is_name(const char *text) {
  return is_one_of(*text, first_of_name) && strlen(text) <= 63 && text[strspn(text, rest_of_name)] == '\0';
}

/* NAME, UID, NAME:GROUP or UID:GID. */
static bool is_user(const char *text) {
  int colons = 0;
  for (const char *c = text; *c != '\0'; c++) {
    if (*c <= ' ' || *c > '~') return false;
    if (*c != ':') continue;
    if (c == text || c[1] == '\0' || ++colons > 1) return false;
  }
  return *text != '\0';
}

static bool is_valid(enum fast_flag flag, const char *value) {
  /* It may be meant as a flag. */
  if (*value == '-') return false;
  if (flag == FLAG_ENV) return *value != '=' && strchr(value, '=') != NULL;
  if (flag == FLAG_USER) return is_user(value);
  if (flag == FLAG_WORKDIR) return *value == '/';
  return *value != '\0';
}

static bool add(struct form *form, enum fast_flag flag, const char *value) {
  if ((verbs[form->verb].flags & BIT(flag)) == 0) return false;
  if (flags[flag].takes_value) {
    if (value == NULL || !is_valid(flag, value)) return false;
    if (flag == FLAG_ENV) {
      if (form->env_count == MAX_FLAG_WORDS) return false;
      form->env[form->env_count++] = value;
    } else if (form->given[flag]) {
      return false;
    }
    form->value[flag] = value;
  }
  form->given[flag] = true;
  return true;
}

static enum fast_flag flag_by_letter(char letter) {
  unsigned i = 0;
  while (i < FLAG_COUNT && flags[i].letter != letter) i++;
  return (enum fast_flag)i;
}

static enum fast_flag flag_by_name(const char *name, size_t length) {
  unsigned i = 0;
  while (i < FLAG_COUNT && (strncmp(flags[i].name, name, length) != 0 || flags[i].name[length] != '\0')) i++;
  return (enum fast_flag)i;
}

/* `--name`, `--name VALUE`, `--name=VALUE`. How many words it takes; 0: it is none of ours. */
static int take_long(struct form *form, const char *word, const char *next) {
  size_t length = strcspn(word + 2, "=");
  enum fast_flag flag = flag_by_name(word + 2, length);
  if (flag == FLAG_COUNT) return 0;
  if (word[2 + length] == '=') return flags[flag].takes_value && add(form, flag, word + 3 + length) ? 1 : 0;
  if (!flags[flag].takes_value) return add(form, flag, NULL) ? 1 : 0;
  return add(form, flag, next) ? 2 : 0;
}

/* `-e VALUE`, or one or more without a value: `-it`. */
static int take_short(struct form *form, const char *word, const char *next) {
  enum fast_flag flag = flag_by_letter(word[1]);
  if (flag == FLAG_COUNT) return 0;
  if (flags[flag].takes_value) return word[2] == '\0' && add(form, flag, next) ? 2 : 0;
  for (const char *letter = word + 1; *letter != '\0'; letter++) {
    flag = flag_by_letter(*letter);
    if (flag == FLAG_COUNT || flags[flag].takes_value || !add(form, flag, NULL)) return 0;
  }
  return 1;
}

static bool find_verb(const char *word, enum fast_verb *verb) {
  for (unsigned i = 0; i < FAST_COUNT; i++) {
    if (strcmp(word, verbs[i].name) != 0 && strcmp(word, verbs[i].alias) != 0) continue;
    *verb = (enum fast_verb)i;
    return true;
  }
  return false;
}

/* Whether all that was given makes sense together. */
static bool is_whole(const struct form *form) {
  for (unsigned flag = 0; flag < FLAG_COUNT; flag++) {
    if ((verbs[form->verb].required & BIT(flag)) != 0 && !form->given[flag]) return false;
  }
  if (form->given[FLAG_TTY] && form->given[FLAG_NO_TTY]) return false;
  if (form->zone == NULL || !is_name(form->zone) || form->rest_count < verbs[form->verb].least_rest) return false;
  return form->rest_count == 0 || *form->rest[0] != '\0' || (form->verb != FAST_EXEC && form->verb != FAST_CLAIM);
}

bool form_parse(int argc, char **argv, struct form *form) {
  *form = (struct form){.rest = argv + argc};
  if (argc < 2 || !find_verb(argv[1], &form->verb) || *argv[1] == '\0') return false;
  bool passes_on = verbs[form->verb].passes_on;
  for (int at = 2; at < argc;) {
    const char *word = argv[at];
    if (*word == '-') {
      /* Also what is only dashes: node knows what it means. */
      if (word[1] == '\0' || strcmp(word, "--") == 0) return false;
      int words = word[1] == '-' ? take_long(form, word, argv[at + 1]) : take_short(form, word, argv[at + 1]);
      if (words == 0) return false;
      at += words;
      continue;
    }
    if (form->zone != NULL) return false;
    form->zone = word;
    at++;
    if (!passes_on) continue;
    if (at < argc && strcmp(argv[at], "--") == 0) at++;
    form->rest = argv + at;
    form->rest_count = argc - at;
    break;
  }
  return is_whole(form);
}

void forms_print(void) {
  printf("\"forms\":{");
  for (unsigned i = 0; i < FAST_COUNT; i++) {
    printf("%s\"%s\":{\"alias\":\"%s\",\"rest\":%d,\"flags\":{", i == 0 ? "" : ",", verbs[i].name, verbs[i].alias,
           verbs[i].passes_on ? verbs[i].least_rest : -1);
    const char *comma = "";
    for (unsigned flag = 0; flag < FLAG_COUNT; flag++) {
      if ((verbs[i].flags & BIT(flag)) == 0) continue;
      printf("%s\"%s\":{\"char\":\"%c\",\"value\":%s,\"required\":%s}", comma, flags[flag].name, flags[flag].letter,
             flags[flag].takes_value ? "true" : "false", (verbs[i].required & BIT(flag)) != 0 ? "true" : "false");
      comma = ",";
    }
    printf("}}");
  }
  printf("}");
}
