/* Loads and attaches a device program, see program.h. Its instructions come from node as they are. */
#include "program.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compat.h"
#include "host.h"
#include "report.h"
#include "settings.h"

enum { INSTRUCTION_BYTES = 8 };

static int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

/* The length in bytes. */
static size_t decode(const char *hex, unsigned char *bytes) {
  size_t length = strlen(hex);
  if (length == 0 || length % (2 * INSTRUCTION_BYTES) != 0) fail_with(EINVAL, "", "", "the program is cut off");
  for (size_t i = 0; i < length / 2; i++) {
    int high = digit(hex[2 * i]);
    int low = digit(hex[2 * i + 1]);
    if (high < 0 || low < 0) fail_with(EINVAL, "", "", "the program is not hexadecimal");
    bytes[i] = (unsigned char)(high * 16 + low);
  }
  return length / 2;
}

static int load(const char *hex) {
  unsigned char *bytes = malloc(strlen(hex) / 2 + 1);
  if (bytes == NULL) fail("malloc", "");
  size_t length = decode(hex, bytes);
  struct tz_bpf_load attr = {
      .type = TZ_BPF_PROG_TYPE_CGROUP_DEVICE,
      .count = (uint32_t)(length / INSTRUCTION_BYTES),
      .instructions = (uint64_t)(uintptr_t)bytes,
      .license = (uint64_t)(uintptr_t) "Apache-2.0",
      .name = "tszone_devices",
  };
  int program = tz_bpf(TZ_BPF_PROG_LOAD, &attr, sizeof attr);
  if (program < 0) fail("bpf(BPF_PROG_LOAD)", settings.program_group);
  free(bytes);
  return program;
}

void program_attach(void) {
  if (settings.program == NULL) return;
  report_step("cgroup.program", settings.program_op);
  int program = load(settings.program);
  int group = open(settings.program_group, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (group < 0) fail("open", settings.program_group);
  /* Without flags it is the group's only one and none can be put below it; another one takes its place in one step. */
  struct tz_bpf_attach attr = {(uint32_t)group, (uint32_t)program, TZ_BPF_CGROUP_DEVICE, 0};
  if (tz_bpf(TZ_BPF_PROG_ATTACH, &attr, sizeof attr) != 0) fail("bpf(BPF_PROG_ATTACH)", settings.program_group);
  close(group);
  close(program);
}

int program_main(int argc, char **argv) {
  static struct plan plan;
  (void)argc;
  host_begin(argv - 1);
  host_read_plan(&plan, false);
  program_attach();
  report_exited(0, 0, 0);
  return 0;
}
