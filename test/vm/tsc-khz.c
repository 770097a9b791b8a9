/* Prints how fast this machine's time stamp counter runs, in kHz. An emulated processor shows its guest the same one. */
#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <x86intrin.h>

static int64_t monotonic_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000000000LL + now.tv_nsec;
}

/* Both at one moment: of many pairs, the one that took the least to read was not interrupted. */
static void read_pair(int64_t *ns, int64_t *ticks) {
  int64_t least = INT64_MAX;
  for (int i = 0; i < 1000; i++) {
    int64_t before = (int64_t)__rdtsc(), at = monotonic_ns(), after = (int64_t)__rdtsc();
    if (after - before >= least) continue;
    least = after - before;
    *ns = at;
    *ticks = before + least / 2;
  }
}

int main(void) {
  int64_t ns[2], ticks[2];
  read_pair(&ns[0], &ticks[0]);
  nanosleep(&(struct timespec){.tv_nsec = 200000000}, NULL);
  read_pair(&ns[1], &ticks[1]);
  printf("%lld\n", (long long)((ticks[1] - ticks[0]) * 1000000 / (ns[1] - ns[0])));
  return 0;
}
