/* seccomp.load: a filter that comes as bytes. What it lets through is made up in TypeScript. */
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "hex.h"
#include "report.h"
#include "settings.h"
#include "words.h"
#include "zone.h"

/* From linux/seccomp.h and linux/filter.h. */
enum { SET_MODE_FILTER = 1, MAX_INSTRUCTIONS = 4096, INSTRUCTION_BYTES = 8 };
struct program {
  unsigned short length;
  void *instructions;
};

enum { NOW, AT_EXEC };

static _Alignas(8) unsigned char instructions[MAX_INSTRUCTIONS * INSTRUCTION_BYTES];
static struct program program = {0, instructions};
static unsigned flags;

void seccomp_install(void) {
  if (program.length == 0) return;
  if (syscall(SYS_seccomp, SET_MODE_FILTER, flags, &program) != 0) fail("seccomp", "");
}

void seccomp_load(const struct op *op) {
  static const struct word moments[] = {{"now", NOW}, {"exec", AT_EXEC}, {NULL, 0}};
  const char *hex = op_arg(op, 2);
  size_t bytes = strlen(hex) / 2;
  flags = (unsigned)parse_number(op_arg(op, 1));
  if (bytes == 0 || strlen(hex) % (2 * INSTRUCTION_BYTES) != 0 || bytes > sizeof instructions ||
      !hex_decode(hex, instructions, bytes))
    fail_with(EINVAL, "", "", "not a filter");
  program.length = (unsigned short)(bytes / INSTRUCTION_BYTES);
  if (words_parse(op_arg(op, 0), moments) == AT_EXEC) return;
  seccomp_install();
  program.length = 0;
}
